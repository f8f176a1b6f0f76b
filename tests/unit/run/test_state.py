"""The fold: what follows from the events, and which events cannot follow."""

import pytest

from drorch.plan.model import Repeat
from drorch.run import events as ev
from drorch.run.progress import StepStatus
from drorch.run.state import IllegalEvent, RunState, advance, fold, objection
from drorch.testing.plans import drill_plan, failover_plan, make_plan, playbook_step
from drorch.testing.runs import RUN, approvals, created, done, events_of, failed, start, started, unknown

CHAIN = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"]), playbook_step("c/x", needs=["b/x"])])
SOLO = make_plan([playbook_step("a/x"), playbook_step("z/x", after=["a/x"])])


def ready(state: RunState) -> set[str]:
    """Ids of steps that may start."""
    return {step.id for step in (*state.progress.ready_playbooks(), *state.progress.ready_proofs())}


def test_a_step_runs_through_its_states() -> None:
    assert started(CHAIN).steps["a/x"].status is StepStatus.WAITING
    running = started(CHAIN, start("a/x")).steps["a/x"]
    assert (running.status, running.attempt, running.ident) == (StepStatus.RUNNING, 1, "a--x.1")
    ended = started(CHAIN, *done("a/x")).steps["a/x"]
    assert ended.status is StepStatus.DONE
    assert ended.started is not None
    assert ended.ended is not None
    assert ended.ended.since(ended.started) == 1.0


def test_dependents_become_ready_one_after_the_other() -> None:
    assert ready(started(CHAIN)) == {"a/x"}
    assert ready(started(CHAIN, start("a/x"))) == set()
    assert ready(started(CHAIN, *done("a/x"))) == {"b/x"}


@pytest.mark.parametrize("decision", [ev.StepSkipped, ev.StepResolved])
def test_skipped_and_done_by_hand_let_dependents_go_on(decision: type) -> None:
    more = {"evidence": "screenshot"} if decision is ev.StepResolved else {}
    state = started(CHAIN, *failed("a/x"), decision(step="a/x", person="p", reason="r", **more))
    assert ready(state) == {"b/x"}
    assert state.steps["a/x"].person == "p"


def test_a_failed_step_blocks_its_dependents_and_says_why() -> None:
    state = started(CHAIN, *failed("a/x"))
    assert dict(state.blocked) == {"b/x": ("a/x",), "c/x": ("a/x",)}
    assert ready(state) == set()


def test_an_unknown_step_blocks_too() -> None:
    assert dict(started(CHAIN, *unknown("a/x")).blocked) == {"b/x": ("a/x",), "c/x": ("a/x",)}


def test_after_is_met_by_failure_and_by_what_cannot_be_reached() -> None:
    plan = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"]), playbook_step("z/x", after=["b/x"])])
    assert ready(started(plan, start("a/x"))) == set()
    assert ready(started(plan, *failed("a/x"))) == {"z/x"}


def test_after_is_not_met_by_an_unknown_step() -> None:
    assert ready(started(SOLO, *failed("a/x"))) == {"z/x"}
    assert ready(started(SOLO, *unknown("a/x"))) == set()


def test_a_retry_takes_back_that_the_step_is_over() -> None:
    state = started(SOLO, *failed("a/x"), ev.RetryRequested(step="a/x", person="p", reason="r"))
    assert ready(state) == {"a/x"}
    again = advance(state, ())
    assert again.steps["a/x"].attempt == 1


def test_a_retry_comes_too_late_when_the_clean_up_has_started() -> None:
    state = started(SOLO, *failed("a/x"), start("z/x"))
    problem = objection(state, ev.RetryRequested(step="a/x", person="p", reason="r"))
    assert problem is not None
    assert "z/x has started" in problem


def test_a_clean_up_of_something_further_down_counts_as_too_late_as_well() -> None:
    plan = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"]), playbook_step("z/x", after=["b/x"])])
    state = started(plan, *failed("a/x"), *done("z/x"))
    assert objection(state, ev.RetryRequested(step="a/x", person="p", reason="r")) is not None


def test_advance_leaves_the_state_it_starts_from_alone() -> None:
    events = events_of(created(CHAIN), ev.RunStarted(), *done("a/x"))
    early = fold(CHAIN, events[:2])
    late = advance(early, events[2:])
    assert (early.seq, early.steps["a/x"].status, ready(early)) == (2, StepStatus.WAITING, {"a/x"})
    assert (late.seq, late.steps["a/x"].status, ready(late)) == (4, StepStatus.DONE, {"b/x"})


def test_fold_in_one_go_equals_fold_event_by_event() -> None:
    plan = drill_plan()
    events = events_of(created(plan), *approvals(plan), ev.RunStarted(), *done("g/check"), *failed("g/drill"))
    whole, single = fold(plan, events), fold(plan, ())
    for event in events:
        single = advance(single, [event])
    assert dict(whole.steps) == dict(single.steps)
    assert (whole.head, whole.seq, whole.chain, ready(whole)) == (single.head, single.seq, single.chain, ready(single))
    assert dict(whole.blocked) == dict(single.blocked)


def test_the_head_keeps_who_said_what() -> None:
    plan = failover_plan()
    state = fold(plan, events_of(created(plan), *approvals(plan), ev.RunStarted()))
    assert [approval.person for approval in state.head.approvals] == ["Ana Approver"]
    assert state.head.declared is not None
    assert state.head.declared_at is not None
    assert state.head.declared_at.mono < state.head.started_at.mono  # type: ignore[union-attr]


PAUSE = ev.Paused(person="p", reason="r")
STOP = ev.StopRequested(person="p", reason="r")
RETRY = ev.RetryRequested(step="a/x", person="p", reason="r")
SKIP = ev.StepSkipped(step="a/x", person="p", reason="r")
INCOMPLETE = ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r")
STOPPED = ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="r")


@pytest.mark.parametrize(
    "bodies",
    [
        (start("b/x"),),
        (start("nobody/x"),),
        (start("a/x", attempt=2),),
        (ev.StepStarted(step="a/x", attempt=1, ident="other"),),
        (start("a/x"), start("a/x")),
        (*done("a/x"), start("a/x", 2)),
        (ev.StepSucceeded(step="a/x", attempt=1),),
        (start("a/x"), ev.StepSucceeded(step="a/x", attempt=2)),
        (*done("a/x"), ev.StepFailed(step="a/x", attempt=1, code="c", reason="r")),
        (RETRY,),
        (*done("a/x"), RETRY),
        (start("a/x"), SKIP),
        (*done("a/x"), SKIP),
        (PAUSE, PAUSE),
        (PAUSE, start("a/x")),
        (ev.Resumed(person="p", reason="r"),),
        (STOP, start("a/x")),
        (STOP, STOP),
        (*failed("a/x"), STOP, RETRY),
        (ev.RunStarted(),),
        (created(CHAIN),),
        (ev.Approved(plan_id="x", person="late", reason="r"),),
        (start("a/x"), INCOMPLETE),
        (ev.RunEnded(outcome=ev.RunOutcome.COMPLETED, reason="nothing was done"),),
        (STOP, STOPPED, RETRY),
        (INCOMPLETE, start("a/x")),
        (INCOMPLETE, INCOMPLETE),
        (ev.InterlockRefused(interlock="i", reason="r"), start("a/x")),
    ],
)
def test_an_event_that_cannot_follow_raises_and_is_named(bodies: tuple[ev.Body, ...]) -> None:
    with pytest.raises(IllegalEvent) as caught:
        started(CHAIN, *bodies)
    assert caught.value.where == f"run {RUN} event {2 + len(bodies)}"


def test_the_first_event_has_to_create_the_run() -> None:
    with pytest.raises(IllegalEvent, match="not created"):
        fold(CHAIN, events_of(ev.RunStarted()))


def test_a_gap_in_the_numbers_raises() -> None:
    events = events_of(created(CHAIN), ev.RunStarted(), start("a/x"))
    with pytest.raises(IllegalEvent, match="event 2"):
        fold(CHAIN, (events[0], events[2]))


def test_an_incomplete_run_is_taken_up_by_a_decision() -> None:
    state = started(CHAIN, *failed("a/x"), INCOMPLETE, RETRY)
    assert state.ended is None
    assert ready(state) == {"a/x"}


def test_a_witnessed_loss_cannot_be_skipped_or_done_by_hand() -> None:
    plan = failover_plan()
    state = started(plan)
    for body in (
        ev.StepSkipped(step="nyc/witness", person="p", reason="hurry"),
        ev.StepResolved(step="nyc/witness", person="p", reason="hurry", evidence="none"),
    ):
        assert "interlock" in (objection(state, body) or "")


def test_repeat_declaration_does_not_change_the_fold() -> None:
    never = make_plan([playbook_step("a/x", repeat=Repeat.NEVER)])
    assert started(never, *unknown("a/x")).steps["a/x"].status is StepStatus.UNKNOWN
