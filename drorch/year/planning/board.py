"""The tests placed so far, and what stands against one more: limits, people, sites, subjects, order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from drorch.year.planning.model import Planner, Task
from drorch.year.planning.slots import Candidate


@dataclass(frozen=True, kw_only=True)
class Held:
    """A test with its place; ``key`` tells two apart. Minutes since the origin."""

    key: str
    start: int
    end: int
    day: int
    week: int
    sites: tuple[str, ...]
    subjects: frozenset[str]
    people: Mapping[str, int]
    group: str | None


class Board:
    """Mutable: the search puts tests on it and takes them off again."""

    def __init__(self, planner: Planner, relaxed: frozenset[str]) -> None:
        self._limits, self._relaxed = planner.limits, relaxed
        self._people = _capacity(planner, relaxed)
        self._days: dict[int, list[Held]] = defaultdict(list)
        self._weeks: Counter[int] = Counter()
        self.held: dict[str, Held] = {}

    def put(self, test: Held) -> None:
        """Place a test, whether or not it fits."""
        self._days[test.day].append(test)
        self._weeks[test.week] += 1
        self.held[test.key] = test

    def take(self, key: str) -> None:
        """Take a test off."""
        test = self.held.pop(key)
        self._days[test.day].remove(test)
        self._weeks[test.week] -= 1

    def against(self, test: Held, before: tuple[str, ...], behind: tuple[str, ...]) -> str | None:
        """The first reason why the test cannot be there; None when it can.

        ``before`` are the keys of the tests it has to follow, ``behind`` those that have to follow it.
        """
        return self._order(test, before, behind) or self._counts(test) or self._beside(test)

    def _order(self, test: Held, before: tuple[str, ...], behind: tuple[str, ...]) -> str | None:
        for names, early in ((before, False), (behind, True)):
            for name in names:
                other = self.held.get(name)
                key = f"order:{test.key}:{name}" if not early else f"order:{name}:{test.key}"
                if other is None or key in self._relaxed:
                    continue
                if (test.end > other.start) if early else (other.end > test.start):
                    return key
        return None

    def _counts(self, test: Held) -> str | None:
        limits = self._limits
        if "limit:per-day" not in self._relaxed and len(self._days.get(test.day, ())) >= limits.per_day:
            return "limit:per-day"
        if "limit:per-week" not in self._relaxed and self._weeks[test.week] >= limits.per_week:
            return "limit:per-week"
        return None

    def _beside(self, test: Held) -> str | None:
        # No test is longer than five days.
        near = (item for day in range(test.day - 5, test.day + 6) for item in self._days.get(day, ()))
        beside = [item for item in near if item.start < test.end and test.start < item.end]
        if not beside:
            # Also alone it may be more than there are.
            return self._at(test, [])
        for item in beside:
            if test.subjects & item.subjects and "subjects" not in self._relaxed:
                return "subjects"
        moments = {test.start, *(item.start for item in beside if item.start > test.start)}
        for moment in moments:
            if (why := self._at(test, [item for item in beside if item.start <= moment < item.end])) is not None:
                return why
        return None

    def _at(self, test: Held, others: list[Held]) -> str | None:
        if len(others) >= self._limits.at_once and "limit:at-once" not in self._relaxed:
            return "limit:at-once"
        for site in test.sites:
            if (
                sum(site in item.sites for item in others) >= self._limits.per_site
                and f"site:{site}" not in self._relaxed
            ):
                return f"site:{site}"
        for pool, number in test.people.items():
            used = sum(item.people.get(pool, 0) for item in others)
            if used + number > self._people(pool, test.day):
                return f"people:{pool}"
        return None

    def available(self, pool: str, day: int) -> float:
        """How many of a pool are there on a day."""
        return self._people(pool, day)


def held(key: str, task: Task, at: Candidate) -> Held:
    """The task at a candidate."""
    return Held(
        key=key, start=at.start, end=at.start + int(task.rule.length_s // 60), day=at.day, week=at.week,
        sites=task.sites, subjects=frozenset(task.subjects), people=task.rule.people, group=task.group,
    )  # fmt: skip


def _capacity(planner: Planner, relaxed: frozenset[str]) -> Callable[[str, int], float]:
    pools = {item.id: float(item.at_once) for item in planner.pools}

    def of(pool: str, day: int) -> float:
        if f"people:{pool}" in relaxed:
            return float("inf")
        found = pools[pool]
        for absence in planner.absences:
            away = absence.pool == pool and absence.first_day <= date.fromordinal(day) <= absence.last_day
            if away and f"absence:{absence.id}" not in relaxed:
                found = min(found, absence.at_once)
        return found

    return of
