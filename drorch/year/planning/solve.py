"""Place every test, or prove that it cannot be done, within a stated bound of work. Deterministic.

Three parts, each only when the one before has no answer: a test without any candidate, or more tests than a resource
can hold between two days, prove that nothing fits; a first fit with restarts, in which tests that found no place go
first the next time, finds nearly every plan that exists; a complete search, smallest choice first, finds or rules out
the rest. Work is counted in looks at one place for one test; beyond `BOUND` the answer is "unknown".
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drorch.year.planning.board import Board, Held, held
from drorch.year.planning.model import Fixed, Planner, Solution, Task, Verdict
from drorch.year.planning.slots import Candidate, Shape, Slots, merged

BOUND = 400_000
"""Looks at a place, in all; some seconds."""
RESTARTS = 25


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Tasks with what may be given up. ``fixed`` stay where they are."""

    planner: Planner
    tasks: tuple[Task, ...]
    fixed: tuple[Fixed, ...]
    slots: Slots

    def relaxed(self, keys: frozenset[str]) -> Problem:
        """Without the tasks and the booked tests that are given up."""
        return Problem(
            planner=self.planner,
            tasks=tuple(task for task in self.tasks if f"task:{task.id}" not in keys),
            fixed=tuple(item for item in self.fixed if f"fixed:{item.id}" not in keys),
            slots=self.slots,
        )


def solve(problem: Problem, relaxed: frozenset[str] = frozenset(), *, bound: int = BOUND) -> Solution:
    """A place for every task, without what is ``relaxed``. ``starts`` are by number in the tasks that are left."""
    search = _Search(problem.relaxed(relaxed), relaxed, bound)
    return search.solution()


class _Search:
    def __init__(self, problem: Problem, relaxed: frozenset[str], bound: int) -> None:
        self._planner, self._relaxed, self._bound = problem.planner, relaxed, bound
        self._tasks, self._fixed, self._slots = problem.tasks, problem.fixed, problem.slots
        self._places = [self._manned(task, problem.slots.of(task, relaxed)) for task in self._tasks]
        names = {task.id for task in self._tasks} | {item.id for item in self._fixed}
        self._before = [tuple(n for n in task.after if n in names) for task in self._tasks]
        self._behind = [tuple(o.id for o in self._tasks if task.id in o.after) for task in self._tasks]
        self._work = 0
        self._best: dict[int, int] = {}
        self._targets = self._spread()
        booked = [fixed_test(item, self._slots) for item in self._fixed]
        self._booked_days, self._booked_weeks = Counter(t.day for t in booked), Counter(t.week for t in booked)

    def solution(self) -> Solution:
        if not all(self._places) or self._overfull():
            self._first_fit(dict.fromkeys(range(len(self._tasks)), 0))
            return self._said(Verdict.INFEASIBLE)
        weights = dict.fromkeys(range(len(self._tasks)), 0)
        for _ in range(RESTARTS):
            if self._first_fit(weights):
                return self._said(Verdict.FEASIBLE)
            if self._work > self._bound // 2:
                break
        return self._said(self._complete(self._board(), set(range(len(self._tasks))), {}))

    def _manned(self, task: Task, places: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Without the days on which too few people are there for this test alone."""
        missing = [
            (absence.first_day.toordinal(), absence.last_day.toordinal())
            for absence in self._planner.absences
            if f"absence:{absence.id}" not in self._relaxed
            and f"people:{absence.pool}" not in self._relaxed
            and absence.at_once < task.rule.people.get(absence.pool, 0)
        ]
        if not missing:
            return places
        return tuple(place for place in places if not any(first <= place.day <= last for first, last in missing))

    def _said(self, verdict: Verdict) -> Solution:
        return Solution(verdict=verdict, starts=dict(self._best), work=self._work)

    def _board(self) -> Board:
        board = Board(self._planner, self._relaxed)
        for item in self._fixed:
            board.put(fixed_test(item, self._slots))
        return board

    def _spread(self) -> list[int]:
        """The tests of each rule evenly over the time each has, what others wait for first."""
        depth = _depths(self._tasks)
        of_rule: dict[str, list[int]] = {}
        for at, task in enumerate(self._tasks):
            of_rule.setdefault(task.rule.id, []).append(at)
        targets = [0] * len(self._tasks)
        for members in of_rule.values():
            members.sort(key=lambda at: (depth[self._tasks[at].id], self._tasks[at].latest, at))
            for rank, at in enumerate(members):
                places = self._places[at]
                if places:
                    first, last = places[0].start, places[-1].start
                    targets[at] = first + (last - first) * (2 * rank + 1) // (2 * len(members))
        return targets

    def _first_fit(self, weights: dict[int, int]) -> bool:
        board, found = self._board(), dict[int, int]()
        order = sorted(weights, key=lambda at: (-weights[at], len(self._places[at]), self._targets[at], at))
        for at in order:
            place = self._nearest(board, at)
            if place is None:
                weights[at] += 1 + len(order) // 8
                continue
            board.put(self._test(at, place))
            found[at] = place.start
        if len(found) > len(self._best):
            self._best = found
        return len(found) == len(order)

    def _nearest(self, board: Board, at: int) -> Candidate | None:
        for place in self._by_nearness(at):
            if self._fits(board, at, place):
                return place
        return None

    def _by_nearness(self, at: int) -> Iterator[Candidate]:
        """Candidates from the target outwards."""
        places, target = self._places[at], self._targets[at]
        right = bisect_left(places, target, key=lambda place: place.start)
        left = right - 1
        while left >= 0 or right < len(places):
            if right >= len(places) or (left >= 0 and target - places[left].start <= places[right].start - target):
                yield places[left]
                left -= 1
            else:
                yield places[right]
                right += 1

    def _fits(self, board: Board, at: int, place: Candidate) -> bool:
        self._work += 1
        return board.against(self._test(at, place), self._before[at], self._behind[at]) is None

    def _test(self, at: int, place: Candidate) -> Held:
        return held(self._tasks[at].id, self._tasks[at], place)

    def _complete(self, board: Board, left: set[int], found: dict[int, int]) -> Verdict:
        """Smallest choice first; a choice is what still fits. Depth is the number of tasks."""
        if not left:
            self._best = dict(found)
            return Verdict.FEASIBLE
        choices: dict[int, list[Candidate]] = {}
        for at in sorted(left, key=lambda item: len(self._places[item])):
            choices[at] = [place for place in self._by_nearness(at) if self._fits(board, at, place)]
            if self._work > self._bound:
                return Verdict.UNKNOWN
            if not choices[at]:
                return Verdict.INFEASIBLE
        at = min(choices, key=lambda item: (len(choices[item]), item))
        for place in choices[at]:
            board.put(self._test(at, place))
            verdict = self._complete(board, left - {at}, {**found, at: place.start})
            board.take(self._tasks[at].id)
            if verdict is not Verdict.INFEASIBLE:
                return verdict
        return Verdict.INFEASIBLE

    def _overfull(self) -> bool:
        """Whether, between some two days, more tests have to be held than a resource can hold. A proof."""
        days = [(places[0].day, places[-1].day) for places in self._places]
        firsts, lasts = sorted({first for first, _ in days}), sorted({last for _, last in days})
        for first in firsts:
            for last in lasts:
                inside = [at for at, (begin, end) in enumerate(days) if first <= begin and end <= last]
                sites = sorted({self._tasks[at].sites for at in inside})
                parts = [inside, *([at for at in inside if self._tasks[at].sites == same] for same in sites)]
                # Those at one site only have fewer days to share than all together.
                if any(len(part) > 1 and self._too_many(part) for part in parts):
                    return True
        return False

    def _too_many(self, inside: Sequence[int]) -> bool:
        # Tests of a kind share their candidates: each shape is looked at once.
        shapes = set(self._shape(at) for at in inside)
        limits = self._planner.limits
        for key, limit, booked, periods in (
            ("limit:per-day", limits.per_day, self._booked_days, frozenset().union(*(one.days for one in shapes))),
            ("limit:per-week", limits.per_week, self._booked_weeks, frozenset().union(*(one.weeks for one in shapes))),
        ):
            room = sum(max(0, limit - booked[period]) for period in periods)
            if key not in self._relaxed and len(inside) > room:
                return True
        return any(self._beyond(limit, users) for limit, users in self._resources(inside))

    def _shape(self, at: int) -> Shape:
        return self._slots.shape(self._tasks[at], self._relaxed)

    def _resources(self, inside: Sequence[int]) -> list[tuple[float, list[int]]]:
        """Of each resource: how many tests it holds at once at most, and who of ``inside`` needs it."""
        limits = self._planner.limits
        found: list[tuple[str, float, list[int]]] = [("limit:at-once", limits.at_once, list(inside))]
        for site in sorted({site for at in inside for site in self._tasks[at].sites}):
            found.append((f"site:{site}", limits.per_site, [at for at in inside if site in self._tasks[at].sites]))
        for pool in self._planner.pools:
            users = [at for at in inside if pool.id in self._tasks[at].rule.people]
            if users:
                least = min(self._tasks[at].rule.people[pool.id] for at in users)
                found.append((f"people:{pool.id}", pool.at_once // least, users))
        return [(limit, users) for key, limit, users in found if key not in self._relaxed and len(users) > 1]

    def _beyond(self, limit: float, users: Sequence[int]) -> bool:
        """Whether the users are more than all their openings hold, the shortest of them end to end."""
        shortest = min(int(self._tasks[at].rule.length_s // 60) for at in users)
        stretches = merged(sorted({one for at in users for one in self._shape(at).stretches}))
        return len(users) > sum(limit * ((end - begin) // shortest) for begin, end in stretches)


def fixed_test(item: Fixed, slots: Slots) -> Held:
    """A booked test on the board."""
    at = slots.at(slots.minutes(item.start))
    return Held(
        key=item.id, start=at.start, end=at.start + -(-int(item.length_s) // 60), day=at.day, week=at.week,
        sites=item.sites, subjects=frozenset(item.subjects), people=item.people, group=item.group,
    )  # fmt: skip


def _depths(tasks: Sequence[Task]) -> dict[str, int]:
    names, depth = {task.id for task in tasks}, {task.id: 0 for task in tasks}
    for _ in tasks:
        for task in tasks:
            depth[task.id] = max([depth[task.id], *(depth[name] + 1 for name in task.after if name in names)])
    return depth
