"""What begins by itself and what became of it; the last call-out exercises. Read only."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from drorch.core.errors import DrorchError
from drorch.interfaces.console.pages.frame import Console, number, query
from drorch.interfaces.console.pages.plans import told
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.paging import Page, page_of
from drorch.interfaces.console.views.schedule import (
    CalloutLine,
    ComingLine,
    PastLine,
    SchedulePage,
    callout_line,
    coming_line,
    past_line,
    unreadable_callout,
)
from drorch.interfaces.http.security.rules import require
from drorch.schedules.decide import ON_TIME_S
from drorch.schedules.events import NOT_HELD, fold_instant
from drorch.schedules.instants import next_slot
from drorch.schedules.model import Part, Slot, WorkKind
from drorch.schedules.operations import ScheduleFiles, coming, load_setup, unclaimed
from drorch.schedules.ports import ScheduleStore
from drorch.schedules.works import Works

RENEW_S = 60
AHEAD_DAYS = BACK_DAYS = 30
SHOWN = 30
AHEAD_SHOWN = 200
EXERCISES = 20


def routes(console: Console) -> APIRouter:
    """The schedule, and call-out exercises."""
    router = APIRouter(include_in_schema=False)

    @router.get("/schedule", dependencies=[require()])
    def schedule(request: Request) -> Response:
        ahead, problem = _coming(console)
        asked = {"state": query(request).get("state", "")}
        store = console.context.schedule_store()
        view = SchedulePage(
            days=AHEAD_DAYS,
            coming=page_of(ahead, 1, {}, size=AHEAD_SHOWN),
            past=_past(console, store, asked, number(request)),
            query=asked,
            unclaimed=unclaimed(store, console.desk.now().wall, grace=timedelta(seconds=ON_TIME_S)),
        )
        return console.page(request, "schedule.html", N_("Schedule"), "year", live=RENEW_S, view=view, problem=problem)

    @router.get("/callouts", dependencies=[require()])
    def callouts(request: Request) -> Response:
        names = tuple(reversed(console.context.callouts.exercises.ids()))
        part: Page[str] = page_of(names, number(request), {}, size=EXERCISES)
        lines = tuple(_exercise(console, name) for name in part.items)
        return console.page(
            request, "callouts.html", N_("Call-out exercises"), "year", live=RENEW_S, page=part, lines=lines
        )

    return router


def _coming(console: Console) -> tuple[tuple[ComingLine, ...], str]:
    """Slots of the next days, or why they cannot be told: a file that is not there or wrong."""
    context, now = console.context, console.desk.now().wall
    files = context.files
    named = ScheduleFiles(schedules=files.schedule, catalog=files.catalog, year=files.year)
    try:
        setup = load_setup(named, context.checks.keys(), now)
        works = Works(
            context.parts,
            context.service,
            context.operations,
            context.drivers,
            context.checks,
            context.year_log,
            setup,
            files.estate_file,
        )
        checks = [item for item in setup.schedules.items if item.work.kind is WorkKind.CHECK]
        others = [item for item in setup.schedules.items if item.work.kind is not WorkKind.CHECK]
        # A check may come every minute: its next time is enough, and the drills are not lost among them.
        until = now + timedelta(days=AHEAD_DAYS)
        nexts = [slot for item in checks if (slot := next_slot(item, Part.MAIN, now)) and slot.nominal <= until]
        slots = sorted([*coming(others, now, until), *nexts])
        return tuple(_line(works, slot) for slot in slots), ""
    except DrorchError as error:
        return (), told(error)


def _line(works: Works, slot: Slot) -> ComingLine:
    item = works.setup.schedules.by_id(slot.schedule)
    assert item is not None
    return coming_line(slot, item, works.closed(item, slot.nominal) if slot.part is Part.MAIN else None)


def _past(console: Console, store: ScheduleStore, asked: dict[str, str], page: int) -> Page[PastLine]:
    """Newest first. Only those on the page are read, unless somebody asks for the ones that were not held."""
    now = console.desk.now().wall
    keys = tuple(reversed(store.keys(now - timedelta(days=BACK_DAYS), now)))
    runs = frozenset(console.context.journal.runs())
    if asked["state"] == "not-held":
        found = [item for key in keys if (item := fold_instant(store.read(key))) is not None]
        lost = tuple(past_line(item, runs) for item in found if item.ended and item.ended.outcome in NOT_HELD)
        return page_of(lost, page, asked, size=SHOWN)
    part = page_of(keys, page, {}, size=SHOWN)
    lines = [past_line(item, runs) for key in part.items if (item := fold_instant(store.read(key))) is not None]
    return Page(items=tuple(lines), number=part.number, size=part.size, total=part.total, query=part.query)


def _exercise(console: Console, name: str) -> CalloutLine:
    try:
        return callout_line(console.context.callouts.result(name))
    except DrorchError as error:
        return unreadable_callout(name, told(error))
