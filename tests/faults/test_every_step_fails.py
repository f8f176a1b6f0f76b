"""Break every step, one at a time: exactly its dependents are blocked, everything else is done."""

from __future__ import annotations

import pytest

from drorch.plan.model import Plan, PlaybookAct, WitnessAct
from drorch.run.events import RunOutcome
from drorch.run.ports import Proof
from drorch.run.progress import StepStatus
from drorch.testing.fakes import FAILING
from drorch.testing.plans import drill_plan, failover_plan
from drorch.testing.runs import Scene

PLANS = {"failover": failover_plan(groups=2, applications=3), "drill": drill_plan(applications=3)}
CASES = [(name, step.id) for name, plan in PLANS.items() for step in plan.steps if not isinstance(step.act, WitnessAct)]


def dependents(plan: Plan, step_id: str) -> set[str]:
    """Everything behind ``step_id`` through ``needs``, found independently of the code under test."""
    found, grown = {step_id}, True
    while grown:
        more = {step.id for step in plan.steps if not found.isdisjoint(step.needs)}
        grown = not more <= found
        found |= more
    return found - {step_id}


def broken(plan: Plan, step_id: str) -> Scene:
    """A run in which exactly this step fails."""
    scene = Scene(plan=plan).create()
    act = plan.by_id[step_id].act
    if isinstance(act, PlaybookAct):
        scene.executor.behave(step_id.replace("/", "--") + ".1", FAILING)
        return scene
    plain = scene.observer.prove

    def prove(asked: object, **named: object) -> Proof:
        seen = plain(asked, **named)  # type: ignore[arg-type]
        times = sum(other.id < step_id and other.act == act for other in plan.steps)
        first = sum(earlier == act for earlier, _, _ in scene.observer.asked) == times + 1
        return Proof(holds=False, code="seen", reason="made to fail") if asked == act and first else seen

    scene.observer.prove = prove  # type: ignore[method-assign, assignment]
    return scene


@pytest.mark.parametrize(("name", "step_id"), CASES)
def test_exactly_the_dependents_of_a_failed_step_are_blocked(name: str, step_id: str) -> None:
    plan = PLANS[name]
    scene = broken(plan, step_id)
    assert scene.drive() is RunOutcome.INCOMPLETE
    state = scene.state
    assert {step.id for step in state.with_status(StepStatus.FAILED)} == {step_id}
    assert set(state.blocked) == dependents(plan, step_id)
    assert all(causes == (step_id,) for causes in state.blocked.values())
    expected_done = {step.id for step in plan.steps} - {step_id} - dependents(plan, step_id)
    assert {step.id for step in state.with_status(StepStatus.DONE)} == expected_done
    assert len(scene.executor.performed) == len(set(scene.executor.performed))


@pytest.mark.parametrize("step_id", [step_id for name, step_id in CASES if name == "drill"])
def test_the_clean_up_of_a_drill_is_performed_whatever_fails_before(step_id: str) -> None:
    scene = broken(PLANS["drill"], step_id)
    scene.drive()
    performed = set(scene.executor.performed)
    assert {"a0--drill-stop.1", "a1--drill-stop.1", "a2--drill-stop.1", "g--drill-clean-up.1"} <= performed
    assert scene.state.steps["g/protected"].status in {StepStatus.DONE, StepStatus.FAILED}


def test_all_steps_failing_at_once_is_still_an_orderly_end() -> None:
    plan = PLANS["drill"]
    scene = Scene(plan=plan).create()
    for step in plan.steps:
        if isinstance(step.act, PlaybookAct):
            scene.executor.behave(step.act.playbook, FAILING)
    assert scene.drive() is RunOutcome.INCOMPLETE
    assert scene.state.with_status(StepStatus.RUNNING, StepStatus.UNKNOWN) == ()
