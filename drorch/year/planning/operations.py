"""The use case of the planner: what a year still owes, laid out; and booked on request."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.catalog.text import MAX_BYTES
from drorch.core.errors import InputInvalid, Refused
from drorch.core.files import read_input
from drorch.year.log import YearEvent
from drorch.year.model import Programme
from drorch.year.operations import Wish, Year
from drorch.year.planning.load import load_planner
from drorch.year.planning.model import Planner, Verdict, YearPlan
from drorch.year.planning.plan import plan_year
from drorch.year.planning.slots import Slots
from drorch.year.planning.solve import Problem
from drorch.year.planning.tasks import owed_tasks
from drorch.year.statement import Said

FURTHEST_YEARS = 1
"""Windows are looked at two years and some ahead."""


def load_planner_file(path: Path, catalog: Catalog) -> Planner:
    """The planner of a file. InputInvalid with file, line and field."""
    return load_planner(read_input(path, MAX_BYTES), str(path), catalog)


def problem_of(
    year: Year,
    planner: Planner,
    programme: Programme,
    catalog: Catalog,
    number: int,
    first_day: date,
    *,
    retest: Collection[str] = (),
) -> tuple[Problem, tuple[str, ...]]:
    """What the year ``number`` owes from ``first_day`` on, ready to be solved, and notes. InputInvalid: a past year.

    ``retest``: applications whose test does not hold any more, although they have met their duty.
    """
    last_day = date(number, 12, 31)
    if not first_day <= last_day or number > first_day.year + FURTHEST_YEARS:
        what = f"{number} cannot be planned on {first_day}"
        raise InputInvalid(what, where="YEAR", next_step=f"plan {first_day.year} or {first_day.year + 1}")
    first_day = max(first_day, date(number, 1, 1))
    status, findings = year.status(first_day)
    owed = owed_tasks(
        planner, catalog, status.duties, year.bookings(), year=number, first_day=first_day,
        timezone=programme.timezone, retest=retest,
    )  # fmt: skip
    slots = Slots(programme.windows, catalog, first_day, last_day, programme.timezone)
    notes = (*owed.notes, *(finding.message for finding in findings))
    return Problem(planner=planner, tasks=owed.tasks, fixed=owed.fixed, slots=slots), notes


def lay_out(
    year: Year, planner: Planner, programme: Programme, catalog: Catalog, number: int, first_day: date, *,
    may_move: bool = False,
    retest_stale: bool = False,
) -> YearPlan:  # fmt: skip
    """The plan of the year ``number``, made on ``first_day``: nothing is planned for a day before it."""
    stale = {item.evidence.application for item in year.freshness(year.status()[0]).stale} if retest_stale else set()
    problem, notes = problem_of(year, planner, programme, catalog, number, first_day, retest=stale)
    return plan_year(problem, number, max(first_day, date(number, 1, 1)), notes=notes, may_move=may_move)


def book_plan(year: Year, plan: YearPlan, said: Said) -> list[YearEvent]:
    """Write the plan into the log, as `year book` and `year move` would. Refused when it is not feasible."""
    if plan.verdict is not Verdict.FEASIBLE:
        raise Refused(
            "this plan leaves tests out: nothing is booked", next_step="settle what stands against them first"
        )
    events = [year.move(move.booking, move.after.astimezone(UTC).isoformat(), None, said) for move in plan.moves]
    for item in plan.placements:
        wish = Wish(
            id=item.task.id,
            activity=item.task.rule.activity,
            title=item.task.title,
            sites=item.task.sites,
            subjects=item.task.subjects,
            start=item.start.astimezone(UTC).isoformat(),
            seconds=item.task.rule.length_s,
        )
        events.append(year.book(wish, said))
    return events
