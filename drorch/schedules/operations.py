"""The schedule of one state folder: its files, loaded together, and what the store says of past instants."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.catalog.text import MAX_BYTES
from drorch.core.files import read_input
from drorch.core.findings import Finding
from drorch.schedules.check import check_schedules
from drorch.schedules.events import Adopted, Instant, fold_instant, instant_to_json
from drorch.schedules.instants import parts_of, slots
from drorch.schedules.load import load_schedules, sound
from drorch.schedules.model import Part, Schedule, Schedules, Slot, WorkKind, stamp
from drorch.schedules.ports import ScheduleStore
from drorch.year.codec import event_to_json
from drorch.year.local_time import local
from drorch.year.log import YearEvent
from drorch.year.model import Programme
from drorch.year.operations import load_year


@dataclass(frozen=True, kw_only=True)
class ScheduleFiles:
    """Which files the schedule is about."""

    schedules: Path
    catalog: Path
    year: Path


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything of `ScheduleFiles`, loaded and sound."""

    files: ScheduleFiles
    schedules: Schedules
    catalog: Catalog
    programme: Programme


def read_setup(files: ScheduleFiles, checks: Collection[str], now: datetime) -> tuple[Setup, tuple[Finding, ...]]:
    """The files as they are, and everything found in the schedule. InputInvalid when one cannot be read at all."""
    programme, catalog = load_year(files.year, files.catalog)
    schedules = load_schedules(read_input(files.schedules, MAX_BYTES), str(files.schedules), catalog)
    findings = check_schedules(schedules, catalog, programme.windows, checks, now)
    return Setup(files=files, schedules=schedules, catalog=catalog, programme=programme), findings


def load_setup(files: ScheduleFiles, checks: Collection[str], now: datetime) -> Setup:
    """As :func:`read_setup`. InputInvalid with file, line and field when there is an error among the findings."""
    setup, findings = read_setup(files, checks, now)
    sound(setup.schedules, findings)
    return setup


def coming(schedules: Iterable[Schedule], after: datetime, until: datetime) -> tuple[Slot, ...]:
    """All slots with ``after < nominal <= until``, in order."""
    return tuple(
        sorted(slot for item in schedules for part in parts_of(item) for slot in slots(item, part, after, until))
    )


def past(store: ScheduleStore, since: datetime, until: datetime) -> tuple[Instant, ...]:
    """How every claimed instant of that time stands, by nominal time."""
    found = (fold_instant(store.read(key)) for key in store.keys(since, until))
    return tuple(item for item in found if item is not None)


def unclaimed(store: ScheduleStore, now: datetime, *, grace: timedelta) -> tuple[Slot, ...]:
    """Slots that were owed more than ``grace`` ago and that nobody has claimed: no scheduler is at work.

    By what was adopted, not by the file: what a file would owe before anybody adopted it is owed by nobody.
    """
    found: list[Slot] = []
    for name in store.schedules():
        events = store.read(name)
        if not events or not isinstance(events[-1].body, Adopted):
            continue
        schedule = events[-1].body.schedule
        for part in parts_of(schedule):
            last = store.last_claimed(schedule.key(part))
            after = max(events[-1].at, last) if last else events[-1].at
            found += slots(schedule, part, after, now - grace)
    return tuple(sorted(found))


def last_instant(store: ScheduleStore, schedule: Schedule) -> Instant | None:
    """How its latest claimed instant stands; None before the first."""
    last = store.last_claimed(schedule.id)
    return fold_instant(store.read(Slot(nominal=last, schedule=schedule.id).key)) if last else None


def coming_to_json(slot: Slot, schedule: Schedule, closed: str | None) -> dict[str, object]:
    """A slot to come as plain data. ``closed``: why its sites are not open then."""
    return {
        "key": slot.key,
        "schedule": slot.schedule,
        "part": slot.part.value,
        "nominal": stamp(slot.nominal),
        "local": local(slot.nominal, schedule.recurrence.zone),
        "kind": WorkKind.READINESS.value if slot.part is Part.PRECHECK else schedule.work.kind.value,
        "closed": closed,
        "announced_from": (slot.nominal - timedelta(days=schedule.announce_days)).date().isoformat(),
    }


def listed_to_json(
    schedule: Schedule, slot: Slot | None, last: Instant | None, approval: YearEvent | None
) -> dict[str, object]:
    """A schedule as plain data: its next slot, how its last one ended, its standing approval."""
    return {
        "id": schedule.id,
        "title": schedule.title,
        "kind": schedule.work.kind.value,
        "site": schedule.site,
        "owner": schedule.owner,
        "department": schedule.department,
        "next": stamp(slot.nominal) if slot else None,
        "last": instant_to_json(last) if last else None,
        "standing_approval": event_to_json(approval) if approval else None,
    }
