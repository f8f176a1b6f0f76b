"""A whole year by a hand-driven clock: every nominal instant once, and the year's status right on each day.

Runs are real (plan, journal, driver, record) over fakes at the ports. Three blocked windows, a failed, an interrupted
and a held test, a schedule nobody approved, both changes of the clocks in three zones, four days without a
scheduler, and two schedulers that die between two writes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drorch.orchestration.service import Approval, Request
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run.events import Event, RunCreated, StepSucceeded
from drorch.run.ports import Proof
from drorch.schedules.events import Chosen, Claimed, Instant, Outcome, ScheduleEvent
from drorch.schedules.keeper import Keeper
from drorch.schedules.model import stamp
from drorch.schedules.named_checks import CheckResult
from drorch.schedules.operations import ScheduleFiles, load_setup, past, unclaimed
from drorch.schedules.works import Works
from drorch.testing.builders import catalog_text
from drorch.testing.clock import HandClock
from drorch.testing.driver_processes import FakeDrivers
from drorch.testing.evidence import write_estate
from drorch.testing.fakes import FAILING, Ending, MemoryJournal
from drorch.testing.schedule import FakePresence, MemoryScheduleStore
from drorch.testing.streams import MemoryStore
from drorch.testing.whole import PaperWorld
from drorch.year.log import year_log
from drorch.year.obligations import duties
from drorch.year.operations import Year
from drorch.year.run_records import fulfilments_of_runs
from drorch.year.statement import Said
from drorch.year.status import State, year_status
from tests.unit.year.samples import year_text

NEW_YORK = ZoneInfo("America/New_York")
BEGIN, END = datetime(2013, 1, 1, 5, 0, tzinfo=UTC), datetime(2014, 1, 1, 5, 0, tzinfo=UTC)
PLATFORM, ENTERPRISE = ("directory", "mail", "mobile-office"), ("umoja", "reports")

SCHEDULES = """\
schema: 1
id: simulated
schedules:
  - {id: pulse-new-york, title: Pulse, site: nyc, start: 2012-12-01T01:30, rule: FREQ=DAILY, do: {kind: check,
     check: pulse}, length: 10m, late: {policy: run-late, within: 6h}, owner: Ola Owner, department: oict}
  - {id: pulse-rome, title: Pulse, site: brindisi, start: 2012-12-01T02:30, rule: FREQ=DAILY, do: {kind: check,
     check: pulse}, length: 10m, late: {policy: skip}, owner: Ola Owner, department: oict}
  - {id: pulse-madrid, title: Pulse, site: valencia, start: 2012-12-01T02:30, rule: FREQ=DAILY, skipped_time: omit,
     doubled_time: second, do: {kind: check, check: pulse}, length: 10m, late: {policy: skip}, owner: Ola Owner,
     department: oict}
  - {id: ready-new-york, title: Ready, site: nyc, start: 2013-01-01T02:30, rule: FREQ=MONTHLY;BYDAY=2SU, do: {kind:
     readiness, lose: nyc}, length: 1h, late: {policy: run-late, within: 12h}, owner: Ola Owner, department: oict}
  - {id: drill-platform, title: Platform, site: nyc, start: 2013-03-02T08:00, rule:
     FREQ=MONTHLY;INTERVAL=3;BYDAY=1SA, do: {kind: drill, groups: [nyc-platform]}, length: 4h, late: {policy:
     run-late, within: 2h}, precheck: {days_before: 3, on_failure: hold}, owner: Ola Owner, department: oict}
  - {id: drill-enterprise, title: Enterprise, site: brindisi, start: 2013-02-03T22:00, rule:
     FREQ=MONTHLY;INTERVAL=3;BYDAY=1SU, do: {kind: drill, groups: [brindisi-enterprise]}, length: 4h, late: {policy:
     run-late, within: 2h}, precheck: {days_before: 2, on_failure: hold}, owner: Ola Owner, department: dm}
  - {id: drill-in-the-assembly, title: Once, site: nyc, at: 2013-09-21T08:00, do: {kind: drill, groups:
     [nyc-platform]}, length: 4h, late: {policy: skip}, owner: Ola Owner, department: oict}
  - {id: drill-once-more, title: Once more, site: brindisi, at: 2013-11-23T22:00, do: {kind: drill, groups:
     [brindisi-enterprise]}, length: 4h, late: {policy: skip}, owner: Ola Owner, department: dm}
  - {id: switchover, title: Switchover, site: nyc, at: 2013-10-12T08:00, do: {kind: switchover, lose: nyc}, length:
     8h, late: {policy: skip}, owner: Ola Owner, department: oict}
"""
BLOCKS = """\
  - {id: books, effect: block, first_day: 2013-12-20, last_day: 2014-01-05, reason: closing of the books}
  - {id: may-works, effect: block, site: brindisi, first_day: 2013-05-01, last_day: 2013-05-10, reason: works}
"""


class Died(BaseException):
    """The process is gone at this point."""


class MortalStore(MemoryScheduleStore):
    """A store whose writer dies behind a write that is named in ``fatal``."""

    fatal: Callable[[ScheduleEvent], bool] = staticmethod(lambda event: False)

    def append(self, event: ScheduleEvent) -> bool:
        written = super().append(event)
        if self.fatal(event):
            self.fatal = lambda event: False
            raise Died(event.key)
        return written


class Simulation:
    """One state folder through the year."""

    def __init__(self, home: Path) -> None:
        self.clock = HandClock(start=BEGIN)
        self.store = MortalStore()
        self.world = PaperWorld(home, self.clock, MemoryJournal())
        self.home, self.alive, self.pids = home, set[int](), 0
        self.drivers = FakeDrivers(self.drive)
        self.pulses: list[datetime] = []
        self.told: list[str] = []
        self.dies_behind: str | None = None
        zones = (
            ("id: nyc, name: New York,", "id: nyc, name: New York, timezone: America/New_York,"),
            ("id: brindisi, name: Brindisi,", "id: brindisi, name: Brindisi, timezone: Europe/Rome,"),
            ("id: valencia, name: Valencia,", "id: valencia, name: Valencia, timezone: Europe/Madrid,"),
        )
        for name, text in (
            ("app_catalog.yaml", catalog_text(*zones)),
            ("year.yaml", year_text() + BLOCKS),
            ("schedule.yaml", SCHEDULES),
        ):
            (home / name).write_text(text)
        self.estate = write_estate(home)
        told = json.loads(self.estate.read_text())
        room = {"applications": 10, "verified": "2013-01-01", "by": "Vera Verifier"}
        self.estate.write_text(json.dumps({**told, "capacity": {"piscataway": room, "valencia": room}}))
        self.files = ScheduleFiles(
            schedules=home / "schedule.yaml",
            catalog=home / "app_catalog.yaml",
            year=home / "year.yaml",
        )
        self.setup = load_setup(self.files, {"pulse"}, BEGIN)
        self.year_log = year_log(MemoryStore())
        self.year = Year(home, self.year_log, self.clock, self.setup.programme, self.setup.catalog)
        self.keeper = self.new_keeper()

    def new_keeper(self) -> Keeper:
        """Another process: the one before is dead."""
        self.alive.clear()
        self.pids += 1
        return Keeper(self.store, FakePresence(self.pids, self.alive), self.works(), self.clock, self.told.append)

    def works(self) -> Works:
        """What a process begins with."""
        parts, service, operations = self.world.parts, self.world.service, self.world.operations
        return Works(
            parts,
            service,
            operations,
            self.drivers,
            {"pulse": self.pulse},
            self.year_log,
            self.setup,
            lambda: self.estate,
        )

    def pulse(self) -> CheckResult:
        """The check that the daily schedules ask."""
        self.pulses.append(self.clock.now().wall)
        return CheckResult(good=True, summary="beats")

    def drive(self, home: Path, run: str) -> None:
        """A driver: to the end of the run, or to where this one dies."""

        def seen(event: Event) -> None:
            if isinstance(event.body, StepSucceeded) and event.body.step == self.dies_behind:
                self.dies_behind = None
                raise Died(run)

        try:
            self.world.drive(run, seen)
        except Died:
            return

    def keep(self, until: datetime) -> None:
        """Go on until then; a scheduler that dies is replaced at once."""
        while self.clock.now().wall < until:
            try:
                self._look_on(until)
            except Died:
                self.keeper = self.new_keeper()

    def _look_on(self, until: datetime) -> None:
        """Look at every nominal instant, and every six hours between."""
        while True:
            self.keeper.tick()
            now = self.clock.now().wall
            if now >= until:
                return
            coming = min(until, self.keeper.next_time() or until)
            self.clock.sleep(min(6 * 3600.0, max(0.001, (coming - now).total_seconds())))

    def approve(self, schedule: str) -> None:
        """A standing approval until the end of the year."""
        item = self.setup.schedules.by_id(schedule)
        assert item is not None
        family = self.works().family(item)
        self.year.let_start(schedule, family, date(2013, 12, 31), Said(person="Ana Approver", reason="read the plan"))

    def lose_brindisi(self) -> str:
        """A real failover is declared."""
        plan = build_plan(
            self.setup.catalog, kind=Kind.FAILOVER, lose="brindisi", playbooks_id=playbooks_id(read_playbooks())
        )
        request = Request(
            plan=plan,
            catalog_file=self.files.catalog,
            estate_file=self.estate,
            operator="Olga Operator",
            approvals=(Approval(person="Ana Approver", reason="it is gone"),),
            declared_by="Dana Declarer",
            declared_because="smoke",
        )
        return self.world.service.begin(request).run

    def instants(self) -> list[Instant]:
        """All of them."""
        return list(past(self.store, BEGIN - timedelta(days=40), END))


def at(*parts: int) -> datetime:
    """By the clock in New York."""
    return datetime(*parts, tzinfo=NEW_YORK).astimezone(UTC)  # type: ignore[arg-type,misc]


def run_the_year(simulation: Simulation, each_day: Callable[[date], None]) -> None:
    """January to December."""
    executor, sees = simulation.world.estate.fake, simulation.world.estate.sees
    failover: list[str] = []
    broken = {"umoja": Proof(holds=False, code="down", reason="made to fail")}

    def die_behind(kind: type, key: str) -> None:
        simulation.store.fatal = lambda event: isinstance(event.body, kind) and event.key.startswith(key)

    script: dict[date, Callable[[], object]] = {
        date(2013, 1, 20): lambda: [simulation.approve(name) for name in ("drill-platform", "drill-in-the-assembly")],
        date(2013, 2, 10): lambda: [simulation.approve(name) for name in ("drill-enterprise", "drill-once-more")],
        date(2013, 5, 31): lambda: executor.behave("postgresql_streaming/drill.yml", FAILING),
        date(2013, 6, 2): lambda: executor.behave("postgresql_streaming/drill.yml", Ending()),
        date(2013, 7, 1): lambda: die_behind(Claimed, "pulse-rome"),
        date(2013, 8, 1): lambda: sees._answers.update(broken),
        date(2013, 8, 4): sees._answers.clear,
        date(2013, 9, 6): lambda: die_behind(Chosen, "drill-platform@"),
        date(2013, 11, 2): lambda: setattr(simulation, "dies_behind", "brindisi-enterprise/drill"),
    }
    simulation.keeper.adopt()
    day = date(2013, 1, 1)
    while day < date(2014, 1, 1):
        script.get(day, lambda: None)()
        following = day + timedelta(days=1)
        if date(2013, 4, 10) <= day < date(2013, 4, 14):
            simulation.clock.advance(86_400.0)
            simulation.keeper = simulation.new_keeper()
        elif day == date(2013, 11, 3):
            # Sunday, 22:00 in Rome: the drill is under way, its driver has just died, and Brindisi is lost.
            simulation.keep(at(2013, 11, 3, 16, 0))
            failover.append(simulation.lose_brindisi())
            simulation.keep(at(2013, 11, 3, 20, 0))
            simulation.world.drive(failover[0])
        simulation.keep(at(following.year, following.month, following.day, 0, 0))
        each_day(day)
        day = following


PASSED_ON = {
    **dict.fromkeys(PLATFORM, (date(2013, 3, 2), date(2013, 9, 7), date(2013, 12, 7))),
    **dict.fromkeys(ENTERPRISE, (date(2013, 11, 23),)),
}
GOOD = {Outcome.PASSED, Outcome.PASSED_WITH_ISSUES}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_year(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path)
    live: list[date] = []

    def each_day(day: date) -> None:
        if day.day in {1, 8} or any(day in days for days in PASSED_ON.values()):
            live.append(day)
            check_status(
                {
                    item.duty.subject: item.state
                    for item in simulation.year.status(day)[0].duties
                    if item.duty.obligation.id == "it-dr-test"
                },
                day,
            )

    run_the_year(simulation, each_day)
    assert len(live) > 20
    instants = simulation.instants()
    every_instant_once(simulation, instants)
    outcomes_are_as_they_happened(simulation, instants)
    runs_began_once(simulation, instants)
    clocks_were_changed(instants)
    on_each_day(simulation)


def check_status(found: dict[str, State], day: date) -> None:
    """Met from the day it first passed on."""
    for application, days in PASSED_ON.items():
        expected = State.MET if any(passed <= day for passed in days) else State.NEVER
        assert found[application] is expected, (application, day)


def on_each_day(simulation: Simulation) -> None:
    """365 days, by what the records say; and the next year's first days."""
    programme, catalog = simulation.setup.programme, simulation.setup.catalog
    done = fulfilments_of_runs(simulation.home, programme, catalog)
    assert not done.findings
    owed = [duty for duty in duties(programme, catalog) if duty.obligation.id == "it-dr-test"]
    for number in range(365):
        day = date(2013, 1, 1) + timedelta(days=number)
        check_status(
            {item.duty.subject: item.state for item in year_status(owed, done.fulfilments, (), day).duties}, day
        )
    later = year_status(owed, done.fulfilments, (), date(2014, 1, 1)).duties
    assert {item.state for item in later} == {State.DUE}
    assert not any(item.late for item in later)


def every_instant_once(simulation: Simulation, instants: list[Instant]) -> None:
    """The daily ones are counted by an own, simple rule; none is left open or unclaimed."""
    keys = [item.key for item in instants]
    assert len(keys) == len(set(keys))
    assert [item.key for item in instants if item.ended is None] == []
    assert unclaimed(simulation.store, simulation.clock.now().wall, grace=timedelta(0)) == ()
    counts = Counter(item.claimed.schedule for item in instants)
    assert counts["pulse-new-york"] == 365
    assert counts["pulse-rome"] == 365
    assert counts["pulse-madrid"] == 364, "31 March is omitted there"
    assert counts["ready-new-york"] == 12
    assert counts["drill-platform"] == 4 + 4
    assert counts["drill-enterprise"] == 4 + 4
    assert sum(counts.values()) == 365 * 2 + 364 + 12 + 16 + 3
    days = {item.claimed.nominal.astimezone(NEW_YORK).date() for item in instants if item.key.startswith("pulse-new")}
    assert len(days) == 365


def outcomes_are_as_they_happened(simulation: Simulation, instants: list[Instant]) -> None:
    """Every test of the year by name."""
    ended = {item.key: item.ended.outcome for item in instants if item.ended and not item.key.startswith("pulse")}
    tests = {key: outcome for key, outcome in ended.items() if "precheck" not in key and not key.startswith("ready")}
    assert {key: outcome if outcome not in GOOD else "good" for key, outcome in tests.items()} == {
        "drill-platform@2013-03-02T13:00:00Z": "good",
        "drill-platform@2013-06-01T12:00:00Z": Outcome.FAILED,
        "drill-platform@2013-09-07T12:00:00Z": "good",
        "drill-platform@2013-12-07T13:00:00Z": "good",
        "drill-enterprise@2013-02-03T21:00:00Z": Outcome.PREPARED,
        "drill-enterprise@2013-05-05T20:00:00Z": Outcome.CLOSED,
        "drill-enterprise@2013-08-04T20:00:00Z": Outcome.HELD,
        "drill-enterprise@2013-11-03T21:00:00Z": Outcome.INTERRUPTED,
        "drill-in-the-assembly@2013-09-21T12:00:00Z": Outcome.CLOSED,
        "drill-once-more@2013-11-23T21:00:00Z": "good",
        "switchover@2013-10-12T12:00:00Z": Outcome.PREPARED,
    }
    late = [item for item in instants if item.ended and item.ended.outcome is Outcome.MISSED]
    assert {item.claimed.schedule for item in late} == {"pulse-new-york", "pulse-rome", "pulse-madrid"}
    assert {item.claimed.nominal.date() for item in late} <= {date(2013, 4, day) for day in range(10, 15)}
    assert len(simulation.pulses) == 365 * 2 + 364 - len(late)


def runs_began_once(simulation: Simulation, instants: list[Instant]) -> None:
    """Each run is in the journal once, whatever died between two writes."""
    journal = simulation.world.parts.journal
    scheduled = [item.run for item in instants if item.run]
    assert len(scheduled) == len(set(scheduled))
    for run in journal.runs():
        assert sum(isinstance(event.body, RunCreated) for event in journal.read(run)) == 1
    assert set(scheduled) == {run for run in journal.runs() if not run.startswith("run-")}
    assert simulation.pids == 1 + 4 + 2


def clocks_were_changed(instants: list[Instant]) -> None:
    """The changes of the clocks in New York, Rome and Madrid."""
    times = {item.claimed.schedule: set[str]() for item in instants}
    for item in instants:
        times[item.claimed.schedule].add(stamp(item.claimed.nominal))
    assert {"2013-03-10T06:30:00Z", "2013-03-11T05:30:00Z", "2013-11-03T05:30:00Z"} <= times["pulse-new-york"]
    assert "2013-11-03T06:30:00Z" not in times["pulse-new-york"]
    assert {"2013-03-30T01:30:00Z", "2013-03-31T01:00:00Z", "2013-04-01T00:30:00Z"} <= times["pulse-rome"]
    assert {"2013-10-27T00:30:00Z"} <= times["pulse-rome"]
    assert "2013-10-27T01:30:00Z" not in times["pulse-rome"]
    assert not any(text.startswith("2013-03-31") for text in times["pulse-madrid"])
    assert "2013-10-27T01:30:00Z" in times["pulse-madrid"]
    assert {"2013-03-10T07:00:00Z", "2013-04-14T06:30:00Z"} <= times["ready-new-york"]
