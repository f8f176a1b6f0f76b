"""Interlocks: each dangerous start is refused with what the rule looked at."""

import pytest

from drorch.plan.codec import plan_id
from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.interlocks import groups_of, same_person, start_refusals
from drorch.run.state import fold
from drorch.testing.plans import drill_plan, failover_plan, make_plan, playbook_step
from drorch.testing.runs import approvals, created, events_of


def refused(plan: Plan, *bodies: ev.Body, open_groups: dict[str, str] | None = None) -> dict[str, dict[str, object]]:
    """Refusing interlock to its inputs; ``bodies`` come behind the creation by Olga Operator."""
    head = fold(plan, events_of(created(plan), *bodies)).head
    found = start_refusals(plan, plan_id(plan), head, open_groups or {})
    assert all(refusal.reason and refusal.next_step for refusal in found)
    return {refusal.interlock: dict(refusal.inputs) for refusal in found}


def approved(plan: Plan, person: str) -> ev.Approved:
    """An approval of exactly this plan."""
    return ev.Approved(plan_id=plan_id(plan), person=person, reason="r")


def changing(kind: Kind) -> Plan:
    """A plan of this kind."""
    return make_plan([playbook_step("a/x")], kind=kind)


@pytest.mark.parametrize("kind", [Kind.DRILL, Kind.SWITCHOVER, Kind.FAILOVER, Kind.FAILBACK])
def test_what_changes_state_needs_an_approval(kind: Kind) -> None:
    plan = changing(kind)
    assert refused(plan)["approval"]["plan"] == plan_id(plan)


def test_readiness_needs_none() -> None:
    assert refused(changing(Kind.READINESS)) == {}


def test_an_approval_of_another_plan_does_not_count() -> None:
    plan = changing(Kind.DRILL)
    other = ev.Approved(plan_id="sha256:other", person="Ana", reason="r")
    assert refused(plan, other)["approval"]["approved_plans"] == ["sha256:other"]


def test_an_approval_by_nobody_does_not_count() -> None:
    plan = changing(Kind.DRILL)
    assert "approval" in refused(plan, approved(plan, "  "))


def test_a_drill_may_be_approved_by_its_operator() -> None:
    plan = changing(Kind.DRILL)
    assert refused(plan, approved(plan, "Olga Operator")) == {}


@pytest.mark.parametrize("kind", [Kind.SWITCHOVER, Kind.FAILOVER, Kind.FAILBACK])
@pytest.mark.parametrize("name", ["Olga Operator", "olga  operator ", "OLGA OPERATOR"])
def test_the_operator_is_no_second_person(kind: Kind, name: str) -> None:
    plan = changing(kind)
    assert refused(plan, approved(plan, name))["two-persons"]["operator"] == "Olga Operator"


def test_a_second_person_lets_a_switchover_start() -> None:
    plan = changing(Kind.SWITCHOVER)
    assert refused(plan, approved(plan, "Olga Operator"), approved(plan, "Ana Approver")) == {}


def test_a_failover_needs_the_loss_of_that_site_declared() -> None:
    plan = failover_plan()
    approval = approved(plan, "Ana")
    assert "declared" in refused(plan, approval)
    other = ev.Declared(site="brindisi", person="Dana", reason="r")
    assert refused(plan, approval, other)["declared"] == {"lost_site": "nyc", "declared": "brindisi"}
    assert refused(plan, *approvals(plan)) == {}


def test_one_run_per_protection_group() -> None:
    plan = drill_plan()
    assert groups_of(plan) == {"g"}
    assert refused(plan, *approvals(plan), open_groups={"g": "earlier"})["one-run-per-group"] == {
        "taken": {"g": "earlier"}
    }
    assert refused(plan, *approvals(plan), open_groups={"other": "earlier"}) == {}


def test_a_run_that_changes_nothing_holds_no_group() -> None:
    assert groups_of(make_plan(drill_plan().steps, kind=Kind.READINESS)) == frozenset()


def test_names_are_compared_like_people_read_them() -> None:
    assert same_person("Ana Approver", " ana   APPROVER")
    assert not same_person("Ana", "Anna")
