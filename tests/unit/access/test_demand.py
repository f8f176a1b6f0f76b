"""Who needs a seat: each person once."""

from __future__ import annotations

import pytest

from drorch.access.demand import demands, dependants_from_totals, required_seats
from tests.unit.access.worked import worked_model


def test_from_totals_the_largest_need_counts_and_needs_go_on() -> None:
    model = worked_model(
        ("critical: 70, groups", "critical: 0, needs: {peacekeeping: 9}, groups"),
    )
    assert dependants_from_totals(model.departments) == {
        "finance": 30,
        "conference": 0,
        "peacekeeping": 9,
        "services": 35,
    }


def test_a_department_without_critical_staff_that_nobody_needs_asks_for_nobody() -> None:
    model = worked_model(("conference, critical: 200", "conference, critical: 0"))
    assert dependants_from_totals(model.departments)["services"] == 20


def test_a_count_by_person_replaces_the_totals() -> None:
    model = worked_model(("services, critical: 70", "services, critical: 70, dependants: 48"))
    assert next(item for item in demands(model.departments) if item.department == "services").dependant == 48


def test_the_worked_example_asks_for_735() -> None:
    found = demands(worked_model().departments)
    assert [(item.department, item.critical, item.dependant, item.standard) for item in found] == [
        ("finance", 250, 30, 0),
        ("conference", 200, 0, 0),
        ("peacekeeping", 150, 0, 0),
        ("services", 70, 35, 0),
    ]
    assert sum(item.required for item in found) == 735


@pytest.mark.parametrize(
    ("people", "attendance", "overlap", "seats"),
    [(10, 0.7, 1.0, 7), (100, 0.9, 0.7, 63), (3, 0.5, 0.5, 1), (0, 1.0, 1.0, 0), (1, 0.0, 1.0, 0), (11, 0.7, 1.0, 8)],
)
def test_rounded_up_without_noise_of_floating_numbers(
    people: int, attendance: float, overlap: float, seats: int
) -> None:
    assert required_seats(people, attendance, overlap) == seats


def test_classes_add_up_although_each_total_is_rounded_up() -> None:
    model = worked_model(("services, critical: 70,", "services, critical: 1, standard: 1, attendance: 0.5,"))
    services = next(item for item in demands(model.departments) if item.department == "services")
    assert (services.critical, services.dependant, services.standard) == (1, 17, 1)
    assert services.critical + services.dependant + services.standard == required_seats(1 + 35 + 1, 0.5, 1.0)
