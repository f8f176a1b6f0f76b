"""The planner on the 76 applications of the sample, what is booked, what is refused, and wrong planner files."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid, Refused
from drorch.interfaces.terminal.main import main
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore
from drorch.year.local_time import local_day
from drorch.year.log import YearLog, year_log
from drorch.year.model import Activity, Programme, TestResult
from drorch.year.operations import Claim, Wish, Year, load_year
from drorch.year.planning.load import load_planner
from drorch.year.planning.model import Planner, Verdict, YearPlan
from drorch.year.planning.operations import book_plan, lay_out, load_planner_file, problem_of
from drorch.year.planning.tasks import owed_tasks
from drorch.year.statement import Said
from drorch.year.status import State

SAMPLE = Path("planner.yaml")
SAID = Said(person="Olga Operator", reason="the year")
START = date(2013, 1, 2)


@pytest.fixture(scope="module")
def loaded() -> tuple[Programme, Catalog, Planner]:
    programme, catalog = load_year(Path("year.yaml"), Path("app_catalog.yaml"))
    return programme, catalog, load_planner_file(SAMPLE, catalog)


@pytest.fixture
def log() -> YearLog:
    return year_log(MemoryStore())


@pytest.fixture
def year(tmp_path: Path, log: YearLog, loaded: tuple[Programme, Catalog, Planner]) -> Year:
    return Year(tmp_path, log, HandClock(datetime(2013, 1, 1, 12, tzinfo=UTC)), loaded[0], loaded[1])


def planned(year: Year, loaded: tuple[Programme, Catalog, Planner], first: date = START, *, may_move: bool = False,
            text: str | None = None) -> YearPlan:  # fmt: skip
    programme, catalog, planner = loaded
    if text is not None:
        planner = load_planner(text.encode(), "planner.yaml", catalog)
    return lay_out(year, planner, programme, catalog, first.year, first, may_move=may_move)


def changed(*changes: tuple[str, str]) -> str:
    text = SAMPLE.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def test_a_year_of_76_applications_is_laid_out_and_keeps_every_rule(
    year: Year, loaded: tuple[Programme, Catalog, Planner]
) -> None:
    programme, catalog, planner = loaded
    found = planned(year, loaded)
    assert found.verdict is Verdict.FEASIBLE
    tested = [
        name
        for item in found.placements
        if item.task.rule.activity in (Activity.RECOVERY_TEST, Activity.REMOTE_ACCESS_TEST)
        for name in item.task.subjects
    ]
    assert sorted(tested) == sorted(item.id for item in catalog.applications)
    assert len(tested) == 76
    ends = {item.task.id: item.start + timedelta(seconds=item.task.rule.length_s) for item in found.placements}
    starts = {item.task.id: item.start for item in found.placements}
    days = Counter(local_day(item.start, programme.timezone) for item in found.placements)
    assert max(days.values()) <= planner.limits.per_day
    for item in found.placements:
        assert all(programme.windows.is_open_for(item.start, s, item.task.rule.length_s) for s in item.task.sites)
        assert item.task.earliest <= local_day(item.start, programme.timezone) <= item.task.latest
        assert all(ends[name] <= item.start for name in item.task.after)
        beside = [
            other for other in found.placements
            if starts[other.task.id] <= item.start < ends[other.task.id]
        ]  # fmt: skip
        assert len(beside) <= planner.limits.at_once
        for site in item.task.sites:
            assert sum(site in other.task.sites for other in beside) <= planner.limits.per_site
        for pool in planner.pools:
            away = [a.at_once for a in planner.absences if a.pool == pool.id
                    and a.first_day <= local_day(item.start, programme.timezone) <= a.last_day]  # fmt: skip
            used = sum(other.task.rule.people.get(pool.id, 0) for other in beside)
            assert used <= min([pool.at_once, *away])


def test_what_is_booked_stays_and_nothing_is_planned_twice(
    year: Year, loaded: tuple[Programme, Catalog, Planner]
) -> None:
    first = planned(year, loaded)
    events = book_plan(year, first, SAID)
    assert len(events) == len(first.placements)
    again = planned(year, loaded)
    assert (again.verdict, again.placements) == (Verdict.FEASIBLE, ())
    assert len(again.fixed) == len(first.placements)
    assert {item.id: item.start for item in again.fixed} == {item.task.id: item.start for item in first.placements}


def test_after_a_failed_test_only_what_failed_is_planned_anew(
    year: Year, log: YearLog, loaded: tuple[Programme, Catalog, Planner], tmp_path: Path
) -> None:
    first = planned(year, loaded)
    book_plan(year, first, SAID)
    called = next(item for item in first.placements if item.task.id == "call-out-dm-2013")
    day = local_day(called.start, loaded[0].timezone)
    later = Year(tmp_path, log, HandClock(called.start + timedelta(days=2)), loaded[0], loaded[1])
    paper = tmp_path / "paper"
    paper.write_text("nobody answered")
    later.record(
        Claim(activity=Activity.CALL_OUT_EXERCISE, subjects=called.task.subjects[:1], day=day, took_part=0, expected=9,
              result=TestResult.FAIL, files=(paper,)), SAID,
    )  # fmt: skip
    later.record(
        Claim(activity=Activity.CALL_OUT_EXERCISE, subjects=called.task.subjects[1:], day=day, took_part=9, expected=9,
              files=(paper,)), SAID,
    )  # fmt: skip
    found = planned(later, loaded, day + timedelta(days=3))
    new = [item.task for item in found.placements if item.task.rule.activity is Activity.CALL_OUT_EXERCISE]
    assert [(item.subjects, item.id) for item in new] == [(called.task.subjects[:1], "call-out-dm-2013-2")]
    assert found.moves == ()
    still = {item.id: item.start for item in found.fixed}
    assert still == {
        i.task.id: i.start
        for i in first.placements
        if local_day(i.start, "America/New_York") >= day + timedelta(days=3)
    }


def test_a_lease_that_has_ended_is_the_reason(year: Year, loaded: tuple[Programme, Catalog, Planner]) -> None:
    found = planned(year, loaded, date(2014, 7, 2))
    assert found.verdict is Verdict.INFEASIBLE
    assert found.minimal
    keys = [reason.key for reason in found.conflict]
    assert keys[-1] == "lease:piscataway"
    assert len(keys) == 2
    assert {item.task.group for item in found.left_out} >= {"nyc-platform", "nyc-finance"}
    assert all("piscataway may be relied on" in item.because[0][0] for item in found.left_out)
    with pytest.raises(Refused, match="nothing is booked"):
        book_plan(year, found, SAID)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        # 51 tests, one a week: with the blocked weeks there are 50.
        (("per_day: 2, per_week: 6", "per_day: 2, per_week: 1"), {"limit:per-week", "block:general-assembly"}),
        (("unit: group, length: 4h", "unit: group, length: 15h"), {"hours:nyc"}),
        (("first_day: 2013-07-15\n    last_day: 2013-08-16", "first_day: 2013-01-01\n    last_day: 2013-12-31"),
         {"absence:summer"}),
    ],
)  # fmt: skip
def test_an_impossible_year_says_why(
    year: Year, loaded: tuple[Programme, Catalog, Planner], change: tuple[str, str], named: set[str]
) -> None:
    found = planned(year, loaded, text=changed(change))
    keys = {reason.key for reason in found.conflict}
    assert found.verdict is Verdict.INFEASIBLE
    assert named <= keys
    assert len([key for key in keys if not key.startswith("task:")]) <= 3
    assert found.minimal


def test_an_activity_without_a_rule_is_told(year: Year, loaded: tuple[Programme, Catalog, Planner]) -> None:
    lines = [line for line in SAMPLE.read_text().splitlines() if "id: training" not in line]
    found = planned(year, loaded, text="\n".join(lines) + "\n")
    assert any("owe a training" in note for note in found.notes)


CASES = {
    "unknown site": ("sites: [nyc]\n", "sites: [atlantis]\n", "tests.joint.sites", "atlantis"),
    "unknown people": ("people: {recovery-engineers: 4}", "people: {wizards: 4}", "tests.recovery.people.wizards",
                       "wizards"),
    "too many people": ("people: {recovery-engineers: 4}", "people: {recovery-engineers: 7}",
                        "tests.recovery.people.recovery-engineers", "7 of recovery-engineers are needed"),
    "no activity": ("activity: training", "activity: dancing", "tests.training.activity", "dancing"),
    "twice": ("id: training, activity: training", "id: simulation, activity: training", "tests.simulation#2", "twice"),
    "two rules": ("activity: training", "activity: crisis-simulation", "tests.training.activity", "two rules"),
    "no group": ("unit: all", "unit: group", "tests.training.unit", "no protection group"),
    "no sites": ("sites: [nyc], people: {exercise-staff: 2}", "people: {exercise-staff: 2}", "tests.simulation",
                 "sites are missing"),
    "length": ("length: 6h", "length: 7m", "tests.training.length", "multiple of 15m"),
    "length is no time": ("length: 6h", "length: long", "tests.training.length", "'long'"),
    "absence backwards": ("last_day: 2013-08-16", "last_day: 2013-07-01", "absences.summer", "before it begins"),
    "absence of nobody": ("pool: recovery-engineers", "pool: wizards", "absences.summer.pool", "wizards"),
    "misspelt": ("dependencies_first: true", "dependencies_frist: true", "dependencies_frist",
                 "did you mean 'dependencies_first'"),
    "no limit": ("per_week: 6", "per_week: 0", "limits.per_week", "0"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_planner_file_is_refused_with_file_line_and_field(
    case: str, loaded: tuple[Programme, Catalog, Planner]
) -> None:
    old, new, field, what = CASES[case]
    text = changed((old, new))
    line = SAMPLE.read_text().partition(old)[0].count("\n") + 1
    with pytest.raises(InputInvalid) as refused:
        load_planner(text.encode(), "planner.yaml", loaded[1])
    told = str(refused.value)
    assert told.startswith("planner.yaml:")
    assert field in told
    assert what in told
    shown = int(told.split(":")[1].split()[0])
    assert abs(shown - line) <= 7


def test_the_command_lays_out_a_year_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    out = tmp_path / "plan.json"
    words = ["drorch", "year", "plan", "2013", "--from", "2013-01-02", "--json", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(out.read_text())
    assert printed["verdict"] == "feasible"
    assert (
        sum(len(t["subjects"]) for t in printed["tests"] if t["activity"].endswith(("very-test", "access-test"))) == 76
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["2013", "--from", "2013-01-02", "--book", "--by", "a", "--reason", "b"], 2, "past cannot be booked"),
        (["--book"], 2, "who books, and why?"),
        (["1999", "--from", "2013-01-02"], 2, "1999 cannot be planned"),
        (["2013", "--from", "yesterday"], 2, "--from"),
        (["--planner", "none.yaml"], 2, "none.yaml"),
    ],
)
def test_wrong_use_is_told(
    words: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["drorch", "year", "plan", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert told in capsys.readouterr().err


def test_dependencies_come_first(year: Year, loaded: tuple[Programme, Catalog, Planner]) -> None:
    programme, catalog, planner = loaded
    problem, _ = problem_of(year, planner, programme, catalog, 2013, START)
    after = {item.group: item.after for item in problem.tasks if item.group}
    assert any(after.values())
    assert all(name in {item.id for item in problem.tasks} for names in after.values() for name in names)


def test_a_booking_that_comes_too_late_does_not_fulfil_a_rolling_duty(
    loaded: tuple[Programme, Catalog, Planner], tmp_path: Path
) -> None:
    body = "crisis-operations-group"
    year = Year(
        tmp_path, year_log(MemoryStore()), HandClock(datetime(2014, 1, 1, 12, tzinfo=UTC)), loaded[0], loaded[1]
    )
    paper = tmp_path / "paper"
    paper.write_text("all were there")
    year.record(
        Claim(activity=Activity.CRISIS_SIMULATION, subjects=(body,), day=date(2013, 5, 1), took_part=20, expected=20,
              files=(paper,)), SAID,
    )  # fmt: skip

    def latest() -> list[date]:
        found = planned(year, loaded, date(2014, 1, 2))
        every = [*(item.task for item in found.placements), *(item.task for item in found.left_out)]
        return [task.latest for task in every if task.subjects == (body,)]

    def book(name: str, start: str) -> None:
        wish = Wish(id=name, activity=Activity.CRISIS_SIMULATION, title="Simulation", sites=("nyc",), subjects=(body,),
                    start=start, seconds=4 * 3600.0)  # fmt: skip
        year.book(wish, SAID)

    assert latest() == [date(2014, 5, 1)]
    book("too-late", "2014-10-11T08:00")
    assert latest() == [date(2014, 5, 1)]
    book("in-time", "2014-04-12T08:00")
    assert latest() == []


def test_evidence_that_does_not_hold_any_more_is_tested_again(
    year: Year, loaded: tuple[Programme, Catalog, Planner]
) -> None:
    """The duty stays met; the application is planned once more all the same."""
    programme, catalog, planner = loaded
    duties = year.status(START)[0].duties
    met = tuple(
        replace(item, state=State.MET) if item.duty.obligation.activity is Activity.RECOVERY_TEST else item
        for item in duties
    )
    given: dict[str, Any] = {"year": 2013, "first_day": START, "timezone": programme.timezone}
    owed = owed_tasks(planner, catalog, met, (), **given)
    assert not [task for task in owed.tasks if task.rule.activity is Activity.RECOVERY_TEST]
    again = owed_tasks(planner, catalog, met, (), **given, retest={"umoja"})
    assert [task.subjects for task in again.tasks if task.rule.activity is Activity.RECOVERY_TEST] == [("umoja",)]


def test_the_command_books_what_it_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Next year by the real clock, with a lease that lasts."""
    catalog = tmp_path / "app_catalog.yaml"
    catalog.write_text(
        Path("app_catalog.yaml").read_text().replace("valid_until: 2014-06-30", "valid_until: 2199-06-30")
    )
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    number = str(datetime.now(UTC).year + 1)
    words = ["drorch", "year", "plan", number, "--catalog", str(catalog), "--json", "--retest-stale"]
    for more, booked in ((["--book", "--by", "Olga", "--reason", "the year"], 0), ([], 51)):
        monkeypatch.setattr(sys, "argv", [*words, *more])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        shown = json.loads(capsys.readouterr().out)
        assert (len(shown["booked"]), len(shown["tests"])) == (booked, 51 - booked)
