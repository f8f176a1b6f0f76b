"""The schedule's and the year's commands as people type them, with good files and with wrong ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest

from drorch.adapters.store.events import SqlStore
from drorch.interfaces.terminal.main import main
from drorch.schedules.events import Adopted
from drorch.schedules.log import ScheduleLog
from drorch.testing.builders import catalog_text
from tests.unit.year.samples import year_text

GOOD = """\
schema: 1
id: small
schedules:
  - id: ready
    title: Ready?
    site: nyc
    start: 2013-01-07T02:30
    rule: FREQ=WEEKLY;BYDAY=MO
    do: {kind: readiness, lose: nyc}
    length: 1h
    late: {policy: run-late, within: 12h}
    owner: Ola Owner
    department: oict
  - id: drill
    title: Drill of the platform
    site: nyc
    start: 2013-03-02T08:00
    rule: FREQ=MONTHLY;BYDAY=1SA
    do: {kind: drill, groups: [nyc-platform]}
    length: 4h
    late: {policy: skip}
    announce_days: 14
    precheck: {days_before: 3, on_failure: hold}
    owner: Ola Owner
    department: oict
"""
Types = Callable[..., tuple[int, str, str]]


@pytest.fixture
def types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Types:
    """Types one command in a folder with the small files; exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "state"))
    (tmp_path / "app_catalog.yaml").write_text(
        catalog_text(("id: nyc, name: New York,", "id: nyc, name: New York, timezone: America/New_York,"))
    )
    (tmp_path / "year.yaml").write_text(year_text())
    (tmp_path / "schedule.yaml").write_text(GOOD)

    def type_(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["drorch", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return type_


def line_of(text: str) -> int:
    """Line of a text in the good file."""
    return next(number for number, line in enumerate(GOOD.splitlines(), start=1) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "said", "field"),
    [
        ("FREQ=WEEKLY;BYDAY=MO", "every monday", "no part of a rule", "schedules.ready.rule"),
        ("FREQ=WEEKLY;BYDAY=MO", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes", "schedules.ready.rule"),
        ("start: 2013-01-07T02:30", "start: 2013-01-07T02:30Z", "has an offset", "schedules.ready.start"),
        ("start: 2013-01-07T02:30", "start: soon", "not a date and time", "schedules.ready.start"),
        ("lose: nyc", "lose: nowhere", "there is no site nowhere", "schedules.ready.do.lose"),
        ("groups: [nyc-platform]", "groups: [nyc-platfrom]", "no protection group", "schedules.drill.do.groups"),
        ("kind: drill, groups", "kind: check, groups", "a check has its name", "schedules.drill.do"),
        ("department: oict", "department: nobody", "Ola Owner is in no department", "schedules.ready.department"),
        ("length: 4h", "length: 4 hours", "not a duration", "schedules.drill.length"),
        ("2013-03-02T08:00", "2013-03-02T21:00", "none of its next", "schedules.drill"),
        ("late: {policy: skip}", "late: {policy: run-late}", "within belongs to run-late", "schedules.drill.late"),
        ("announce_days: 14", "anounce_days: 14", "did you mean 'announce_days'", "schedules.drill.anounce_days"),
        ("id: drill", "id: ready", "occurs twice", "schedules.ready#2"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_field_and_nothing_is_lost(
    types: Types, tmp_path: Path, old: str, new: str, said: str, field: str
) -> None:
    (tmp_path / "schedule.yaml").write_text(GOOD.replace(old, new, 1))
    code, out, err = types("schedule", "check")
    assert code == 2
    assert said in out + err
    place = next(line for line in (out + err).splitlines() if said in line)
    assert f" {field}" in place
    assert "schedule.yaml:" in place
    assert "Traceback" not in out + err
    assert not (tmp_path / "state" / "store.sqlite").exists() or types("schedule", "missed")[0] == 0


def test_a_window_that_never_opens_is_told_with_its_line(types: Types, tmp_path: Path) -> None:
    never = "  - {id: never, effect: allow, site: nyc, first_day: 2013-02-01, last_day: 2013-02-02, weekdays: [mon],"
    (tmp_path / "year.yaml").write_text(year_text() + never + " reason: x}\n")
    for command in (("year", "check"), ("schedule", "run", "--once")):
        code, out, err = types(*command)
        assert code == 2
        assert "the window never never opens" in out + err
        assert f"year.yaml:{len(year_text().splitlines()) + 1}" in out + err


def test_the_good_file_is_adopted_and_what_comes_is_told(types: Types, tmp_path: Path) -> None:
    assert types("schedule", "check")[0] == 0
    assert types("schedule", "run", "--once")[0] == 0
    place = SqlStore(tmp_path / "state" / "store.sqlite")
    store = ScheduleLog(place)
    assert store.schedules() == ("drill", "ready")
    code, out, _ = types("schedule", "next", "--days", "60", "--json")
    coming = json.loads(out)
    assert code == 0
    assert {item["schedule"] for item in coming} == {"ready", "drill"}
    assert any(item["part"] == "precheck" for item in coming)
    code, out, _ = types("schedule", "list", "--json")
    assert [item["last"] for item in json.loads(out)] == [None, None]
    assert types("schedule", "missed", "--json")[0] == 0
    place.close()


def test_an_approval_needs_a_drill_and_ends_within_a_year(types: Types) -> None:
    today = datetime.now(UTC).date()
    who = ("--by", "Ana Approver", "--reason", "read the plan")
    assert types("schedule", "approve", "ready", *who, "--until", str(today))[0] == 2
    code, _, err = types("schedule", "approve", "drill", *who, "--until", "2150-01-01")
    assert code == 2
    assert "--until" in err
    assert types("schedule", "approve", "drill", *who, "--until", str(today))[0] == 0
    _, out, _ = types("schedule", "list", "--json")
    approved = {item["id"]: item["standing_approval"] for item in json.loads(out)}
    assert approved["drill"]["person"] == "Ana Approver"
    assert approved["ready"] is None
    assert types("schedule", "withdraw", "drill", *who)[0] == 0
    assert types("schedule", "withdraw", "drill", *who)[0] == 2


def test_the_feed_keeps_what_was_taken_out_as_cancelled(types: Types, tmp_path: Path) -> None:
    types("schedule", "run", "--once")
    _, before, _ = types("year", "ics")
    (tmp_path / "schedule.yaml").write_text(GOOD.replace("BYDAY=1SA", "BYDAY=2SA"))
    types("schedule", "run", "--once")
    _, after, _ = types("year", "ics")
    old = {str(event["UID"]): event for event in icalendar.Calendar.from_ical(before).walk("VEVENT")}
    new = {str(event["UID"]): event for event in icalendar.Calendar.from_ical(after).walk("VEVENT")}
    assert old.keys() < new.keys()
    drills = {uid for uid in old if uid.startswith(("drill.", "drill/"))}
    assert drills
    assert {str(new[uid]["STATUS"]) for uid in drills} == {"CANCELLED"}
    assert all(int(new[uid]["SEQUENCE"]) > int(old[uid]["SEQUENCE"]) for uid in drills)
    assert {str(new[uid]["STATUS"]) for uid in old if uid.startswith("ready.")} == {"CONFIRMED"}
    assert any(uid.startswith("drill.") and str(new[uid]["STATUS"]) == "CONFIRMED" for uid in new.keys() - old.keys())
    assert ScheduleLog(SqlStore(tmp_path / "state" / "store.sqlite")).read("drill")[-1].body.__class__ is Adopted


def test_2_january_and_30_december_of_the_next_year(types: Types, tmp_path: Path) -> None:
    """The calendar rule is met in both years; by the rolling rule the second came too late."""
    (tmp_path / "proof.txt").write_text("signed")
    said = ("--by", "Eva Enterer", "--reason", "held", "--evidence", "proof.txt")
    for day in ("2013-01-02", "2014-12-30"):
        numbers = ("--took-part", "3", "--expected", "3")
        assert types("year", "record", "call-out-exercise", "dm", "--on", day, *said, *numbers)[0] == 0
        signed = ("--signed-off-by", "Sig Signer")
        assert types("year", "record", "joint-technology-test", "dm", "--on", day, *said, *signed)[0] == 0

    def duty(name: str, on: str) -> dict[str, object]:
        _, out, _ = types("year", "status", "--on", on, "--json")
        return next(item for item in json.loads(out)["duties"] if item["id"] == name)

    for year, on in (("2013", "2013-12-31"), ("2014", "2014-12-30")):
        calendar = duty("call-out/dm", on)
        assert (calendar["state"], calendar["late"]) == ("met", False), year
    assert duty("joint-test/dm", "2014-01-02")["state"] in {"met", "due"}
    rolling = duty("joint-test/dm", "2014-12-29")
    assert (rolling["state"], rolling["late_since"]) == ("overdue", "2014-01-03")
    assert duty("call-out/dm", "2014-12-29")["state"] == "due"
    assert duty("joint-test/dm", "2014-12-30")["state"] == "met"
