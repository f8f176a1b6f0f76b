"""When a test may run at a site: allowed and blocked times, and exceptions that open a blocked time again.

**The clock on the wall of the site decides.** An instant lies in a window when that clock, read at that instant, shows
a time of the window. Nothing else needs to be said about daylight saving: a time that is skipped in spring never comes,
a time that comes twice in autumn counts twice. A window that starts on one day and ends on the next (22:00 to 04:00)
belongs to the day it starts on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from zoneinfo import ZoneInfo

HORIZON_DAYS = 800
"""How far ahead is looked: two years and some, so that every yearly pattern comes by."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
MIDNIGHT = time(0, 0)


class Effect(StrEnum):
    """What a window does. Exceptions win over blocks, blocks win over allowed times; what nothing allows is closed."""

    ALLOW = "allow"
    BLOCK = "block"
    EXCEPTION = "exception"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Times of day, on weekdays, between days. All bounds that are absent do not bound.

    ``start`` belongs to the window, ``end`` does not; ``end`` at or before ``start`` lies on the next day, and both at
    midnight are the whole day. ``site`` None: at every site, each by its own clock.
    """

    id: str
    effect: Effect
    reason: str
    site: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    """Monday is 0."""
    start: time = MIDNIGHT
    end: time = MIDNIGHT

    def starts_on(self, day: date) -> bool:
        """Whether the window begins on this day."""
        after = self.first_day is None or self.first_day <= day
        before = self.last_day is None or day <= self.last_day
        return after and before and day.weekday() in self.weekdays

    def shows(self, clock: datetime) -> bool:
        """Whether a wall clock that reads ``clock`` (naive) shows a time of this window."""
        now, today = clock.time(), clock.date()
        if self.start < self.end:
            return self.start <= now < self.end and self.starts_on(today)
        if now >= self.start:
            return self.starts_on(today)
        return now < self.end and today > date.min and self.starts_on(today - _DAY)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """All windows with the time zone of each site (IANA names). Pure: the same question has the same answer always."""

    rules: tuple[Window, ...] = ()
    zones: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def is_open(self, instant: datetime, site: str) -> bool:
        """Whether a test may run at ``site`` at this instant (aware). KeyError for an unknown site."""
        clock = instant.astimezone(self._zone(site)).replace(tzinfo=None)
        effects = {rule.effect for rule in self.rules_of(site) if rule.shows(clock)}
        return Effect.EXCEPTION in effects or (Effect.ALLOW in effects and Effect.BLOCK not in effects)

    def why(self, instant: datetime, site: str) -> tuple[Window, ...]:
        """The windows whose time it is, strongest first."""
        clock = instant.astimezone(self._zone(site)).replace(tzinfo=None)
        strength = (Effect.EXCEPTION, Effect.BLOCK, Effect.ALLOW)
        return tuple(
            sorted(
                (rule for rule in self.rules_of(site) if rule.shows(clock)),
                key=lambda rule: strength.index(rule.effect),
            )
        )

    def next_open(self, instant: datetime, site: str, *, for_s: float = 0.0) -> datetime | None:
        """The first instant (UTC) from ``instant`` on from which ``site`` is open for at least ``for_s`` seconds.

        None when there is none within ``HORIZON_DAYS``. KeyError for an unknown site.
        """
        begin: datetime | None = None
        need = timedelta(seconds=for_s)
        for moment in chain((instant.astimezone(UTC),), self._changes(instant, site)):
            if begin is not None and moment - begin >= need:
                return begin
            if not self.is_open(moment, site):
                begin = None
            elif begin is None:
                begin = moment
                if not for_s:
                    return begin
        return begin if begin is not None and self._last_look(instant) - begin >= need else None

    def next_open_everywhere(self, instant: datetime, sites: Sequence[str], *, for_s: float = 0.0) -> datetime | None:
        """As :meth:`next_open`, for all of ``sites`` at once."""
        moment: datetime | None = instant.astimezone(UTC)
        while moment is not None and moment <= self._last_look(instant):
            before = moment
            for site in sites:
                moment = self.next_open(moment, site, for_s=for_s) if moment is not None else None
            if moment == before:
                return moment
        return None

    def is_open_for(self, instant: datetime, site: str, seconds: float) -> bool:
        """Whether ``site`` is open from ``instant`` on for ``seconds`` without a break."""
        return self.is_open(instant, site) and (
            not seconds or self.next_open(instant, site, for_s=seconds) == instant.astimezone(UTC)
        )

    def open_spans(self, begin: datetime, end: datetime, site: str) -> Iterator[tuple[datetime, datetime]]:
        """Each stretch between two instants in which ``site`` is open, in order, in UTC; at most `HORIZON_DAYS`."""
        since = begin.astimezone(UTC) if self.is_open(begin, site) else None
        for moment in self._changes(begin, site):
            if moment >= end:
                break
            now_open = self.is_open(moment, site)
            if since is None and now_open:
                since = moment
            elif since is not None and not now_open:
                yield since, moment
                since = None
        if since is not None:
            yield since, end.astimezone(UTC)

    def rules_of(self, site: str) -> tuple[Window, ...]:
        """The windows that hold at ``site``."""
        return tuple(rule for rule in self.rules if rule.site in (None, site))

    def _zone(self, site: str) -> ZoneInfo:
        return ZoneInfo(self.zones[site])

    def _last_look(self, instant: datetime) -> datetime:
        return instant.astimezone(UTC) + HORIZON_DAYS * _DAY

    def _changes(self, instant: datetime, site: str) -> Iterator[datetime]:
        """Instants after ``instant``, in order, at which the answer may change: nowhere else can it."""
        zone = self._zone(site)
        rules = self.rules_of(site)
        times = sorted({MIDNIGHT, *(rule.start for rule in rules), *(rule.end for rule in rules)})
        begin, end = instant.astimezone(UTC), self._last_look(instant)
        first = instant.astimezone(zone).date() - _DAY
        waiting: set[datetime] = set()
        for offset in range(HORIZON_DAYS + 4):
            day = first + offset * _DAY
            # A clock that is set back across midnight mixes two days: look one day further than is told.
            waiting |= _instants(day, times, zone)
            until = datetime.combine(day, MIDNIGHT, zone).astimezone(UTC)
            told = {moment for moment in waiting if moment <= until}
            waiting -= told
            yield from sorted(moment for moment in told if begin < moment <= end)


def _instants(day: date, times: list[time], zone: ZoneInfo) -> set[datetime]:
    """Both instants at which the clock may show each time, and the instant at which the clock itself is changed."""
    changed = _clock_change(day, zone)
    # Only on the day of a change, and by the midnight that ends it, is a time shown twice.
    folds = (0,) if changed is None and _clock_change(day - _DAY, zone) is None else (0, 1)
    found = {datetime.combine(day, shown, zone).replace(fold=fold).astimezone(UTC) for shown in times for fold in folds}
    return found | {changed} if changed else found


def _clock_change(day: date, zone: ZoneInfo) -> datetime | None:
    """The instant of ``day`` at which the zone's offset changes, to the second; None on nearly all days."""
    low = datetime.combine(day, MIDNIGHT, zone).astimezone(UTC)
    high = datetime.combine(day + _DAY, MIDNIGHT, zone).astimezone(UTC)
    offset = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == offset:
        return None
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high
