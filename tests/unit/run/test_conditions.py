"""Windows, capacity and tier-1 groups: when each refuses, what it says, and that two persons may take the risk."""

from __future__ import annotations

import pytest

from drorch.plan.codec import plan_id
from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.conditions import ClosedSite, Conditions, Room
from drorch.run.interlocks import start_refusals
from drorch.run.rules import OVERRIDABLE
from drorch.run.state import fold
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import created, events_of

CLOSED = Conditions(
    closed=(
        ClosedSite(site="nyc", why="general-assembly: nobody moves", opens="2026-12-01T03:00:00+00:00"),
        ClosedSite(site="piscataway", why="nothing allows it at this time", opens="2026-12-02T03:00:00+00:00"),
    )
)
FULL = Conditions(rooms=(Room(site="piscataway", needed=58, stated=46, basis="verified on 2026-03-01 by a drill"),))
UNKNOWN = Conditions(rooms=(Room(site="piscataway", needed=3, stated=None, basis="nobody verified it"),))
BUSY = Conditions(tier_1_here=("a", "b"), tier_1_elsewhere={"c": "20261124-1"}, tier_1_limit=2)
PLANNED = (Kind.DRILL, Kind.SWITCHOVER, Kind.FAILBACK)


def plan_of(kind: Kind) -> Plan:
    return make_plan([playbook_step("a/x")], kind=kind, lost_site="nyc" if kind is Kind.FAILOVER else None)


def refusals(kind: Kind, conditions: Conditions, *bodies: ev.Body) -> dict[str, str]:
    """What forbids the start of an approved and declared run."""
    plan = plan_of(kind)
    approved = [
        ev.Approved(plan_id=plan_id(plan), person=person, reason="r") for person in ("Ana Approver", "Second Person")
    ]
    declared = [ev.Declared(site="nyc", person="Ana", reason="gone")] if kind is Kind.FAILOVER else []
    head = fold(plan, events_of(created(plan), *approved, *declared, *bodies)).head
    return {found.interlock: found.reason for found in start_refusals(plan, plan_id(plan), head, {}, conditions)}


@pytest.mark.parametrize("kind", PLANNED)
def test_a_closed_site_refuses_what_is_planned(kind: Kind) -> None:
    found = refusals(kind, CLOSED)
    assert found.keys() == {"window"}
    assert "nyc (general-assembly: nobody moves)" in found["window"]


@pytest.mark.parametrize("conditions", [CLOSED, FULL, UNKNOWN, BUSY])
@pytest.mark.parametrize("kind", [Kind.FAILOVER, Kind.READINESS])
def test_a_real_failover_is_never_refused_by_them_nor_is_a_look(kind: Kind, conditions: Conditions) -> None:
    assert refusals(kind, conditions) == {}


@pytest.mark.parametrize("kind", PLANNED)
def test_a_target_that_is_too_small_or_unknown_refuses(kind: Kind) -> None:
    assert "58 applications and is verified for 46" in refusals(kind, FULL)["capacity"]
    assert "verified for none (nobody verified it)" in refusals(kind, UNKNOWN)["capacity"]


def test_a_target_that_is_just_large_enough_does_not() -> None:
    assert refusals(Kind.SWITCHOVER, Conditions(rooms=(Room(site="x", needed=5, stated=5, basis="b"),))) == {}


@pytest.mark.parametrize("kind", [Kind.SWITCHOVER, Kind.FAILBACK])
def test_too_many_tier_1_groups_at_once(kind: Kind) -> None:
    assert refusals(kind, BUSY)["tier-1"] == "2 tier-1 groups would move, 1 in other runs; at most 2 may at once"


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(tier_1_here=("a", "b"), tier_1_limit=2),
        Conditions(tier_1_here=("a",), tier_1_elsewhere={"a": "same group"}, tier_1_limit=1),
        Conditions(tier_1_elsewhere={"c": "r", "d": "r"}, tier_1_limit=1),
        Conditions(tier_1_here=("a", "b", "c")),
    ],
)
def test_tier_1_groups_within_the_limit_or_without_one(conditions: Conditions) -> None:
    assert refusals(Kind.SWITCHOVER, conditions) == {}


def test_a_drill_moves_nothing() -> None:
    assert refusals(Kind.DRILL, BUSY) == {}


@pytest.mark.parametrize(("interlock", "conditions"), [("window", CLOSED), ("capacity", UNKNOWN), ("tier-1", BUSY)])
def test_two_persons_may_take_the_risk_of_exactly_that_rule(interlock: str, conditions: Conditions) -> None:
    assert interlock in OVERRIDABLE
    words = {"step": None, "person": "Ana", "second_person": "Ben", "reason": "we know"}
    assert refusals(Kind.SWITCHOVER, conditions, ev.InterlockOverridden(interlock=interlock, **words)) == {}  # type: ignore[arg-type]
    other = "capacity" if interlock != "capacity" else "window"
    body = ev.InterlockOverridden(interlock=other, **words)  # type: ignore[arg-type]
    assert refusals(Kind.SWITCHOVER, conditions, body).keys() == {interlock}
