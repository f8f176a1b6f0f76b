"""The two kinds of period, as pure questions about days: how long does something hold, when is the next due.

*Calendar year*: once between 1 January and 31 December. *Rolling 12 months*: at most twelve months from one to
the next; what was done on 4 March holds to the end of 4 March of the next year, on 29 February to the end of
28 February.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from drorch.year.model import Exemption, Period

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a duty stands on a day when it was last fulfilled on ``last`` (None: never)."""

    holds: bool
    """Fulfilled, and not yet time to do it again."""
    due_from: date
    """First day on which it is, or will be, time to do it (again)."""
    due_by: date
    """Last day on which doing it is not late."""
    late_since: date | None
    """First day of being late; None while it is not."""


def standing(
    period: Period,
    *,
    on: date,
    done: Collection[date],
    in_force_from: date,
    exemptions: Sequence[Exemption] = (),
    lead_days: int = 0,
) -> Standing:
    """How a duty of this period stands at the end of the day ``on``. What was done after ``on`` is not looked at.

    A period whose last day is covered by an exemption is not owed.
    """
    days = sorted(day for day in done if day <= on)
    if period is Period.CALENDAR_YEAR:
        return _calendar_year(on, days, in_force_from, exemptions)
    return _rolling(on, days, in_force_from, exemptions, lead_days)


def add_year(day: date) -> date:
    """The same day a year later; 28 February after 29 February."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)


def _calendar_year(on: date, days: Sequence[date], in_force_from: date, exemptions: Sequence[Exemption]) -> Standing:
    year = on.year
    holds = bool(days) and days[-1].year == year
    year_owed = year + 1 if holds else year
    while _exempt_on(date(year_owed, 12, 31), exemptions):
        year_owed += 1
    late_since = None if holds else _first_missed(days, in_force_from, year, exemptions)
    return Standing(
        holds=holds,
        due_from=max(date(year_owed, 1, 1), in_force_from),
        due_by=date(year_owed, 12, 31),
        late_since=late_since,
    )


def _first_missed(days: Sequence[date], in_force_from: date, year: int, exemptions: Sequence[Exemption]) -> date | None:
    """1 January after the first year that went by since the last fulfilment without one."""
    first = max(days[-1].year + 1, in_force_from.year) if days else in_force_from.year
    for missed in range(first, year):
        if not _exempt_on(date(missed, 12, 31), exemptions):
            return date(missed + 1, 1, 1)
    return None


def _rolling(
    on: date, days: Sequence[date], in_force_from: date, exemptions: Sequence[Exemption], lead_days: int
) -> Standing:
    due_by = add_year(in_force_from) - _DAY
    settled_until = date.min
    if days:
        held_until = add_year(days[-1])
        settled_until = held_until - timedelta(days=lead_days)
        due_by = max(due_by, held_until)
    while covering := [item.until for item in exemptions if item.covers(due_by) and item.until > due_by]:
        due_by = max(covering)
    due_from = max(in_force_from, min(settled_until + _DAY, due_by))
    return Standing(
        holds=on <= settled_until,
        due_from=due_from,
        due_by=due_by,
        late_since=due_by + _DAY if on > due_by else None,
    )


def _exempt_on(day: date, exemptions: Sequence[Exemption]) -> bool:
    return any(item.covers(day) for item in exemptions)
