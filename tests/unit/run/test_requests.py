"""What people may ask, and when: a table of states and requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.plan.codec import plan_id
from drorch.plan.model import Kind, Phase, Plan, ReplicationAct
from drorch.run import events as ev
from drorch.run.backwards import not_undoable, undo_order
from drorch.run.interlocks import Refusal, overridden, start_refusals
from drorch.run.ports import OperatorRequest
from drorch.run.progress import StepStatus
from drorch.run.requests import foreseen, problem_with
from drorch.run.state import RunState, fold
from drorch.testing.clock import HandClock
from drorch.testing.plans import drill_plan, failover_plan, make_plan, playbook_step, proof_step, with_undo
from drorch.testing.runs import created, done, events_of, failed, start, started, unknown

WHO = {"person": "Olga", "reason": "because"}
PLAN = with_undo(
    make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"]), playbook_step("c/y", needs=["b/x"])]), "x"
)
INCOMPLETE = ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r")
STOP = ev.StopRequested(**WHO)
STOPPED = ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="r")
PAUSE, RESUME, RETRY = ev.Paused(**WHO), ev.Resumed(**WHO), ev.RetryRequested(step="a/x", **WHO)
SKIP = ev.StepSkipped(step="a/x", **WHO)
RESOLVE = ev.StepResolved(step="a/x", evidence="seen", **WHO)


def undo(*steps: str) -> ev.UndoRequested:
    """A request to undo."""
    return ev.UndoRequested(steps=steps, **WHO)


def said(state: RunState, body: object) -> str | None:
    """The reason of the problem, if any."""
    problem = problem_with(state, body, HandClock().now())  # type: ignore[arg-type]
    assert problem is None or problem.next_step
    return problem.reason if problem else None


@pytest.mark.parametrize(
    ("before", "asked", "problem"),
    [
        ((), PAUSE, None),
        ((PAUSE,), PAUSE, "paused already"),
        ((PAUSE,), RESUME, None),
        ((), RESUME, "not paused"),
        ((), STOP, None),
        ((STOP,), STOP, "stopped already"),
        ((STOP, STOPPED), PAUSE, "has ended"),
        ((), RETRY, "has not failed"),
        (failed("a/x"), RETRY, None),
        ((*failed("a/x"), INCOMPLETE), RETRY, None),
        ((STOP, STOPPED), RETRY, "has ended"),
        (unknown("a/x"), RESOLVE, None),
        (done("a/x"), RESOLVE, "is done"),
        ((), SKIP, None),
        ((start("a/x"),), SKIP, "is running"),
        (done("a/x"), undo("a/x"), None),
        ((), undo("a/x"), "did nothing there"),
        ((), undo(), "nothing to undo"),
        ((start("a/x"),), undo("a/x"), "under way"),
        ((*done("a/x"), *done("b/x")), undo("a/x"), "b/x builds on a/x"),
        ((*done("a/x"), *done("b/x")), undo("b/x", "a/x"), None),
        ((*done("a/x"), *done("b/x"), *done("c/y")), undo("c/y"), "declares no undo"),
        (done("a/x"), undo("z/x"), "no step z/x"),
        ((SKIP,), undo("a/x"), "did nothing there"),
        ((RESOLVE,), undo("a/x"), "did nothing there"),
        (failed("a/x"), undo("a/x"), None),
        (unknown("a/x"), undo("a/x"), None),
        ((*done("a/x"), STOP, STOPPED), undo("a/x"), None),
        ((*done("a/x"), undo("a/x")), undo("a/x"), "under way already"),
        ((*failed("a/x"), undo("a/x")), RETRY, "being undone"),
        (done("a/x"), ev.CleanUpRequested(**WHO), "use undo"),
        ((), replace(PAUSE, person=" "), "person is empty"),
        ((), replace(PAUSE, reason=""), "reason is empty"),
        (failed("a/x"), replace(RESOLVE, evidence=""), "evidence is empty"),
    ],
)
def test_the_table_of_requests(before: tuple[ev.Body, ...], asked: ev.Body, problem: str | None) -> None:
    found = said(started(PLAN, *before), asked)
    assert (found is None) if problem is None else (found is not None and problem in found)


def test_what_is_empty_is_wrong_input_and_what_is_untimely_is_not() -> None:
    state, now = started(PLAN), HandClock().now()
    for body, is_input in ((replace(PAUSE, person=""), True), (RESUME, False)):
        problem = problem_with(state, body, now)
        assert problem is not None
        assert problem.input is is_input


def awaiting(kind: Kind, *bodies: ev.Body) -> RunState:
    """A prepared run of a kind, by Olga Operator."""
    plan = make_plan([playbook_step("a/x")], kind=kind)
    awaited = ev.ApprovalAwaited(person="Olga Operator", reason="prepared", within_s=60)
    return fold(plan, events_of(created(plan), awaited, *bodies))


def approval(state: RunState, person: str) -> ev.Approved:
    """An approval of the run's plan."""
    return ev.Approved(plan_id=plan_id(state.plan), person=person, reason="read it")


@pytest.mark.parametrize("kind", [Kind.SWITCHOVER, Kind.FAILOVER, Kind.FAILBACK, Kind.DRILL])
def test_who_may_approve(kind: Kind) -> None:
    state = awaiting(kind)
    assert said(state, approval(state, "Ana")) is None
    assert "has the plan" in (said(state, replace(approval(state, "Ana"), plan_id="sha256:" + "0" * 64)) or "")
    own = said(state, approval(state, " olga operator"))
    assert (own is None) == (kind is Kind.DRILL)
    twice = awaiting(kind, approval(state, "Ana"))
    assert "approved already" in (said(twice, approval(state, "ANA")) or "")
    late = HandClock()
    late.advance(100)
    problem = problem_with(state, approval(state, "Ana"), late.now())
    assert problem is not None
    assert "deadline" in problem.reason
    assert "has started" in (said(started(PLAN), approval(started(PLAN), "Ana")) or "")


def test_the_deadline_survives_a_restart_of_the_machine() -> None:
    state = awaiting(Kind.DRILL)
    reborn = HandClock(mono=1.0)
    assert problem_with(state, approval(state, "Ana"), reborn.now()) is None
    reborn = HandClock(start=HandClock().now().wall.replace(hour=4), mono=1.0)
    assert problem_with(state, approval(state, "Ana"), reborn.now()) is not None


def test_a_waiting_request_counts_when_the_next_one_is_judged() -> None:
    state, now = awaiting(Kind.SWITCHOVER), HandClock().now()
    pending = [
        OperatorRequest(id=1, body=approval(state, "Ana"), asked=now),
        OperatorRequest(id=2, body=RESUME, asked=now),
    ]
    ahead = foreseen(state, pending, now)
    assert "approved already" in (said(ahead, approval(state, "Ana")) or "")
    assert ahead.seq == state.seq + 1


# ---- overriding interlocks


def lagging(kind: Kind) -> Plan:
    """A check of replication and what stands behind it."""
    act = ReplicationAct(group="g", primary="nyc", standby="piscataway", max_lag_s=5.0)
    check = replace(proof_step("g/check", act), phase=Phase.CHECK)
    return make_plan([check, playbook_step("g/handover", needs=["g/check"])], kind=kind)


def override(interlock: str, step: str | None = None, second: str = "Ana") -> ev.InterlockOverridden:
    """Olga and another person take the risk."""
    return ev.InterlockOverridden(interlock=interlock, step=step, second_person=second, **WHO)


def test_the_lag_is_skipped_by_two_persons_only() -> None:
    plan, skip = lagging(Kind.SWITCHOVER), ev.StepSkipped(step="g/check", **WHO)
    before = (created(plan), ev.RunStarted(), *failed("g/check"))
    assert "two persons" in (said(fold(plan, events_of(*before)), skip) or "")
    taken = fold(plan, events_of(*before, override("lag", "g/check")))
    assert said(taken, skip) is None
    # The rule has spoken, nothing else can go on: so the run has ended. The override takes it up again.
    ended = ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="g/check failed")
    assert "two persons" in (said(fold(plan, events_of(*before, ended)), skip) or "")
    again = fold(plan, events_of(*before, ended, override("lag", "g/check")))
    assert again.ended is None
    assert said(again, skip) is None
    stopped = ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="stopped")
    assert "has ended" in (said(fold(plan, events_of(*before, stopped)), override("lag", "g/check")) or "")
    drill = lagging(Kind.DRILL)
    assert said(fold(drill, events_of(created(drill), ev.RunStarted(), *failed("g/check"))), skip) is None


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (override("lag", "g/check"), None),
        (override("window"), "has started"),
        (override("lag", "g/handover"), "does not look at the lag"),
        (override("lag", "g/nothing"), "no step"),
        (override("lag", "g/check", second="OLGA"), "one person"),
        (override("lag", "g/check", second=" "), "second person is empty"),
        (override("fencing"), "never overridden"),
        (override("site-lost"), "never overridden"),
        (override("two-persons"), "never overridden"),
        (override("approval"), "never overridden"),
    ],
)
def test_what_may_be_overridden(asked: ev.InterlockOverridden, problem: str | None) -> None:
    plan = lagging(Kind.SWITCHOVER)
    found = said(fold(plan, events_of(created(plan), ev.RunStarted(), *failed("g/check"))), asked)
    assert (found is None) if problem is None else (found is not None and problem in found)


def test_an_override_lifts_its_own_refusal_at_the_start_and_no_other() -> None:
    plan = lagging(Kind.SWITCHOVER)
    head = fold(plan, events_of(created(plan), override("window"))).head
    assert overridden(Refusal(interlock="window", reason="r"), head)
    assert not overridden(Refusal(interlock="capacity", reason="r"), head)
    forged = replace(head, overrides=(override("approval"),))
    assert [refusal.interlock for refusal in start_refusals(plan, plan_id(plan), forged)] == ["approval"]


# ---- order


def test_undo_comes_in_reverse_order_of_dependencies() -> None:
    state = started(PLAN, *done("a/x"), *done("b/x"), *done("c/y"))
    assert undo_order(state.progress) == ("b/x", "a/x")


def test_what_the_drill_cleaned_up_itself_is_not_undone() -> None:
    plan = with_undo(drill_plan(), "drill-start", "drill")
    begun = (created(plan), ev.RunStarted(), *done("g/check"), *done("g/drill"), *done("a0/drill-start"))
    assert set(undo_order(fold(plan, events_of(*begun)).progress)) == {"g/drill", "a0/drill-start"}
    cleaned = fold(plan, events_of(*begun, *done("a0/validate"), *done("a0/drill-stop")))
    assert undo_order(cleaned.progress) == ("g/drill",)
    assert "cleaned up" in (not_undoable(cleaned.progress, "a0/drill-start") or "")


def test_a_clean_up_takes_unknown_steps_as_failed_and_leaves_out_what_was_never_made() -> None:
    plan = drill_plan()
    state = fold(
        plan,
        events_of(created(plan), ev.RunStarted(), *done("g/check"), *unknown("g/drill"), ev.CleanUpRequested(**WHO)),
    )
    stands = {step: state.steps[step].status for step in state.steps}
    assert stands["g/drill"] is StepStatus.FAILED
    assert stands["g/drill-clean-up"] is StepStatus.WAITING
    assert stands["a0/drill-stop"] is stands["a0/drill-start"] is StepStatus.SKIPPED
    assert {step.id for step in state.progress.ready_playbooks()} == {"g/drill-clean-up"}


def test_nothing_is_cleaned_up_when_nothing_was_made() -> None:
    plan = drill_plan()
    state = fold(plan, events_of(created(plan), ev.RunStarted(), *done("g/check")))
    assert "nothing was made" in (said(state, ev.CleanUpRequested(**WHO)) or "")
    whole = failover_plan()
    assert "use undo" in (said(started(whole), ev.CleanUpRequested(**WHO)) or "")
