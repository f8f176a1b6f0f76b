"""The plan of a year: a place for every test that is owed, or the reasons why not, or the fewest moves that help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations

from drorch.year.planning.board import Board, held
from drorch.year.planning.conflict import QUESTION_BOUND, Conflict, conflict
from drorch.year.planning.model import (
    Fixed,
    LeftOut,
    Move,
    Placement,
    Solution,
    Task,
    TestRule,
    Unit,
    Verdict,
    YearPlan,
)
from drorch.year.planning.solve import BOUND, Problem, fixed_test, solve

MOST_MOVED = 2
"""More booked tests than these are not moved for one more test: that is a plan to be made anew by people."""


def plan_year(
    problem: Problem,
    year: int,
    first_day: date,
    *,
    notes: Sequence[str] = (),
    may_move: bool = False,
    bound: int = BOUND,
) -> YearPlan:
    """A plan that keeps every booked test; with ``may_move``, the fewest booked tests (at most two) may move."""
    found = solve(problem, bound=bound)
    if found.verdict is Verdict.FEASIBLE:
        return _answer(problem, year, found, notes)
    last_day = date(year, 12, 31)
    proved = found.verdict is Verdict.INFEASIBLE
    why = conflict(problem, first_day, last_day) if proved else Conflict(reasons=(), minimal=False)
    if may_move and (moved := _moved(problem, why, first_day)) is not None:
        changed, solution, moves = moved
        return replace(_answer(changed, year, solution, notes), fixed=problem.fixed, moves=moves)
    return replace(
        _answer(problem, year, found, notes), left_out=_left_out(problem, found), conflict=why.reasons,
        minimal=why.minimal,
    )  # fmt: skip


def _answer(problem: Problem, year: int, found: Solution, notes: Sequence[str]) -> YearPlan:
    placements = (
        Placement(task=problem.tasks[at], start=problem.slots.instant(start)) for at, start in found.starts.items()
    )
    return YearPlan(
        year=year,
        verdict=found.verdict,
        placements=tuple(sorted(placements, key=lambda item: (item.start, item.task.id))),
        fixed=tuple(sorted(problem.fixed, key=lambda item: (item.start, item.id))),
        left_out=(),
        conflict=(),
        minimal=False,
        notes=tuple(notes),
    )


def _left_out(problem: Problem, found: Solution) -> tuple[LeftOut, ...]:
    """Each task without a place, and what stood against it at each of its possible times beside all the others."""
    board = Board(problem.planner, frozenset())
    for item in problem.fixed:
        board.put(fixed_test(item, problem.slots))
    for at, start in found.starts.items():
        board.put(held(problem.tasks[at].id, problem.tasks[at], problem.slots.at(start)))
    left = [task for at, task in enumerate(problem.tasks) if at not in found.starts]
    return tuple(LeftOut(task=task, because=_because(problem, board, task)) for task in left)


def _because(problem: Problem, board: Board, task: Task) -> tuple[tuple[str, int], ...]:
    places = problem.slots.of(task, frozenset())
    if not places:
        reasons = problem.slots.window_reasons(task.sites, task.earliest, task.latest)
        # What would help by itself; where nothing does, all of it stands against the test.
        alone = [text for key, text in reasons.items() if problem.slots.of(task, frozenset({key}))]
        return tuple((text, 0) for text in alone or reasons.values()) or (("no time is long enough", 0),)
    behind = tuple(other.id for other in problem.tasks if task.id in other.after)
    counts = Counter(board.against(held(task.id, task, place), task.after, behind) or "free" for place in places)
    return tuple(counts.most_common())


def _moved(problem: Problem, why: Conflict, first_day: date) -> tuple[Problem, Solution, tuple[Move, ...]] | None:
    """The fewest booked tests whose move makes room; those named by the conflict come first."""
    named = {reason.key.removeprefix("fixed:") for reason in why.reasons if reason.key.startswith("fixed:")}
    movable = sorted((item for item in problem.fixed if item.sites), key=lambda item: (item.id not in named, item.id))
    for number in range(1, MOST_MOVED + 1):
        for chosen in combinations(movable, number):
            # At least one of them has to be in the conflict: moving others leaves it as it is.
            if named and not named & {item.id for item in chosen}:
                continue
            changed = replace_fixed(problem, chosen, first_day)
            found = solve(changed, bound=QUESTION_BOUND)
            if found.verdict is Verdict.FEASIBLE:
                return _split(problem, found, chosen)
    return None


def replace_fixed(problem: Problem, chosen: Sequence[Fixed], first_day: date) -> Problem:
    """The problem with some booked tests as tasks, to be held until the end of the year they were booked for."""
    freed = tuple(
        Task(
            id=item.id,
            rule=TestRule(
                id=item.id, activity=problem.planner.rules[0].activity, unit=Unit.ALL, length_s=item.length_s,
                people=item.people,
            ),
            title=item.id,
            subjects=item.subjects,
            sites=item.sites,
            earliest=first_day,
            latest=date(item.start.year, 12, 31),
            group=item.group,
        )
        for item in chosen
    )  # fmt: skip
    names = {item.id for item in chosen}
    left = tuple(item for item in problem.fixed if item.id not in names)
    return replace(problem, tasks=(*problem.tasks, *freed), fixed=left)


def _split(problem: Problem, found: Solution, chosen: Sequence[Fixed]) -> tuple[Problem, Solution, tuple[Move, ...]]:
    number = len(problem.tasks)
    moves = tuple(
        Move(booking=item.id, before=item.start, after=problem.slots.instant(found.starts[number + place]))
        for place, item in enumerate(chosen)
    )
    starts = {at: start for at, start in found.starts.items() if at < number}
    return problem, Solution(verdict=found.verdict, starts=starts, work=found.work), moves
