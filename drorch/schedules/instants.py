"""From a recurrence to nominal instants in UTC, each once, by the declared rule for clocks that are changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from drorch.schedules.model import Doubled, Part, Recurrence, Schedule, Skipped, Slot
from drorch.schedules.rules import local_times

_MARGIN = timedelta(days=2)
"""More than two clocks of one instant can differ by, whatever is changed in between."""
LOOK_AHEAD = timedelta(days=366 * 9)


def instant_of(time: datetime, recurrence: Recurrence) -> datetime | None:
    """The UTC instant at which the clock of the recurrence's zone shows ``time`` (naive); None when it is omitted.

    Skipped: the clocks are set forward over it; ``later`` is the instant at which they are. Doubled: it comes twice.
    """
    zone = ZoneInfo(recurrence.zone)
    before, behind = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before == behind:
        return before
    if before < behind:
        return before if recurrence.doubled is Doubled.FIRST else behind
    # Python reads a skipped time by the offset before the change (fold 0, too late) and after it (fold 1, too early).
    return None if recurrence.skipped is Skipped.OMIT else _change_between(behind, before, zone)


def nominal_instants(
    recurrence: Recurrence, after: datetime, until: datetime, *, days_before: int = 0
) -> Iterator[tuple[datetime, datetime]]:
    """Pairs (instant, instant it is for) with ``after < instant <= until``, in order, each instant once.

    With ``days_before`` the first is so many days earlier on the same clock; without it both are the same.
    """
    zone = ZoneInfo(recurrence.zone)
    earlier = timedelta(days=days_before)
    begin = after.astimezone(zone).replace(tzinfo=None) - _MARGIN + earlier
    end = until.astimezone(zone).replace(tzinfo=None) + _MARGIN + earlier
    last: datetime | None = None
    for time in local_times(recurrence, begin, end):
        test = instant_of(time, recurrence)
        instant = test if not days_before else instant_of(time - earlier, recurrence)
        if test is None or instant is None:
            continue
        if instant > until:
            return
        if instant > after and instant != last:
            last = instant
            yield instant, test


def slots(schedule: Schedule, part: Part, after: datetime, until: datetime) -> Iterator[Slot]:
    """The slots of a schedule, or of its precheck, with ``after < nominal <= until``, in order."""
    if part is Part.PRECHECK and schedule.precheck is None:
        return
    days = schedule.precheck.days_before if schedule.precheck and part is Part.PRECHECK else 0
    for instant, test in nominal_instants(schedule.recurrence, after, until, days_before=days):
        yield Slot(nominal=instant, schedule=schedule.id, part=part, test=test if part is Part.PRECHECK else None)


def next_slot(schedule: Schedule, part: Part, after: datetime) -> Slot | None:
    """The first slot behind ``after``; None when there is none any more."""
    return next(slots(schedule, part, after, after + LOOK_AHEAD), None)


def parts_of(schedule: Schedule) -> tuple[Part, ...]:
    """What of the schedule has instants of its own."""
    return (Part.PRECHECK, Part.MAIN) if schedule.precheck is not None else (Part.MAIN,)


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The instant (to the second) in ``low < t <= high`` from which the zone has the offset it has at ``high``."""
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high
