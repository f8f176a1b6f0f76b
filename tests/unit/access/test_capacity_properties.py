"""What has to hold for every model, tried on random ones: bounds, order of classes, headroom against all cuts."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest

from drorch.access.demand import Demand, demands
from drorch.access.model import CapacityModel, DepartmentDemand
from drorch.access.seats import exactly, unknown
from drorch.access.what_if import NORMAL, evaluate, headroom, scenarios
from tests.unit.access.worked import worked_model

BASE = worked_model()
SEEDS = range(40)


def random_model(seed: int) -> CapacityModel:
    """The worked example with other seats, entitlements, demand and gateways that serve both sites or one."""
    dice = random.Random(seed)
    groups = [group.id for group in BASE.groups]
    return replace(
        BASE,
        departments=tuple(
            replace(
                department,
                critical=dice.randint(1, 300),
                standard=dice.randint(0, 200),
                needs={},
                dependants=dice.randint(0, 60),
                groups=tuple(dice.sample(groups, dice.randint(1, 2))),
            )
            for department in BASE.departments
        ),
        pools=tuple(replace(pool, seats=exactly(dice.randint(0, 400))) for pool in BASE.pools),
        gateways=tuple(
            replace(
                gateway,
                serves=tuple(dice.sample(("a", "b"), dice.randint(1, 2))),
                platform_sessions=exactly(dice.randint(50, 900)),
            )
            for gateway in BASE.gateways
        ),
        licences=(replace(BASE.licences[0], count=exactly(dice.randint(100, 1200))),),
    )


def served(model: CapacityModel, departments: tuple[DepartmentDemand, ...]) -> int:
    """Required people served when only these departments come."""
    return int(evaluate(model, demands(departments), scenarios(model)[0]).served.least)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_flow_is_never_more_than_the_table_of_totals_or_the_demand(seed: int) -> None:
    model = random_model(seed)
    demand = demands(model.departments)
    for scenario in scenarios(model):
        found = evaluate(model, demand, scenario)
        assert found.served.least <= min(found.layered.least, found.required)
        assert found.served.least + found.required_short.most == found.required
        if found.required_short.least > 0:
            assert found.bottleneck


@pytest.mark.parametrize("seed", SEEDS)
def test_critical_people_get_as_many_seats_as_if_they_were_alone(seed: int) -> None:
    model = random_model(seed)
    alone = tuple(replace(item, dependants=0, standard=0) for item in model.departments)
    found = evaluate(model, demands(model.departments), scenarios(model)[0])
    critical = sum(item.critical for item in demands(alone))
    assert critical - found.critical_short.most == served(model, alone)


@pytest.mark.parametrize("seed", SEEDS)
def test_headroom_against_every_set_of_departments(seed: int) -> None:
    """The factor is the smallest ratio of what a set of departments can get at most to what it requires."""
    model = random_model(seed)
    demand = demands(model.departments)
    most = tuple(replace(item, critical=10**6, dependants=0, standard=0) for item in model.departments)
    ratios = []
    for size in range(1, len(demand) + 1):
        for chosen in combinations(range(len(demand)), size):
            required = sum(demand[place].required for place in chosen)
            carried = served(model, tuple(most[place] for place in chosen))
            ratios.append(Fraction(carried, required))
    found = headroom(model, demand, scenarios(model)[0])
    assert found is not None
    assert found.factor == float(min(ratios))


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_unknown_turns_out_to_be_lies_within_the_bounds(seed: int) -> None:
    model = random_model(seed)
    dice = random.Random(seed)
    place = dice.randrange(4)
    demand = demands(model.departments)
    normal = next(item for item in scenarios(model) if item.id == NORMAL)

    def with_seats(seats: object) -> CapacityModel:
        pools = tuple(
            replace(pool, seats=seats) if number == place else pool for number, pool in enumerate(model.pools)
        )
        return replace(model, pools=pools)

    bounds = evaluate(with_seats(unknown("seats")), demand, normal).served
    assert not bounds.known
    for guess in (0, 1, 77, 400, 10**7):
        assert bounds.least <= evaluate(with_seats(exactly(guess)), demand, normal).served.least <= bounds.most


def test_nobody_who_comes_has_no_headroom() -> None:
    nobody = (Demand(department="finance", critical=0, dependant=0, standard=5),)
    assert headroom(BASE, nobody, scenarios(BASE)[0]) is None
