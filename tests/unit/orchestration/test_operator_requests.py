"""The operator's use cases and commands over a real state folder: what is mistyped or untimely changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drorch.adapters.clock import SystemClock
from drorch.adapters.store.events import SqlStore
from drorch.app import composition
from drorch.core.errors import Refused
from drorch.core.files import write_whole
from drorch.core.ids import short
from drorch.core.state_folder import run_folder
from drorch.interfaces.terminal.main import main
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.model import Kind, ManualAct, Plan
from drorch.run import events as ev
from drorch.run.journal import RunJournal
from drorch.run.ports import OperatorRequest
from drorch.run.recorder import Recorder
from drorch.testing.fakes import MemoryInbox
from drorch.testing.plans import drill_plan, make_plan, playbook_step, proof_step, with_undo
from drorch.testing.runs import created, done, failed, start, unknown

PLAN = with_undo(make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])], kind=Kind.SWITCHOVER), "x")
WHO = ("--by", "Ana", "--reason", "because")
OLGA = ("--by", "olga  OPERATOR", "--reason", "because")
INCOMPLETE = ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r")


class Desk:
    """A state folder with runs in it, and what the command said last."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._capsys, self._monkeypatch = home, capsys, monkeypatch
        home.mkdir()
        store = SqlStore(home / "store.sqlite")
        self.journal, self.inbox = RunJournal(store), MemoryInbox(store)
        self.out = self.err = ""

    def run(self, name: str, *bodies: ev.Body, plan: Plan = PLAN) -> str:
        """A run with these events behind its creation by Olga Operator."""
        write_whole(run_folder(self.home, name, must_exist=False).plan, plan_to_text(plan))
        Recorder.create(self.journal, SystemClock(), plan, name, created(plan)).record(*bodies)
        return name

    def types(self, *words: str) -> int:
        """One ``drorch run`` command; its exit code."""
        self._monkeypatch.setattr("sys.argv", ["drorch", "run", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def left(self, run: str) -> list[ev.Body]:
        """Requests in the inbox."""
        return [request.body for request in self.requests(run)]

    def requests(self, run: str) -> tuple[OperatorRequest, ...]:
        """Requests in the inbox with when they were made."""
        return self.inbox.pending(run)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An empty state folder."""
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    made = Desk(tmp_path / "home", capsys, monkeypatch)
    yield made
    made.journal.store.close()


AWAITED = ev.ApprovalAwaited(person="Olga Operator", reason="prepared", within_s=0)
HASH = short(plan_id(PLAN))


@pytest.mark.parametrize(
    ("bodies", "words", "code", "says"),
    [
        ((), ("pause", "r-on", *WHO), 2, "did you mean r-one?"),
        ((), ("retry", "r-one", "a/xx", *WHO), 2, "did you mean"),
        ((), ("pause", "r-one", "--by", " ", "--reason", "why"), 2, "the person is empty"),
        ((), ("pause", "r-one", "--by", "Ana", "--reason", ""), 2, "the reason is empty"),
        ((), ("pause", "r-one", "--by", "Ana"), 2, "--reason"),
        ((), ("approve", "r-one", *WHO, "--plan", "abc"), 2, "at least 12 hex digits"),
        ((AWAITED,), ("approve", "r-one", *WHO, "--plan", "0123456789ab"), 3, "the approval is for the plan"),
        (
            (AWAITED,),
            ("approve", "r-one", "--by", "olga operator", "--reason", "r", "--plan", HASH),
            3,
            "somebody else",
        ),
        (
            (AWAITED, ev.Approved(plan_id=plan_id(PLAN), person="Ana", reason="r")),
            ("approve", "r-one", *WHO, "--plan", HASH),
            3,
            "approved already",
        ),
        ((ev.RunStarted(),), ("approve", "r-one", *WHO, "--plan", HASH), 3, "has started"),
        ((ev.RunStarted(),), ("resume", "r-one", *WHO), 3, "not paused"),
        ((ev.RunStarted(), *done("a/x")), ("retry", "r-one", "a/x", *WHO), 3, "has not failed"),
        ((ev.RunStarted(),), ("undo", "r-one", *WHO), 3, "nothing to undo"),
        ((ev.RunStarted(), *done("a/x"), *done("b/x")), ("undo", "r-one", "a/x", *WHO), 3, "name it too"),
        ((ev.RunStarted(),), ("cleanup", "r-one", *WHO), 3, "use undo"),
        ((ev.RunStarted(),), ("override", "r-one", "fencing", *WHO, "--by", "Bea"), 3, "never overridden"),
        ((ev.RunStarted(),), ("override", "r-one", "lag", *WHO), 2, "second person is empty"),
    ],
)
def test_a_wrong_request_is_refused_in_words_and_leaves_no_trace(
    desk: Desk, bodies: tuple[ev.Body, ...], words: tuple[str, ...], code: int, says: str
) -> None:
    run = desk.run("r-one", *bodies)
    before = desk.journal.read(run)
    assert desk.types(*words) == code
    assert says in desk.err
    assert "Traceback" not in desk.err
    assert desk.journal.read(run) == before
    assert desk.left(run) == []


def test_an_approval_is_left_for_the_driver_with_its_time(desk: Desk) -> None:
    run = desk.run("r-one", AWAITED)
    assert desk.types("approve", run, *WHO, "--plan", HASH) == 0
    assert f"drorch run attach {run}" in desk.out
    (request,) = desk.requests(run)
    assert request.body == ev.Approved(plan_id=plan_id(PLAN), person="Ana", reason="because")
    assert request.asked is not None
    assert desk.types("approve", run, *WHO, "--plan", HASH) == 3
    assert len(desk.requests(run)) == 1


def test_a_driver_that_lives_takes_the_request(desk: Desk) -> None:
    run = desk.run("r-one", ev.DriverAttached(host=platform.node(), pid=os.getpid()), ev.RunStarted(), start("a/x"))
    assert desk.types("pause", run, *WHO) == 0
    assert "takes it up now" in desk.out


def test_a_second_driver_is_refused_and_does_not_end_the_first(desk: Desk) -> None:
    run = desk.run("r-one", ev.DriverAttached(host=platform.node(), pid=os.getpid()), ev.RunStarted(), start("a/x"))
    before = desk.journal.read(run)
    with pytest.raises(Refused, match=f"process {os.getpid()} on"):
        composition.operations().refuse_second_driver(run)
    assert desk.journal.read(run) == before


def test_a_process_that_has_the_number_of_a_lost_driver_is_none(desk: Desk) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        early = replace(SystemClock().now(), mono=0.0)
        run = desk.run("r-one")
        body = ev.DriverAttached(host=platform.node(), pid=child.pid)
        desk.journal.append([ev.Event(run=run, seq=2, at=early, body=body)])
        assert not composition.operations().now(run).driven
    finally:
        child.communicate(b"\n", timeout=30)


def test_a_driver_that_is_gone_does_not(desk: Desk) -> None:
    run = desk.run("r-one", ev.DriverAttached(host=platform.node(), pid=2**22 + 1), ev.RunStarted(), *unknown("a/x"))
    assert desk.types("retry", run, "a/x", *WHO) == 0
    assert f"drorch run attach {run}" in desk.out


def test_evidence_in_a_file_is_kept_with_its_hash(desk: Desk, tmp_path: Path) -> None:
    run = desk.run("r-one", ev.RunStarted(), *unknown("a/x"))
    photo = tmp_path / "rack 7.jpg"
    photo.write_bytes(b"\xff\xd8 picture")
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert desk.types("resolve", run, "a/x", *WHO, "--evidence", str(photo)) == 0
    (body,) = desk.left(run)
    assert isinstance(body, ev.StepResolved)
    name, said = body.evidence.split()
    assert said == f"sha256:{digest}"
    assert (run_folder(desk.home, run).path / name).read_bytes() == photo.read_bytes()
    assert name == f"evidence/{digest[:12]}-rack_7.jpg"


def test_evidence_in_words_stays_words_and_a_refused_one_is_not_kept(desk: Desk, tmp_path: Path) -> None:
    run = desk.run("r-one", ev.RunStarted(), start("a/x"))
    (tmp_path / "photo").write_bytes(b"x")
    assert desk.types("resolve", run, "a/x", *WHO, "--evidence", str(tmp_path / "photo")) == 3
    assert not run_folder(desk.home, run).evidence.exists()
    other = desk.run("r-two", ev.RunStarted(), *unknown("a/x"))
    assert desk.types("resolve", other, "a/x", *WHO, "--evidence", "ticket 12 " + "é" * 300) == 0
    assert desk.left(other)[0].evidence.startswith("ticket 12 é")  # type: ignore[union-attr]


def test_a_secret_typed_into_a_reason_is_not_kept(desk: Desk) -> None:
    run = desk.run("r-one", ev.RunStarted())
    assert desk.types("pause", run, "--by", "Ana", "--reason", "it said password=hunter2 there") == 0
    assert "hunter2" not in str(desk.left(run))


def test_undo_without_steps_means_everything_backwards(desk: Desk) -> None:
    run = desk.run("r-one", ev.RunStarted(), *done("a/x"), *failed("b/x"), INCOMPLETE)
    assert desk.types("undo", run, *WHO) == 0
    assert desk.left(run) == [ev.UndoRequested(steps=("b/x", "a/x"), person="Ana", reason="because")]


def test_steps_named_in_any_order_are_undone_in_the_right_one(desk: Desk) -> None:
    run = desk.run("r-one", ev.RunStarted(), *done("a/x"), *done("b/x"), INCOMPLETE)
    assert desk.types("undo", run, "a/x", "b/x", *WHO) == 0
    assert desk.left(run)[0].steps == ("b/x", "a/x")  # type: ignore[union-attr]


@pytest.mark.parametrize("later_ended", [True, False])
def test_a_run_that_a_later_one_of_the_same_group_replaced_is_not_taken_up(desk: Desk, later_ended: bool) -> None:
    plan = drill_plan()
    first = desk.run("r-one", ev.RunStarted(), *failed("g/check"), INCOMPLETE, plan=plan)
    later = [INCOMPLETE] if later_ended else []
    desk.run("r-two", ev.RunStarted(), *failed("g/check"), *later, plan=plan)
    assert desk.types("retry", first, "g/check", *WHO) == 3
    assert "r-two has taken over g since" in desk.err
    assert desk.left(first) == []


def test_watch_says_what_waits_for_whom_since_when(desk: Desk) -> None:
    run = desk.run("r-one", ev.RunStarted(), *unknown("a/x"))
    assert desk.types("watch", run) == 0
    assert "waits for Olga Operator, since " in desk.out
    assert "a/x: how it ended: no result; blocks 1" in desk.out
    assert f"drorch run resolve|retry|skip {run} a/x" in desk.out
    assert desk.types("watch", run, "--json") == 0
    told = json.loads(desk.out)
    assert [need["step"] for need in told["waits_for"]] == ["a/x", None]
    assert (told["driven"], told["outcome"], told["steps"], told["done"]) == (False, None, 2, 0)
    assert told["people_s"] + told["machine_s"] == pytest.approx(0.0, abs=60.0)


def test_watch_warns_of_what_is_slower_than_in_earlier_runs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        desk.run(f"before-{number}", ev.RunStarted(), *done("a/x"))
    run = desk.run("r-one", ev.RunStarted(), start("a/x"))
    monkeypatch.setattr("drorch.run.pace.LEAST_S", 0.0)
    assert desk.types("watch", run, "--json") == 0
    (item,) = json.loads(desk.out)["under_way"]
    assert item["step"] == "a/x"
    assert "slower than usual" in item["slow"]["text"]


def test_an_unknown_run_is_not_watched(desk: Desk) -> None:
    assert desk.types("watch", "nothing") == 2
    assert "run list" in desk.err


@pytest.mark.parametrize("deadline", ["soon", "-5m", ""])
def test_a_deadline_that_is_no_duration_is_bad_input(desk: Desk, tmp_path: Path, deadline: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(plan_to_text(PLAN))
    words = ("prepare", str(plan), "--operator", "Olga", f"--approval-deadline={deadline}", "--estate", str(plan))
    assert desk.types(*words) == 2
    assert "not a duration" in desk.err
    assert desk.journal.runs() == ()


def test_a_run_holds_its_groups_also_while_its_estate_cannot_be_read(desk: Desk) -> None:
    plan = drill_plan()
    desk.run("under-way", ev.RunStarted(), plan=plan)
    folder = run_folder(desk.home, "under-way")
    write_whole(folder.context, json.dumps({"estate": str(desk.home / "edited.yaml"), "watch": "under-way"}))
    write_whole(desk.home / "edited.yaml", "sites: [half written")
    assert set(composition.service(desk.home).open_groups(except_run="another").values()) == {"under-way"}


def manual_plan() -> Plan:
    """Something a person has to do, with evidence, and what comes behind it."""
    act = ManualAct(text="Turn the key", role="storage team", minutes=5, evidence_required=True)
    hand = replace(proof_step("a/manual-key", act), timeout_s=600.0)
    free = replace(
        proof_step("b/manual-look", replace(act, evidence_required=False), needs=["a/manual-key"]), timeout_s=600.0
    )
    return make_plan([hand, free, playbook_step("a/x", needs=["b/manual-look"])])


def test_a_manual_step_is_signed_off_with_the_evidence_it_requires(desk: Desk, tmp_path: Path) -> None:
    run = desk.run("r", ev.RunStarted(), start("a/manual-key"), plan=manual_plan())
    assert desk.types("sign-off", run, "a/manual-key", *WHO) == 2
    assert "needs evidence" in desk.err
    assert desk.types("resolve", run, "a/manual-key", *WHO, "--evidence", ev.NO_EVIDENCE) == 3
    assert desk.left(run) == []
    photo = tmp_path / "key.txt"
    photo.write_text("turned")
    assert desk.types("sign-off", run, "a/manual-key", *WHO, "--evidence", str(photo)) == 0
    (body,) = desk.left(run)
    assert isinstance(body, ev.StepResolved)
    assert body.evidence.startswith("evidence/")


def test_a_manual_step_is_signed_off_in_its_turn_and_by_a_person(desk: Desk) -> None:
    run = desk.run("r", ev.RunStarted(), start("a/manual-key"), plan=manual_plan())
    assert desk.types("sign-off", run, "b/manual-look", *WHO) == 3
    assert "not due yet" in desk.err
    assert desk.types("sign-off", run, "a/x", *WHO) == 2
    assert "not a manual step" in desk.err
    assert desk.types("sign-off", run, "a/manual-kex", *WHO) == 2
    assert "a/manual-key" in desk.err
    assert desk.types("sign-off", run, "a/manual-key", "--by", "Ana", "--reason", " ", "--evidence", "t") == 2
    assert desk.left(run) == []
    assert desk.types("watch", run) == 0
    assert "waits for storage team" in desk.out
    assert "Turn the key" in desk.out
    assert f"drorch run sign-off {run} a/manual-key" in desk.out


def test_without_evidence_where_none_is_required(desk: Desk) -> None:
    bodies = (start("a/manual-key"), ev.StepResolved(step="a/manual-key", evidence="e", person="Ana", reason="r"))
    run = desk.run("r", ev.RunStarted(), *bodies, start("b/manual-look"), plan=manual_plan())
    assert desk.types("sign-off", run, "b/manual-look", *WHO) == 0
    assert [getattr(body, "evidence", "") for body in desk.left(run)] == [ev.NO_EVIDENCE]


def test_a_run_folder_without_its_events_is_an_error_of_the_list(desk: Desk) -> None:
    assert desk.types("list") == 0
    write_whole(run_folder(desk.home, "ghost", must_exist=False).report("json"), "{}")
    assert desk.types("list") == 5
    assert "run ghost has no events" in desk.err
    assert "next:" in desk.err
