"""The schedule: what begins by itself, when, what became of it, and which drills may start without a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from drorch.app.accounts import Role
from drorch.core.errors import InputInvalid, NotFound
from drorch.interfaces.http.api.base import Ctx, Cursor, Input, Limit, Line, Name, Page, Who, Word, api_router, page_of
from drorch.interfaces.http.api.plans import FindingOut, finding_out
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.rules import require
from drorch.schedules.decide import ON_TIME_S
from drorch.schedules.events import NOT_HELD, Instant, instant_to_json
from drorch.schedules.instants import next_slot
from drorch.schedules.model import Part, Schedule, WorkKind
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
from drorch.year.operations import Year
from drorch.year.statement import Said

router = api_router("/schedule", "schedule")
Since = Annotated[date | None, Query(description="Default: a year ago.")]


class LetStartBody(Input):
    """``family``: what was read, as the schedule shows it. ``until``: the last day it holds, within a year."""

    family: Word
    until: date
    reason: Line


class LetWaitBody(Input):
    """Why."""

    reason: Line


class Missed(BaseModel):
    """``unclaimed``: owed, and no scheduler has taken them."""

    not_held: list[dict[str, Any]]
    unclaimed: list[str]


@router.get("", dependencies=[require()])
def list_schedules(context: Ctx, cursor: Cursor = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Every schedule: its next time, how it ended last, whether its drills may start by themselves."""
    setup = _setup(context)
    page = page_of(setup.schedules.items, lambda item: item.id, cursor, limit)
    return Page(items=[_listed(context, setup, item) for item in page.items], next=page.next, total=page.total)


@router.get("/next", dependencies=[require()])
def next_times(
    context: Ctx,
    days: Annotated[int, Query(ge=1, le=800, description="So many days ahead.")] = 30,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """What begins when, by the site's clock and in UTC, and whether its sites are open then."""
    setup, now = _setup(context), _now(context)
    works = _works(context, setup)
    slots = coming(setup.schedules.items, now, now + timedelta(days=days))
    page = page_of(slots, lambda slot: slot.key, cursor, limit)
    items = []
    for slot in page.items:
        schedule = _schedule(setup, slot.schedule)
        closed = works.closed(schedule, slot.nominal) if slot.part is Part.MAIN else None
        items.append(coming_to_json(slot, schedule, closed))
    return Page(items=items, next=page.next, total=page.total)


@router.get("/history", dependencies=[require()])
def history(
    context: Ctx,
    since: Since = None,
    schedule: Annotated[str | None, Query(max_length=128, description="Only of this one.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """What became of every instant so far."""
    found = [item for item in _past(context, since) if schedule in (None, item.claimed.schedule)]
    page = page_of(found, lambda item: item.key, cursor, limit)
    return Page(items=[instant_to_json(item) for item in page.items], next=page.next, total=page.total)


@router.get("/missed", dependencies=[require()])
def missed(context: Ctx, since: Since = None) -> Missed:
    """Instants at which what was planned was not done, and owed ones nobody has taken."""
    found = [item for item in _past(context, since) if item.ended is not None and item.ended.outcome in NOT_HELD]
    nobody = unclaimed(context.schedule_store(), _now(context), grace=timedelta(seconds=ON_TIME_S))
    return Missed(not_held=[instant_to_json(item) for item in found], unclaimed=[slot.key for slot in nobody])


@router.get("/findings", dependencies=[require()])
def check(context: Ctx) -> list[FindingOut]:
    """Faults of the schedule file against catalog, windows and checks."""
    _, findings = read_setup(_files(context), context.checks.keys(), _now(context))
    return [finding_out(item) for item in findings]


@router.get("/{schedule}", dependencies=[require()])
def show(schedule: Name, context: Ctx) -> dict[str, Any]:
    """One schedule. Of a drill also the plan it would run now, and its ``family``: what a standing approval is for."""
    setup = _setup(context)
    item = _schedule(setup, schedule)
    drill = None
    if item.work.kind is WorkKind.DRILL:
        works = _works(context, setup)
        plan = works.plan(item, Part.MAIN)
        drill = {"family": works.family(item), "title": plan.title, "steps": len(plan.steps)}
    return {**_listed(context, setup, item), "drill": drill}


@router.post("/{schedule}/approve", dependencies=[require(Role.APPROVER)], status_code=201)
def approve(schedule: Name, body: LetStartBody, context: Ctx, who: Who) -> dict[str, Any]:
    """Let the drills of a schedule start by themselves, while they do exactly what was read. 412 when that changed."""
    setup = _setup(context)
    item = _schedule(setup, schedule)
    if item.work.kind is not WorkKind.DRILL:
        raise InputInvalid(
            f"{schedule} is a {item.work.kind.value}: only drills have a standing approval",
            where="schedule",
            next_step="a readiness run needs none; what moves production waits for people",
        )
    family = _works(context, setup).family(item)
    if body.family != family:
        what = "its drill would do something else than what was read"
        raise HttpProblem(412, what, where="family", next_step="look again, then decide")
    event = _year(context, setup).let_start(item.id, family, body.until, Said(person=who.name, reason=body.reason))
    return event_to_json(event)


@router.post("/{schedule}/withdraw", dependencies=[require(Role.APPROVER, Role.PLANNER)])
def withdraw(schedule: Name, body: LetWaitBody, context: Ctx, who: Who) -> dict[str, Any]:
    """Take a standing approval back: the drills of the schedule wait for people again."""
    event = _year(context, _setup(context)).let_wait(schedule, Said(person=who.name, reason=body.reason))
    return event_to_json(event)


def _now(context: WebContext) -> datetime:
    return context.clock.now().wall


def _files(context: WebContext) -> ScheduleFiles:
    files = context.files
    return ScheduleFiles(schedules=files.schedule, catalog=files.catalog, year=files.year)


def _setup(context: WebContext) -> Setup:
    return load_setup(_files(context), context.checks.keys(), _now(context))


def _works(context: WebContext, setup: Setup) -> Works:
    return Works(
        context.parts,
        context.service,
        context.operations,
        context.drivers,
        context.checks,
        context.year_log,
        setup,
        context.files.estate_file,
    )


def _year(context: WebContext, setup: Setup) -> Year:
    return context.year(setup.programme, setup.catalog)


def _schedule(setup: Setup, name: str) -> Schedule:
    found = setup.schedules.by_id(name)
    if found is None:
        known = ", ".join(item.id for item in setup.schedules.items)
        raise NotFound(f"there is no schedule {name!r}", where=setup.schedules.source, next_step=f"known: {known}")
    return found


def _listed(context: WebContext, setup: Setup, item: Schedule) -> dict[str, Any]:
    approval = _works(context, setup).standing_approval_of_drill(item)
    slot = next_slot(item, Part.MAIN, _now(context))
    return listed_to_json(item, slot, last_instant(context.schedule_store(), item), approval)


def _past(context: WebContext, since: date | None) -> Iterable[Instant]:
    now = _now(context)
    begin = datetime.combine(since, time(0, 0), UTC) if since else now - timedelta(days=366)
    return past(context.schedule_store(), begin, now)
