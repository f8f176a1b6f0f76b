"""When a test could be held as far as sites and leases go: its candidate starts.

A test may start when an opening begins, and at every full hour in it.

All times are minutes since the origin, midnight UTC of the first day planned for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from drorch.catalog.model import Catalog
from drorch.year.planning.model import Task
from drorch.year.windows import Effect, Window, Windows

GRID_MIN = 60
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, order=True)
class Candidate:
    """A start, with its day (ordinal) and week (ordinal of its Monday) in the programme's time zone."""

    start: int
    day: int
    week: int


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What candidates cover: their days, their weeks, and the stretches of time that tests at them lie in."""

    days: frozenset[int]
    weeks: frozenset[int]
    stretches: tuple[tuple[int, int], ...]


def shape_of(places: Sequence[Candidate], length: int) -> Shape:
    """The shape of candidates in order of time, for tests of ``length`` minutes."""
    return Shape(
        days=frozenset(place.day for place in places),
        weeks=frozenset(place.week for place in places),
        stretches=merged((place.start, place.start + length) for place in places),
    )


def merged(stretches: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Stretches that touch or overlap made into one; ``stretches`` in order of their beginning."""
    found: list[tuple[int, int]] = []
    for begin, end in stretches:
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


class Slots:
    """Candidates of tasks, remembered: many questions about the same windows are asked."""

    def __init__(self, windows: Windows, catalog: Catalog, first_day: date, last_day: date, timezone: str) -> None:
        self.origin = datetime.combine(first_day, time(0), UTC) - _DAY
        self._windows, self._catalog, self._zone = windows, catalog, ZoneInfo(timezone)
        self._end = datetime.combine(last_day, time(0), UTC) + 2 * _DAY
        self._spans: dict[tuple[str, frozenset[str]], list[tuple[int, int]]] = {}
        self._known: dict[tuple[object, ...], tuple[Candidate, ...]] = {}
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def minutes(self, instant: datetime) -> int:
        """Whole minutes since the origin."""
        return int((instant - self.origin) / _MINUTE)

    def instant(self, minutes: int) -> datetime:
        """Inverse of :meth:`minutes`."""
        return self.origin + minutes * _MINUTE

    def at(self, minutes: int) -> Candidate:
        """A start at any time, with its day and week."""
        day = self.instant(minutes).astimezone(self._zone).date().toordinal()
        return Candidate(start=minutes, day=day, week=day - (day - 1) % 7)

    def of(self, task: Task, relaxed: frozenset[str]) -> tuple[Candidate, ...]:
        """Candidates of a task in order of time. ``relaxed`` are the reasons that are given up."""
        key, given_up = _key(task, relaxed)
        if key not in self._known:
            self._known[key] = tuple(self._candidates(task, given_up))
        return self._known[key]

    def shape(self, task: Task, relaxed: frozenset[str]) -> Shape:
        """The shape of the candidates of a task."""
        key, _ = _key(task, relaxed)
        if key not in self._shapes:
            self._shapes[key] = shape_of(self.of(task, relaxed), int(task.rule.length_s // 60))
        return self._shapes[key]

    def window_reasons(self, sites: Sequence[str], first: date, last: date) -> dict[str, str]:
        """What of windows and leases may stand against a test at these sites between two days: key to text."""
        found: dict[str, str] = {}
        for site in sites:
            allowed = [rule.id for rule in self._windows.rules_of(site) if rule.effect is not Effect.BLOCK]
            found[f"hours:{site}"] = f"{site} is open for tests only by {', '.join(allowed) or 'no window at all'}"
            for rule in self._windows.rules_of(site):
                late = rule.first_day is not None and rule.first_day > last
                early = rule.last_day is not None and rule.last_day < first
                if rule.effect is Effect.BLOCK and not late and not early:
                    found[f"block:{rule.id}"] = f"the window {rule.id} is blocked: {rule.reason}"
            entry = self._catalog.site(site)
            if (entry.valid_until and entry.valid_until < last) or (entry.valid_from and entry.valid_from > first):
                days = f"{entry.valid_from or '...'} to {entry.valid_until or '...'}"
                found[f"lease:{site}"] = f"{site} may be relied on from {days} only"
        return found

    def _candidates(self, task: Task, relaxed: frozenset[str]) -> Iterator[Candidate]:
        length = int(task.rule.length_s // 60)
        first = self._midnight(task.earliest)
        end = self._midnight(task.latest + _DAY)
        for begin, until in self._common(task.sites, relaxed):
            begin, until = max(begin, first), min(until, end)
            day = self.at(begin).day if begin < until else 0
            while begin < until:
                midnight = self._midnight(date.fromordinal(day + 1))
                # An opening may last for months: it is looked at day by day, and a test may go on past midnight.
                if self._leased(task, begin, relaxed):
                    yield from self._starts(begin, min(until - length, midnight - 1))
                begin, day = midnight, day + 1

    def _starts(self, begin: int, last: int) -> Iterator[Candidate]:
        start = begin
        while start <= last:
            yield self.at(start)
            start = (start // GRID_MIN + 1) * GRID_MIN

    def _leased(self, task: Task, start: int, relaxed: frozenset[str]) -> bool:
        day = self.instant(start + int(task.rule.length_s // 60)).astimezone(self._zone).date()
        for name in task.sites:
            site = self._catalog.site(name)
            if f"lease:{name}" in relaxed:
                continue
            if (site.valid_until and day > site.valid_until) or (site.valid_from and day < site.valid_from):
                return False
        return True

    def _common(self, sites: Sequence[str], relaxed: frozenset[str]) -> list[tuple[int, int]]:
        common = [(0, self.minutes(self._end))]
        for site in sites:
            common = _both(common, self._open(site, relaxed))
        return common

    def _open(self, site: str, relaxed: frozenset[str]) -> list[tuple[int, int]]:
        key = (site, relaxed)
        if key not in self._spans:
            spans = self._relaxed(site, relaxed).open_spans(self.origin, self._end, site)
            self._spans[key] = [(self.minutes(begin), self.minutes(end)) for begin, end in spans]
        return self._spans[key]

    def _relaxed(self, site: str, relaxed: frozenset[str]) -> Windows:
        rules = tuple(rule for rule in self._windows.rules if f"block:{rule.id}" not in relaxed)
        if f"hours:{site}" in relaxed:
            rules = (*rules, Window(id="any-time", effect=Effect.ALLOW, reason="given up", site=site))
        return replace(self._windows, rules=rules)

    def _midnight(self, day: date) -> int:
        return self.minutes(datetime.combine(day, time(0), self._zone).astimezone(UTC))


def _key(task: Task, relaxed: frozenset[str]) -> tuple[tuple[object, ...], frozenset[str]]:
    """What candidates depend on, and what of it is given up. Windows of sites where it is not held do not matter."""
    mine = tuple(f"{what}:{site}" for site in task.sites for what in ("hours", "lease"))
    given_up = frozenset(key for key in relaxed if key.startswith("block:") or key in mine)
    return (task.sites, task.rule.length_s, task.earliest, task.latest, given_up), given_up


def _both(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found, left, right = [], 0, 0
    while left < len(one) and right < len(other):
        begin, end = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if begin < end:
            found.append((begin, end))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return found
