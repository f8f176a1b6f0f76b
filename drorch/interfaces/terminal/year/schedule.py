"""``drorch schedule``: what begins by itself, when, and what became of it."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.text import Text

from drorch.app import composition, settings
from drorch.catalog.durations import show_duration
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, InputInvalid, NotFound
from drorch.core.findings import errors
from drorch.core.ids import short
from drorch.interfaces.terminal.output import console, print_findings, print_json, print_table
from drorch.schedules.daemon import Daemon
from drorch.schedules.decide import ON_TIME_S
from drorch.schedules.events import NOT_HELD, Instant, Outcome, instant_to_json
from drorch.schedules.instants import next_slot
from drorch.schedules.keeper import Keeper
from drorch.schedules.model import Part, Schedule, Slot, WorkKind, stamp
from drorch.schedules.operations import (
    ScheduleFiles,
    Setup,
    coming,
    coming_to_json,
    last_instant,
    listed_to_json,
    load_setup,
    past,
    read_setup,
    unclaimed,
)
from drorch.schedules.works import Works
from drorch.year.codec import event_to_json
from drorch.year.local_time import local, parse_day
from drorch.year.log import year_log
from drorch.year.operations import Year
from drorch.year.statement import Said

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

SchedulesOption = Annotated[Path, typer.Option("--schedule", help="The schedule file.")]
YearOption = Annotated[Path, typer.Option("--year", help="The programme file (windows, estates).")]
CatalogOption = Annotated[Path, typer.Option("--catalog", help="The catalog file.")]
EstateOption = Annotated[Path | None, typer.Option("--estate", help="Where things answer. Default: the running lab's.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="DATE", help="Default: a year ago.")]
DEFAULT_SCHEDULES, DEFAULT_YEAR = Path("schedule.yaml"), Path("year.yaml")
DEFAULT_CATALOG = Path("app_catalog.yaml")
_GRAVE = {Outcome.FAILED: "red", **dict.fromkeys(NOT_HELD, "yellow"), Outcome.PASSED: "green"}


@app.command()
def check(
    schedule: SchedulesOption = DEFAULT_SCHEDULES,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Check the schedule file against catalog, windows and checks. Exit code 2 when there are errors."""
    files = ScheduleFiles(schedules=schedule, catalog=catalog, year=year)
    setup, findings = read_setup(files, composition.scheduled_checks(year, catalog).keys(), _now())
    if as_json:
        print_json({"findings": plain(findings)})
    else:
        print_findings(findings)
        console().print(f"{len(setup.schedules.items)} schedules; {len(findings)} findings")
    if errors(findings):
        raise typer.Exit(int(ExitCode.BAD_INPUT))


@app.command(name="next")
def next_(
    days: Annotated[int, typer.Option(min=1, max=800, help="So many days ahead.")] = 30,
    schedule: SchedulesOption = DEFAULT_SCHEDULES,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """What begins when, by the site's clock and in UTC, and whether its sites are open then."""
    setup = _setup(schedule, year, catalog)
    works = _works(setup)
    now = _now()
    slots = coming(setup.schedules.items, now, now + timedelta(days=days))
    rows = [(slot, _schedule(setup, slot.schedule)) for slot in slots]
    if as_json:
        print_json([coming_to_json(slot, item, _closed(works, slot, item)) for slot, item in rows])
        return
    print_table(
        f"the next {days} days",
        ("by the clock", "UTC", "schedule", "what", "open?"),
        (
            (
                local(slot.nominal, item.recurrence.zone),
                stamp(slot.nominal),
                item.key(slot.part),
                "readiness" if slot.part is Part.PRECHECK else item.work.kind.value,
                _closed(works, slot, item) or "",
            )
            for slot, item in rows
        ),
    )


@app.command(name="list")
def list_(
    schedule: SchedulesOption = DEFAULT_SCHEDULES,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Every schedule: its next time, how it ended last, and whether its drills may start by themselves."""
    setup = _setup(schedule, year, catalog)
    works, store, now = _works(setup), composition.schedule_store(), _now()
    rows = [
        (item, next_slot(item, Part.MAIN, now), last_instant(store, item), works.standing_approval_of_drill(item))
        for item in setup.schedules.items
    ]
    if as_json:
        print_json([listed_to_json(item, slot, state, approval) for item, slot, state, approval in rows])
        return
    print_table(
        f"{len(rows)} schedules",
        ("schedule", "what", "next", "last", "starts by itself"),
        (
            (
                item.id,
                item.work.kind.value,
                local(slot.nominal, item.recurrence.zone) if slot else "never again",
                _last(state, item),
                _by_itself(item, approval is not None),
            )
            for item, slot, state, approval in rows
        ),
    )


@app.command()
def history(since: SinceOption = None, schedule: str | None = None, as_json: JsonOption = False) -> None:
    """What became of every instant so far. ``--schedule ID`` shows one schedule."""
    found = [item for item in _past(since) if schedule in (None, item.claimed.schedule)]
    _print_instants(f"{len(found)} instants", found, as_json)


@app.command()
def missed(since: SinceOption = None, as_json: JsonOption = False) -> None:
    """Instants at which what was planned was not done, and owed ones nobody has taken. Exit code 1 with any."""
    found = [item for item in _past(since) if item.ended is not None and item.ended.outcome in NOT_HELD]
    nobody = unclaimed(composition.schedule_store(), _now(), grace=timedelta(seconds=ON_TIME_S))
    if as_json:
        print_json({"not_held": [instant_to_json(item) for item in found], "unclaimed": [slot.key for slot in nobody]})
    else:
        _print_instants(f"{len(found)} instants at which it was not done", found, as_json=False)
        for slot in nobody:
            console().print(f"nobody has taken {slot.key}: is a scheduler at work? ('drorch schedule run')")
    if found or nobody:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


@app.command()
def approve(
    name: Annotated[str, typer.Argument(metavar="ID", help="A schedule whose work is a drill.")],
    by: Annotated[str, typer.Option("--by", metavar="PERSON", help="Who approves.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day it holds, within a year.")],
    schedule: SchedulesOption = DEFAULT_SCHEDULES,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Let the drills of a schedule start by themselves, as long as their plan does exactly what it would do now."""
    setup = _setup(schedule, year, catalog)
    item = _schedule(setup, name)
    if item.work.kind is not WorkKind.DRILL:
        what = f"{name} is a {item.work.kind.value}: only drills have a standing approval"
        raise InputInvalid(
            what, where="ID", next_step="a readiness run needs none; what moves production waits for people"
        )
    works = _works(setup)
    family = works.family(item)
    event = _year(setup).let_start(name, family, parse_day(until, "--until"), Said(person=by, reason=reason))
    if as_json:
        print_json(event_to_json(event))
        return
    plan = works.plan(item, Part.MAIN)
    console().print(f"record {event.seq}: drills of {name} may start by themselves until {until}", soft_wrap=True)
    console().print(f"  as long as they do what this plan does: {plan.title}, {len(plan.steps)} steps, {short(family)}")


@app.command()
def withdraw(
    name: Annotated[str, typer.Argument(metavar="ID")],
    by: Annotated[str, typer.Option("--by", metavar="PERSON", help="Who says so.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept.")],
    schedule: SchedulesOption = DEFAULT_SCHEDULES,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
) -> None:
    """Take a standing approval back: the drills of the schedule wait for people again."""
    event = _year(_setup(schedule, year, catalog)).let_wait(name, Said(person=by, reason=reason))
    console().print(f"record {event.seq}: drills of {name} wait for people again")


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="Adopt, catch up with what is owed, and end.")] = False,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="End then (UTC if no offset).")] = None,
    schedule: SchedulesOption = DEFAULT_SCHEDULES,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    estate: EstateOption = None,
) -> None:
    """Keep the schedule until ended with Ctrl-C or SIGTERM. What it began goes on without it.

    Several may run on one journal: each instant is begun by one of them.
    """
    end = _instant(until) if until else None
    files = ScheduleFiles(schedules=schedule, catalog=catalog, year=year)

    def load() -> Works:
        return _works(load_setup(files, composition.scheduled_checks(year, catalog).keys(), _now()), estate)

    works = load()
    keeper = Keeper(composition.schedule_store(), composition.presence(), works, composition.clock(), _tell)
    if once:
        keeper.adopt()
        keeper.tick()
        return
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    _tell(f"keeping {len(works.setup.schedules.items)} schedules")
    Daemon(keeper, files, load, works, _tell).run(stop, composition.clock(), end)


def _tell(line: str) -> None:
    sys.stderr.write(f"{_now():%Y-%m-%dT%H:%M:%SZ} {line}\n")
    sys.stderr.flush()


def _now() -> datetime:
    return composition.clock().now().wall


def _setup(schedules: Path, year: Path, catalog: Path) -> Setup:
    files = ScheduleFiles(schedules=schedules, catalog=catalog, year=year)
    return load_setup(files, composition.scheduled_checks(year, catalog).keys(), _now())


def _works(setup: Setup, estate: Path | None = None) -> Works:
    home = settings.home()
    return Works(
        composition.parts(home),
        composition.service(home),
        composition.operations(home),
        composition.driver_processes(),
        composition.scheduled_checks(setup.files.year, setup.files.catalog),
        year_log(composition.event_store(home)),
        setup,
        lambda: estate or settings.default_estate(),
    )


def _year(setup: Setup) -> Year:
    log = year_log(composition.event_store())
    return Year(settings.home(), log, composition.clock(), setup.programme, setup.catalog)


def _schedule(setup: Setup, name: str) -> Schedule:
    found = setup.schedules.by_id(name)
    if found is None:
        known = ", ".join(item.id for item in setup.schedules.items)
        raise NotFound(f"there is no schedule {name!r}", where=setup.schedules.source, next_step=f"known: {known}")
    return found


def _past(since: str | None) -> tuple[Instant, ...]:
    now = _now()
    begin = datetime.combine(parse_day(since, "--since"), time(0, 0), UTC) if since else now - timedelta(days=366)
    return past(composition.schedule_store(), begin, now)


def _closed(works: Works, slot: Slot, item: Schedule) -> str | None:
    return works.closed(item, slot.nominal) if slot.part is Part.MAIN else None


def _by_itself(item: Schedule, approved: bool) -> str:
    if item.work.kind in {WorkKind.READINESS, WorkKind.CHECK}:
        return "yes"
    if item.work.kind is WorkKind.DRILL:
        return "yes, approved" if approved else "no: needs a standing approval"
    return "no: waits for people"


def _last(state: Instant | None, item: Schedule) -> Text:
    if state is None:
        return Text("not yet", style="dim")
    when = local(state.claimed.nominal, item.recurrence.zone)
    return Text(f"{when}: ").append_text(_outcome(state))


def _outcome(state: Instant) -> Text:
    if state.ended is None:
        return Text("under way")
    return Text(state.ended.outcome.value, style=_GRAVE.get(state.ended.outcome, ""))


def _print_instants(title: str, found: list[Instant], as_json: bool) -> None:
    if as_json:
        print_json([instant_to_json(item) for item in found])
        return
    print_table(
        title,
        ("instant", "late", "outcome", "why", "run"),
        (
            (
                item.key,
                show_duration(round(item.claimed.late_s)) if item.claimed.late_s > ON_TIME_S else "",
                _outcome(item),
                item.ended.reason if item.ended else (item.chosen.reason if item.chosen else ""),
                item.run or "",
            )
            for item in found
        ),
    )


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputInvalid(
            f"{text!r} is not a time", where="--until", next_step="write it like 2013-03-04T06:00Z"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
