"""Why it cannot be done: a set of reasons that is impossible together, and possible without any one of them.

Deletion: each reason in turn is given up; when it is still impossible without it, it stays given up. What is left is
*minimal*: no part of it is impossible by itself. It need not be the *smallest* set there is; finding that one is
another, much harder question. Where the bound leaves a question open, a reason is kept, and the set is said not to be
proved minimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from drorch.year.planning.model import Reason, Verdict
from drorch.year.planning.solve import BOUND, Problem, solve

QUESTION_BOUND = BOUND // 8
"""Work for one question; there are some dozens of them."""
TOGETHER = 5 * BOUND
"""Work for all questions; what is not asked any more is kept, and the set is not said to be minimal."""
MOST_ALONE = 8
"""Of more tests that have no place even alone, the rest are not looked at: their reasons are mostly the same."""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """The reasons, and whether it is proved that each of them is needed."""

    reasons: tuple[Reason, ...]
    minimal: bool


def conflict(problem: Problem, first_day: date, last_day: date) -> Conflict:
    """A minimal set of reasons of a problem that was proved infeasible.

    A test that has no place even alone is looked at alone: no set can be much smaller, and it is found at once.
    """
    found: list[Conflict] = []
    for task in problem.tasks:
        alone = replace(problem, tasks=(task,))
        if len(found) < MOST_ALONE and solve(alone, bound=QUESTION_BOUND).verdict is Verdict.INFEASIBLE:
            found.append(_deleted(alone, first_day, last_day))
    if found:
        return min(found, key=lambda item: (not item.minimal, len(item.reasons)))
    return _deleted(problem, first_day, last_day)


def _deleted(problem: Problem, first_day: date, last_day: date) -> Conflict:
    reasons = tuple(_reasons(problem, first_day, last_day))
    given_up: set[str] = set()
    unsure, work = False, 0
    # Whole stretches first: most reasons have nothing to do with it.
    queue: list[Sequence[Reason]] = [part for part in _halves(reasons)]
    kept: list[Reason] = []
    while queue:
        part = queue.pop(0)
        if work > TOGETHER:
            kept += part
            unsure = True
            continue
        trial = frozenset(given_up | {reason.key for reason in part})
        answer = solve(problem, trial, bound=QUESTION_BOUND)
        work += answer.work
        if answer.verdict is Verdict.INFEASIBLE:
            given_up |= trial
        elif len(part) > 1:
            queue[:0] = _halves(part)
        else:
            kept += part
            unsure = unsure or answer.verdict is Verdict.UNKNOWN
    return Conflict(reasons=tuple(kept), minimal=not unsure)


def _halves(reasons: Sequence[Reason]) -> list[Sequence[Reason]]:
    middle = (len(reasons) + 1) // 2
    return [part for part in (reasons[:middle], reasons[middle:]) if part]


def _reasons(problem: Problem, first_day: date, last_day: date) -> Iterable[Reason]:
    """Everything that could be given up, in the order in which it is tried: what is left is told last."""
    for task in problem.tasks:
        yield Reason(key=f"task:{task.id}", text=f"{task.title} between {task.earliest} and {task.latest}")
    for item in problem.fixed:
        yield Reason(key=f"fixed:{item.id}", text=f"{item.id} is booked for {item.start:%Y-%m-%d %H:%M}Z")
    for task in problem.tasks:
        for name in task.after:
            yield Reason(key=f"order:{task.id}:{name}", text=f"{task.id} comes behind {name}, on which it depends")
    sites = sorted({site for task in problem.tasks for site in task.sites})
    for key, text in problem.slots.window_reasons(sites, first_day, last_day).items():
        yield Reason(key=key, text=text)
    planner = problem.planner
    for absence in planner.absences:
        days = f"{absence.first_day} to {absence.last_day}"
        text = f"only {absence.at_once} of {absence.pool} from {days}: {absence.reason}"
        yield Reason(key=f"absence:{absence.id}", text=text)
    for pool in planner.pools:
        yield Reason(key=f"people:{pool.id}", text=f"{pool.at_once} of {pool.name} at once")
    limits = planner.limits
    yield Reason(key="subjects", text="nobody is in two tests at once")
    for site in sites:
        yield Reason(key=f"site:{site}", text=f"{limits.per_site} tests at once at {site}")
    yield Reason(key="limit:at-once", text=f"{limits.at_once} tests at once")
    yield Reason(key="limit:per-week", text=f"{limits.per_week} tests a week")
    yield Reason(key="limit:per-day", text=f"{limits.per_day} tests a day")
