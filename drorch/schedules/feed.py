"""What will begin by itself, as entries of the year's calendar feed: also what was taken out, as called off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from drorch.schedules.events import NOT_HELD, Adopted, Outcome, ScheduleEvent, fold_instant
from drorch.schedules.instants import parts_of, slots
from drorch.schedules.model import Part, Schedule, Slot
from drorch.schedules.ports import ScheduleStore
from drorch.year.ics import FeedEntry

BEHIND = timedelta(days=366)
AHEAD = timedelta(days=400)
_NOT_DONE = NOT_HELD - {Outcome.INTERRUPTED}


def feed_entries(store: ScheduleStore, now: datetime) -> Iterator[FeedEntry]:
    """Every instant from a year ago to some months ahead of every schedule that stands or stood.

    UID is the instant's key, ``SEQUENCE`` counts the versions of its schedule. An instant that a later version does not
    have stays, as called off, so that subscribed calendars take it out; so does one that was not held.
    """
    for name in store.schedules():
        events = store.read(name)
        owed: dict[str, tuple[Slot, Schedule, ScheduleEvent]] = {}
        for number, event in enumerate(events):
            if not isinstance(event.body, Adopted):
                continue
            end = events[number + 1].at if number + 1 < len(events) else now + AHEAD
            for part in parts_of(event.body.schedule):
                for slot in slots(event.body.schedule, part, max(event.at, now - BEHIND), now + AHEAD):
                    if slot.nominal <= end or slot.key not in owed:
                        owed[slot.key] = (slot, event.body.schedule, event)
        standing = _standing_keys(events, now)
        for key, (slot, schedule, event) in owed.items():
            yield _entry(store, slot, schedule, event, events[-1], stands=key in standing)


def _standing_keys(events: tuple[ScheduleEvent, ...], now: datetime) -> frozenset[str]:
    last = events[-1].body
    if not isinstance(last, Adopted):
        return frozenset()
    schedule, since = last.schedule, max(events[-1].at, now - BEHIND)
    return frozenset(slot.key for part in parts_of(schedule) for slot in slots(schedule, part, since, now + AHEAD))


def _entry(
    store: ScheduleStore, slot: Slot, schedule: Schedule, event: ScheduleEvent, last: ScheduleEvent, *, stands: bool
) -> FeedEntry:
    state = fold_instant(store.read(slot.key))
    ended = state.ended if state else None
    taken_out = state is None and not stands
    precheck = slot.part is Part.PRECHECK
    said = f"{schedule.work.kind.value}, by itself" if not precheck else f"readiness run before {schedule.id}"
    told = f"\n{ended.outcome.value}: {ended.reason}" if ended else ""
    changed = last if taken_out else event
    return FeedEntry(
        id=slot.key.replace("@", "."),
        sequence=changed.seq - 1 + (1 if ended else 0),
        stamp=state.ended_at if state and state.ended_at else changed.at,
        created=event.at,
        start=slot.nominal,
        duration_s=schedule.length_s,
        title=f"{'Precheck: ' if precheck else ''}{schedule.title}",
        places=(schedule.site,),
        description=f"{said}; {schedule.owner}, {schedule.department}{told}",
        category="scheduled",
        called_off=taken_out or (ended is not None and ended.outcome in _NOT_DONE),
        announce_days=schedule.announce_days,
    )
