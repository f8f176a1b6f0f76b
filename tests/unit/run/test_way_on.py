"""What `run watch` proposes is never something the run would refuse."""

from __future__ import annotations

from drorch.plan.model import Plan
from drorch.run.events import Body, RetryRequested, RunEnded, RunOutcome, RunStarted
from drorch.run.requests import problem_with
from drorch.run.state import fold
from drorch.run.waits import Needed, needed_now
from drorch.testing.plans import drill_plan, failover_plan
from drorch.testing.runs import created, done, events_of, failed

INCOMPLETE = RunEnded(outcome=RunOutcome.INCOMPLETE, reason="made to fail")


def needed(plan: Plan, step: str, *bodies: Body) -> tuple[Needed, bool]:
    """What is needed for ``step``, and whether a retry of it would be honoured."""
    events = events_of(created(plan), RunStarted(), *bodies)
    state = fold(plan, events)
    found = next(item for item in needed_now(state, events, driven=False) if item.step == step)
    retry = RetryRequested(step=step, person="Rita Retrier", reason="again")
    return found, problem_with(state, retry, events[-1].at) is None


def test_failed_step_can_be_tried_again() -> None:
    item, allowed = needed(failover_plan(), "g0/recover", *done("nyc/witness"), *failed("g0/recover"))
    assert allowed
    assert "drorch run retry|skip" in item.next_step


def test_no_retry_is_proposed_once_the_clean_up_has_begun() -> None:
    plan = drill_plan(applications=1)
    ran = (*done("g/check"), *done("g/drill"), *failed("a0/drill-start"), *done("a0/drill-stop"))
    cleaned = (*done("g/drill-clean-up"), *done("g/protected"))
    item, allowed = needed(plan, "a0/drill-start", *ran, *cleaned, INCOMPLETE)
    assert not allowed
    assert "retry" not in item.next_step
    assert "skip" not in item.next_step
    assert "drorch run cleanup" in item.next_step
    assert "new drill" in item.next_step
