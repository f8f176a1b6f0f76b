"""How many people need a seat at once, department by department. A person is counted once, wherever he is needed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from drorch.access.model import DepartmentDemand, StaffClass


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Seats a department needs at once, by class."""

    department: str
    critical: int
    dependant: int
    standard: int

    @property
    def required(self) -> int:
        """Critical and dependant: what has to be carried."""
        return self.critical + self.dependant

    def of(self, staff: StaffClass) -> int:
        """Seats of one class."""
        counts = {StaffClass.CRITICAL: self.critical, StaffClass.DEPENDANT: self.dependant}
        return counts.get(staff, self.standard)


def required_seats(people: int, attendance: float, overlap: float) -> int:
    """``⌈people × attendance × overlap⌉``, in exact decimal arithmetic (0.7 × 10 is 7 and not a little more)."""
    return math.ceil(people * Fraction(str(attendance)) * Fraction(str(overlap)))


def demands(departments: Iterable[DepartmentDemand]) -> tuple[Demand, ...]:
    """The demand of each department, in order. Rounded up once for each total, so that classes add up to it."""
    given = tuple(departments)
    needed = dependants_from_totals(given)
    return tuple(_demand(department, needed[department.id]) for department in given)


def dependants_from_totals(departments: Collection[DepartmentDemand]) -> Mapping[str, int]:
    """Dependants of each department when only totals exist: the largest need, not the sum.

    Two departments that need twelve people of a third usually need the same twelve. This is the lower bound; the sum
    would be the upper one. Needs count from departments with critical staff, and on from those that are needed.
    """
    by_id = {department.id: department for department in departments}
    reached = {department.id for department in departments if department.critical > 0}
    waiting = sorted(reached)
    found: dict[str, int] = dict.fromkeys(by_id, 0)
    while waiting:
        for needed, people in by_id[waiting.pop()].needs.items():
            if needed not in by_id or people <= 0:
                continue
            found[needed] = max(found[needed], people)
            if needed not in reached:
                reached.add(needed)
                waiting.append(needed)
    for department in departments:
        if department.dependants is not None:
            found[department.id] = department.dependants
    return found


def _demand(department: DepartmentDemand, dependants: int) -> Demand:
    def seats(people: int) -> int:
        return required_seats(people, department.attendance, department.overlap)

    critical = seats(department.critical)
    required = seats(department.critical + dependants)
    everybody = seats(department.critical + dependants + department.standard)
    return Demand(
        department=department.id, critical=critical, dependant=required - critical, standard=everybody - required
    )
