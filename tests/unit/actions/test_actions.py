"""Corrective actions as people use them: opened by a run, closed by a later passing one and a second person."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from unit.evidence.record.scenarios import SCENARIOS

from drorch.actions.codec import REGISTER_COLUMNS
from drorch.actions.log import ACTIONS
from drorch.actions.operations import Actions
from drorch.actions.run_records import run_seen
from drorch.app import composition
from drorch.core.codec import plain
from drorch.core.errors import Broken, DrorchError, InputInvalid, NotFound, Refused
from drorch.interfaces.terminal.year.action import app
from drorch.testing.clock import HandClock
from drorch.testing.streams import edit_file
from drorch.year.log import Recorded, year_log
from drorch.year.model import Activity, TestResult
from drorch.year.operations import attach

FOUND = "20260214-0300-failover-7k2q"
STEP = "step-failed/payroll/start"
Run = Callable[..., Any]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    found = HandClock(datetime(2026, 2, 15, 9, tzinfo=UTC))
    monkeypatch.setattr(composition, "clock", lambda: found)
    # The made-up records have no journal; that a record is built again and compared is tested on the lab.
    monkeypatch.setattr(composition, "record_holds", lambda run: None)
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock) -> Path:
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path))
    store(tmp_path, "problem-failover")
    return tmp_path


def store(home: Path, scenario: str, run: str | None = None, day: str | None = None, **changes: object) -> str:
    """A run's record in the state folder; with ``run`` and ``day`` under another id on another day."""
    data: dict[str, Any] = json.loads(json.dumps(plain(SCENARIOS[scenario]())))
    data["run"] |= {"id": run or data["run"]["id"], **changes}
    for moment in ("created", "started", "ended"):
        if day and data["run"][moment]:
            data["run"][moment]["wall"] = f"{day}{data['run'][moment]['wall'][10:]}"
    folder = home / "runs" / data["run"]["id"]
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    (folder / "report.json").write_text(json.dumps(data))
    return folder.name


def call(*words: str, by: str = "Amina Diallo", code: int = 0) -> str:
    said = [] if words[0] in ("list", "show", "register") else ["--by", by, "--reason", "because"]
    ended = CliRunner().invoke(app, [*words, *said])
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == code, ended.output
    return ended.stdout


def state(action: str = "ca-1") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("show", action, "--json"))
    return found


def opened_and_owned(due: str = "2026-03-31") -> None:
    call("open", "--run", FOUND, "--finding", STEP)
    call("assign", "ca-1", "--owner", "Olga Petrova", "--organisation", "OICT", "--due", due)
    call("update", "ca-1", "--action", "Give the listener its port back", "--element", "equipment", "--begin")


def written_up() -> None:
    call("update", "ca-1", "--root-cause", "old port", "--similar-cases", "none of 76", "--plan-change", "none needed")


def refused(match: str, *words: str, by: str = "Amina Diallo") -> None:
    before = composition.event_store().read(ACTIONS)
    with pytest.raises(DrorchError, match=match) as caught:
        call(*words, by=by)
    assert isinstance(caught.value, Refused | InputInvalid)
    assert caught.value.next_step
    assert composition.event_store().read(ACTIONS) == before, "a refusal writes nothing"


def test_findings_of_a_run_hide_no_cause_behind_effects(home: Path) -> None:
    found = {item.source.key: item for item in run_seen(home, FOUND).problems}
    assert STEP in found
    assert {str(item) for item in found[STEP].subjects} >= {"step:payroll/start", "application:payroll"}
    assert {"vacuous/intranet", "objective-missed/documents", "not-measured/library"} <= set(found)
    assert {"records-duplicated/documents", "step-repeated/nyc-content/recover", "site-validity/piscataway"} <= set(
        found
    )
    assert not any(key.startswith("application-failed") for key in found), "they fell because of the step"


def test_import_opens_each_finding_once(home: Path) -> None:
    first = json.loads(call("import-from", FOUND, "--json"))
    assert len(first["opened"]) == len(run_seen(home, FOUND).problems)
    again = json.loads(call("import-from", FOUND, "--json"))
    assert (again["opened"], again["known_already"]) == ([], len(first["opened"]))
    refused("is about it already", "open", "--run", FOUND, "--finding", STEP)


def test_the_whole_way_to_closed(home: Path, clock: HandClock, tmp_path: Path) -> None:
    opened_and_owned()
    assert state()["state"] == "in-progress"
    shown = tmp_path / "change.txt"
    shown.write_text("port 9443 opened")
    call("claim", "ca-1", "--evidence", str(shown), by="Olga Petrova")
    assert state()["state"] == "done"
    assert state()["evidence"][0]["sha256"] == attach(shown).sha256
    store(home, "ok-failover", "20260301-good", "2026-03-01")
    clock.advance(20 * 86400)
    call("verify", "ca-1", "--retest", "20260301-good", "--method", "retest in the March failover")
    assert (state()["state"], state()["effective"], state()["verifier"]) == ("verified", True, "Amina Diallo")
    refused("root cause", "close", "ca-1")
    written_up()
    call("close", "ca-1")
    final = state()
    assert (final["state"], final["retest"], final["reopened"]) == ("closed", "20260301-good", 0)
    assert [line["state"] for line in final["history"]][-1] == "closed"
    refused("closed", "update", "ca-1", "--action", "more")


def test_the_owner_verifies_and_closes_nothing_under_any_spelling_or_after_a_change_of_owner(
    home: Path, clock: HandClock
) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Claude Martin")
    store(home, "ok-failover", "20260301-good", "2026-03-01")
    clock.advance(20 * 86400)
    words = ("verify", "ca-1", "--retest", "20260301-good", "--method", "looked")
    refused("may not verify", *words, by="olga  PETROVA")
    refused("may not verify", *words, by="Claude Martin")
    call("assign", "ca-1", "--owner", "Amina Diallo", "--organisation", "OICT", "--due", "2026-04-01")
    refused("may not verify", *words, by="Olga Petrova")
    call(*words, by="Third Person")
    written_up()
    refused("may not close", "close", "ca-1", by="Olga Petrova")


@pytest.mark.parametrize(
    ("scenario", "day", "changes", "why"),
    [
        ("ok-failover", "2026-02-10", {}, "not later than the work"),
        ("ok-failover", "2026-03-01", {"estate": "paper"}, "ran on the estate 'paper'"),
        ("readiness", "2026-03-01", {}, "a readiness does not prove it"),
        ("drill", "2026-03-01", {}, "a drill does not prove it"),
        ("ok-failover", "2026-03-01", {"ended": None}, "has not ended"),
    ],
)
def test_only_a_later_passing_run_of_its_kind_there_proves_it(
    home: Path, clock: HandClock, scenario: str, day: str, changes: dict[str, object], why: str
) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Olga Petrova")
    run = store(home, scenario, "other-run", day, **changes)
    clock.advance(20 * 86400)
    refused(why, "verify", "ca-1", "--retest", run, "--method", "x")


def test_a_failed_run_and_one_that_leaves_it_out_prove_nothing(home: Path, clock: HandClock) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Olga Petrova")
    run = store(home, "ok-failover", "left-out", "2026-03-01")
    path = home / "runs" / run / "report.json"
    data = json.loads(path.read_text())
    for step in data["steps"]:
        if step["id"] == "payroll/start":
            step["outcome"] = "skipped"
    path.write_text(json.dumps(data))
    clock.advance(20 * 86400)
    words = ("verify", "ca-1", "--retest", run, "--method", "x")
    refused("step:payroll/start is skipped", *words)
    data["steps"] = [step for step in data["steps"] if step["id"] != "payroll/start"]
    path.write_text(json.dumps(data))
    refused("does not cover step:payroll/start", *words)
    data["result"] |= {"overall": "fail", "reason": "1 failed"}
    path.write_text(json.dumps(data))
    refused("did not pass: 1 failed", *words)
    refused("it is the run that found it", "verify", "ca-1", "--retest", FOUND, "--method", "x")
    with pytest.raises(NotFound):
        call("verify", "ca-1", "--retest", "nobody", "--method", "x")


def test_a_record_that_does_not_hold_proves_nothing(
    home: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Olga Petrova")
    store(home, "ok-failover", "20260301-good", "2026-03-01")
    clock.advance(20 * 86400)
    monkeypatch.undo()
    monkeypatch.setattr(composition, "clock", lambda: clock)
    monkeypatch.setenv("DRORCH_HOME", str(home))
    refused("cannot be built again", "verify", "ca-1", "--retest", "20260301-good", "--method", "x")


def test_a_regression_opens_it_again_by_itself(home: Path, clock: HandClock) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Olga Petrova")
    store(home, "ok-failover", "20260301-good", "2026-03-01")
    clock.advance(20 * 86400)
    call("verify", "ca-1", "--retest", "20260301-good", "--method", "looked")
    written_up()
    call("close", "ca-1")
    store(home, "problem-failover", "20260601-bad", "2026-06-01")
    clock.advance(100 * 86400)
    reader = Actions(home, composition.event_store(), clock).read_only().actions["ca-1"]
    assert (reader.state.value, reader.reopened) == ("re-opened", 1), "a reader that writes nothing sees it as well"
    call("list", code=1)
    final = state()
    assert (final["state"], final["reopened"], final["effective"]) == ("re-opened", 1, False)
    assert final["recurred_in"] == ["20260601-bad"]
    assert final["history"][-1]["person"] == "drorch"
    assert state()["reopened"] == 1, "one run opens it once"


def test_a_drill_does_not_close_what_a_failover_has_shown_since(home: Path, clock: HandClock) -> None:
    found = store(home, "problem-failover", "20260215-drill", "2026-02-15", kind="drill")
    call("open", "--run", found, "--finding", STEP)
    call("assign", "ca-1", "--owner", "Olga Petrova", "--organisation", "OICT", "--due", "2026-04-01")
    call("update", "ca-1", "--action", "Open the port")
    call("claim", "ca-1", by="Olga Petrova")
    store(home, "problem-failover", "20260301-bad", "2026-03-01")
    clock.advance(20 * 86400)
    assert (state()["state"], state()["kinds"]) == ("re-opened", ["drill", "failover"])
    call("claim", "ca-1", by="Olga Petrova")
    store(home, "ok-failover", "20260310-good", "2026-03-10", kind="drill")
    store(home, "ok-failover", "20260311-good", "2026-03-11")
    clock.advance(20 * 86400)
    refused("a drill does not prove it", "verify", "ca-1", "--retest", "20260310-good", "--method", "x")
    call("verify", "ca-1", "--retest", "20260311-good", "--method", "x")


def test_a_secret_somebody_types_is_not_kept(home: Path) -> None:
    call("open", "--run", FOUND, "--finding", STEP)
    call("update", "ca-1", "--root-cause", "the login with password=Tulip4711 was refused")
    assert state()["root_cause"] == "the login with password=[redacted] was refused"
    assert not any("Tulip4711" in record.body for record in composition.event_store().read(ACTIONS))


def test_the_way_home_has_an_action_of_its_own(home: Path) -> None:
    call("open", "--run", FOUND, "--finding", STEP)
    back = store(home, "problem-failover", "20260215-back", "2026-02-15", kind="failback")
    call("open", "--run", back, "--finding", STEP)
    assert state("ca-2")["source"]["kind"] == "failback"


def test_a_claim_that_a_run_belies_is_open_again(home: Path, clock: HandClock) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Olga Petrova")
    store(home, "problem-failover", "20260301-bad", "2026-03-01")
    clock.advance(20 * 86400)
    assert (state()["state"], state()["reopened"]) == ("re-opened", 1)
    refused("only what is claimed done", "verify", "ca-1", "--retest", "20260301-bad", "--method", "x")


def test_not_effective_and_reopen_count(home: Path, clock: HandClock) -> None:
    opened_and_owned()
    call("claim", "ca-1", by="Olga Petrova")
    call("verify", "ca-1", "--retest", FOUND, "--method", "looked", "--not-effective")
    assert (state()["state"], state()["effective"], state()["reopened"]) == ("re-opened", False, 1)
    call("claim", "ca-1", by="Olga Petrova")
    call("reopen", "ca-1")
    assert (state()["state"], state()["reopened"]) == ("re-opened", 2)
    refused("open already", "reopen", "ca-1")


def test_overdue_is_said_and_is_an_exit_code(home: Path, clock: HandClock) -> None:
    opened_and_owned(due="2026-02-16")
    call("list")
    clock.advance(3 * 86400)
    assert "overdue" in call("list", code=1)
    counted = Actions(home, composition.event_store(), clock).counts()
    assert counted["overdue"] == {"critical": 1, "major": 0, "minor": 0}
    call("claim", "ca-1", by="Olga Petrova")
    assert Actions(home, composition.event_store(), clock).counts()["overdue"]["critical"] == 1, "claimed is not proved"


def test_an_exercise_is_proved_by_a_later_record_of_the_year(home: Path, clock: HandClock) -> None:
    call("open", "--title", "Two numbers are old", "--severity", "minor", "--exercise", "call-out-exercise/dm")
    call("assign", "ca-1", "--owner", "Olga Petrova", "--organisation", "DM", "--due", "2026-03-31")
    call("update", "ca-1", "--action", "Correct the tree")
    call("claim", "ca-1", by="Olga Petrova")
    year = year_log(composition.event_store())

    def record(day: int, *subjects: str, result: TestResult = TestResult.PASS) -> str:
        body = Recorded(activity=Activity.CALL_OUT_EXERCISE, subjects=subjects, day=date(2026, 2, day), result=result)
        (event,) = year.append("", lambda _: [body], at=clock.now().wall, person="O", reason="r")
        return f"record {event.seq}"

    def verify(retest: str) -> tuple[str, ...]:
        return ("verify", "ca-1", "--retest", retest, "--method", "x")

    refused("not later than the work", *verify(record(15, "dm")))
    refused("does not cover", *verify(record(20, "oict")))
    refused("says fail", *verify(record(20, "dm", result=TestResult.FAIL)))
    refused("no run holds an exercise", *verify(FOUND))
    refused("no record 99 stands", *verify("record 99"))
    call(*verify(record(20, "dm")))
    assert state()["state"] == "verified"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("open", "--title", "x", "--severity", "minor"), "nothing that a later test could prove"),
        (("open", "--title", "x", "--severity", "minor", "--application", "umoja"), "where a retest would have to run"),
        (("open", "--title", "x", "--severity", "minor", "--exercise", "party/dm"), "is no exercise"),
        (("open", "--title", "\x07", "--severity", "minor", "--exercise", "training/dm"), "control characters"),
        (("open", "--title", "x"), "nothing says what is wrong"),
        (("open", "--run", FOUND), "belong together"),
        (("open", "--run", FOUND, "--finding", "nothing/here"), "has no finding"),
        (("claim", "ca-1"), "has no owner"),
        (("claim", "ca-9"), "there is no corrective action"),
        (("update", "ca-1"), "nothing to change"),
        (("update", "ca-1", "--begin"), "has no owner"),
        (("assign", "ca-1", "--owner", " ", "--organisation", "x", "--due", "2026-04-01"), "has to say something"),
        (("assign", "ca-1", "--owner", "A", "--organisation", "x", "--due", "2026-01-01"), "before it starts"),
        (("assign", "ca-1", "--owner", "A", "--organisation", "x", "--due", "soon"), "not a date"),
        (("close", "ca-1"), "can be closed"),
        (("reopen", "ca-1"), "open already"),
        (("verify", "ca-1", "--retest", FOUND, "--method", "x"), "only what is claimed done"),
    ],
)
def test_bad_input_is_refused_with_the_reason_and_nothing_is_lost(home: Path, words: tuple[str, ...], why: str) -> None:
    call("open", "--run", FOUND, "--finding", STEP)
    refused(why, *words)


def test_a_claim_lies_between_the_finding_and_now(home: Path) -> None:
    opened_and_owned()
    refused("in the future", "claim", "ca-1", "--completed", "2027-01-01T00:00")
    refused("before it was found", "claim", "ca-1", "--completed", "2026-01-01T00:00")


def test_a_changed_log_is_noticed_and_a_damaged_record_hides_nothing(home: Path) -> None:
    opened_and_owned()
    broken = home / "runs" / "broken"
    broken.mkdir()
    (broken / "report.json").write_text("{")
    assert "broken is not seen" in call("list")
    edit_file(home / "store.sqlite", ACTIONS, 2, "Olga Petrova", "Somebody Else")
    with pytest.raises(Broken, match="the store was changed") as caught:
        call("list")
    assert caught.value.where == "actions record 2"


def test_the_register_holds_every_field_and_starts_no_formula(home: Path) -> None:
    opened_and_owned()
    call("update", "ca-1", "--root-cause", "=cmd()", "--immediate-correction", 'said "so", twice')
    rows = list(csv.DictReader(io.StringIO(call("register"))))
    assert tuple(rows[0]) == REGISTER_COLUMNS
    assert rows[0]["root_cause"] == "'=cmd()"
    assert rows[0]["immediate_correction"] == 'said "so", twice'
    assert rows[0]["source_run"] == FOUND
    assert "Olga Petrova" in call("show", "ca-1")
