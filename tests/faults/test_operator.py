"""What an operator asks for has its effect once, in the right order, wherever the driver dies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.core.errors import OperatorNeeded
from drorch.plan.codec import plan_id
from drorch.plan.model import Plan
from drorch.run import events as ev
from drorch.run.codec import body_from_json
from drorch.run.events import RunOutcome
from drorch.run.ports import OperatorBody, OperatorRequest, PlaybookRequest, PlaybookStatus
from drorch.run.progress import StepStatus, UndoStatus
from drorch.run.recorder import Recorder
from drorch.run.state import fold
from drorch.testing.clock import HandClock
from drorch.testing.fakes import FAILING, Ending, MemoryInbox
from drorch.testing.plans import drill_plan, failover_plan, with_undo
from drorch.testing.runs import RUN, Scene, approvals
from faults.dying import DyingJournal, Killed

WHO = {"person": "Olga", "reason": "because"}
DRILL = with_undo(drill_plan(), "drill", "drill-start")
FAILOVER = with_undo(failover_plan(groups=1), "start")


def bodies(scene: Scene) -> list[ev.Body]:
    """The journal's bodies."""
    return [event.body for event in scene.journal.read(RUN)]


def undone(scene: Scene) -> list[str]:
    """Idents of undo acts really performed, in order."""
    return [ident for ident in scene.executor.performed if "--undo." in ident]


def interrupted_drill() -> Scene:
    """A drill stopped after the copy was made and the first application started, before any clean-up."""
    scene = Scene(plan=DRILL).create()

    def stop_early(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepSucceeded) and event.body.step == "a0/drill-start":
            scene.inbox.put(RUN, ev.StopRequested(**WHO))

    scene.executor.behave("a0--drill-stop.1", Ending(takes_s=50))
    scene.executor.behave("a1--drill-start.1", Ending(takes_s=50))
    assert scene.drive(stop_early) is RunOutcome.STOPPED
    return scene


# ---- undo


def test_undo_goes_backwards_over_what_was_done() -> None:
    scene = Scene(plan=FAILOVER).create()
    scene.drive()
    scene.inbox.put(RUN, ev.UndoRequested(steps=("g0-a0/start", "g0-a1/start"), **WHO))
    assert scene.drive() is RunOutcome.UNDONE
    assert undone(scene) == ["g0-a1--start--undo.1", "g0-a0--start--undo.1"]
    assert scene.state.steps["g0-a0/start"].status is StepStatus.UNDONE


def test_an_undo_that_fails_is_its_own_outcome_and_what_it_stands_on_is_left() -> None:
    scene = Scene(plan=FAILOVER).create()
    scene.drive()
    scene.executor.behave("g0-a1--start--undo.1", FAILING)
    everything = ev.UndoRequested(steps=("g0-a0/start", "g0-a1/start"), **WHO)
    scene.inbox.put(RUN, everything)
    assert scene.drive() is RunOutcome.UNDO_FAILED
    undos = scene.state.progress.undos
    assert (undos["g0-a1/start"].status, undos["g0-a1/start"].code) == (UndoStatus.FAILED, "task-failed")
    assert undos["g0-a0/start"].status is UndoStatus.ASKED
    assert undone(scene) == ["g0-a1--start--undo.1"]
    assert scene.drive() is RunOutcome.UNDO_FAILED
    assert undone(scene) == ["g0-a1--start--undo.1"]
    scene.inbox.put(RUN, everything)
    assert scene.drive() is RunOutcome.UNDONE
    assert undone(scene)[1:] == ["g0-a1--start--undo.2", "g0-a0--start--undo.1"]


def test_an_undo_lost_with_its_driver_is_not_performed_again_by_itself() -> None:
    scene = Scene(plan=FAILOVER).create()
    scene.drive()
    request = ev.UndoRequested(steps=("g0-a1/start",), **WHO)
    begun = ev.UndoStarted(step="g0-a1/start", attempt=1, ident="g0-a1--start--undo.1")
    Recorder.attach(scene.journal, scene.clock, scene.plan, RUN).record(request, begun)
    assert scene.drive() is RunOutcome.UNDO_FAILED
    assert scene.state.progress.undos["g0-a1/start"].code == "unknown"
    assert undone(scene) == []


def test_an_undo_under_way_is_found_again() -> None:
    scene = Scene(plan=FAILOVER).create()
    scene.drive()
    request = ev.UndoRequested(steps=("g0-a1/start",), **WHO)
    begun = ev.UndoStarted(step="g0-a1/start", attempt=1, ident="g0-a1--start--undo.1")
    Recorder.attach(scene.journal, scene.clock, scene.plan, RUN).record(request, begun)
    act = FAILOVER.by_id["g0-a1/start"].undo
    assert act is not None
    scene.executor.launch(PlaybookRequest(run=RUN, ident=begun.ident, act=act, timeout_s=60))
    assert scene.drive() is RunOutcome.UNDONE
    assert undone(scene) == ["g0-a1--start--undo.1"]


def test_an_undo_that_does_not_end_is_ended_and_stop_ends_it_too() -> None:
    for late in (True, False):
        scene = Scene(plan=FAILOVER).create()
        scene.drive()
        scene.executor.behave("undo_start.yml", Ending(takes_s=None))
        scene.inbox.put(RUN, ev.UndoRequested(steps=("g0-a1/start",), **WHO))

        def stop(event: ev.Event, scene: Scene = scene, late: bool = late) -> None:
            if isinstance(event.body, ev.UndoStarted) and not late:
                scene.inbox.put(RUN, ev.StopRequested(**WHO))

        assert scene.drive(stop) is (RunOutcome.UNDO_FAILED if late else RunOutcome.STOPPED)
        assert scene.state.progress.undos["g0-a1/start"].code == ("timed-out" if late else "stopped")
        assert late or scene.executor.stopped == ["g0-a1--start--undo.1"]


def test_undo_of_an_interrupted_drill_removes_what_it_made() -> None:
    scene = interrupted_drill()
    touched = {step.id for step in DRILL.steps if step.undo and scene.state.steps[step.id].attempt}
    order = (*sorted(touched - {"g/drill"}), "g/drill")
    scene.inbox.put(RUN, ev.UndoRequested(steps=order, **WHO))
    assert scene.drive() is RunOutcome.UNDONE
    assert undone(scene)[-1] == "g--drill--undo.1"
    assert len(undone(scene)) == len(touched)


# ---- clean-up


def test_a_clean_up_after_an_interruption_removes_what_was_made_and_does_nothing_else() -> None:
    scene = interrupted_drill()
    before = set(scene.executor.performed)
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    scene.executor.behave("a0--drill-stop.1", Ending())
    assert scene.drive() is RunOutcome.CLEANED
    new = [ident for ident in scene.executor.performed if ident not in before]
    assert all("drill-stop" in ident or "drill-clean-up" in ident for ident in new)
    assert new[-1].startswith("g--drill-clean-up.")
    assert any(ident.startswith("a0--drill-stop.") for ident in new)
    assert scene.state.steps["g/protected"].status is StepStatus.DONE


def test_a_second_clean_up_is_harmless() -> None:
    scene = interrupted_drill()
    for times in (1, 2):
        scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
        assert scene.drive() is RunOutcome.CLEANED
        cleaned = [ident for ident in scene.executor.performed if ident.startswith("g--drill-clean-up.")]
        assert cleaned == [f"g--drill-clean-up.{number}" for number in range(1, times + 1)]


def test_a_clean_up_after_a_whole_drill_leaves_it_completed() -> None:
    scene = Scene(plan=DRILL).create()
    assert scene.drive() is RunOutcome.COMPLETED
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    assert scene.drive() is RunOutcome.COMPLETED
    assert "g--drill-clean-up.2" in scene.executor.performed
    assert not any(ident.startswith("g--drill.2") for ident in scene.executor.performed)


def test_a_clean_up_in_the_middle_ends_what_is_under_way_first() -> None:
    scene = Scene(plan=DRILL).create()
    scene.executor.behave("a1--drill-start.1", Ending(takes_s=None))

    def clean(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted) and event.body.step == "a1/drill-start":
            scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))

    assert scene.drive(clean) is RunOutcome.CLEANED
    stands = scene.state.steps
    assert stands["a1/drill-start"].code == "stopped"
    assert "g--drill-clean-up.1" in scene.executor.performed


def test_a_clean_up_that_fails_can_be_asked_for_again() -> None:
    scene = interrupted_drill()
    scene.executor.behave("g--drill-clean-up.1", FAILING)
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    assert scene.drive() is RunOutcome.INCOMPLETE
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    assert scene.drive() is RunOutcome.CLEANED


# ---- approval


def prepared(within_s: int = 0, plan: Plan = FAILOVER) -> Scene:
    """A run that waits for its approval."""
    _, declared = approvals(plan)
    return Scene(plan=plan).create(
        ev.ApprovalAwaited(person="Olga Operator", reason="prepared", within_s=within_s), declared
    )


def approved(person: str = "Ana") -> ev.Approved:
    """An approval of the failover."""
    return ev.Approved(plan_id=plan_id(FAILOVER), person=person, reason="read it")


def test_a_prepared_run_starts_when_it_is_approved() -> None:
    scene = prepared()
    scene.inbox.put(RUN, approved())
    assert scene.drive() is RunOutcome.COMPLETED
    kinds = [type(body) for body in bodies(scene)]
    assert kinds.index(ev.Approved) < kinds.index(ev.RunStarted)


def test_the_operators_own_approval_is_settled_as_refused_and_the_run_goes_on_waiting() -> None:
    scene = prepared()
    scene.inbox.put(RUN, approved("olga  OPERATOR"))
    scene.inbox.put(RUN, ev.StopRequested(**WHO))
    assert scene.drive() is RunOutcome.STOPPED
    settled = [body for body in bodies(scene) if isinstance(body, ev.RequestSettled)]
    assert "somebody else" in settled[0].problem
    assert settled[1].problem == ""
    assert scene.executor.performed == ()


def test_after_the_deadline_the_declared_outcome_is_refused() -> None:
    scene = prepared(within_s=60)
    scene.clock.advance(61)
    scene.inbox.put(RUN, approved(), asked=scene.clock.now())
    assert scene.drive() is RunOutcome.REFUSED
    assert [refusal.interlock for refusal in scene.state.head.refusals] == ["approval-deadline"]
    assert scene.executor.performed == ()


def test_an_approval_given_in_time_counts_also_when_it_is_taken_up_late() -> None:
    scene = prepared(within_s=60)
    scene.clock.advance(59)
    scene.inbox.put(RUN, approved(), asked=scene.clock.now())
    scene.clock.advance(100)
    assert scene.drive() is RunOutcome.COMPLETED


# ---- once, and never lost


def failing_failover() -> Scene:
    """A failover whose recovery fails at first; a retry was asked for."""
    scene = Scene(plan=FAILOVER).create()
    scene.executor.behave("g0--recover.1", FAILING)
    assert scene.drive() is RunOutcome.INCOMPLETE
    scene.inbox.put(RUN, ev.RetryRequested(step="g0/recover", **WHO))
    return scene


def waiting_failover() -> Scene:
    """A prepared failover that was approved."""
    scene = prepared()
    scene.inbox.put(RUN, approved())
    return scene


def undoing_failover() -> Scene:
    """A failover that was carried out and is to be undone."""
    scene = Scene(plan=FAILOVER).create()
    scene.drive()
    scene.inbox.put(RUN, ev.UndoRequested(steps=("g0-a0/start", "g0-a1/start"), **WHO))
    return scene


def cleaning_drill() -> Scene:
    """An interrupted drill that is to be cleaned up."""
    scene = interrupted_drill()
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    return scene


SCENES: dict[str, tuple[Callable[[], Scene], type]] = {
    "retry": (failing_failover, ev.RetryRequested),
    "approve": (waiting_failover, ev.Approved),
    "undo": (undoing_failover, ev.UndoRequested),
    "clean up": (cleaning_drill, ev.CleanUpRequested),
}


@pytest.mark.parametrize("name", list(SCENES))
@pytest.mark.parametrize("written", [False, True], ids=["before the write", "after the write"])
def test_a_request_is_honoured_once_wherever_the_driver_dies(name: str, written: bool) -> None:
    make, kind = SCENES[name]
    whole = make()
    first = whole.state.seq
    outcome = whole.drive()
    expected = [type(body).__name__ for body in bodies(whole)].count(kind.__name__)
    # Steps that end at the same time come in any order and in any number of batches, so the tail may vary by a few.
    places, deaths = whole.state.seq - first, 0
    for place in range(places):
        scene = make()
        try:
            scene.driver(DyingJournal(scene.journal, last=scene.state.seq + place, written=written)).drive()
        except Killed:
            deaths += 1
        ended = _to_the_end(scene)
        found = bodies(scene)
        assert sum(type(body) is kind for body in found) in range(expected, expected + 2)
        assert sum(isinstance(body, ev.RequestSettled) for body in found) == len(
            {body.request for body in found if isinstance(body, ev.RequestSettled)}
        )
        assert ended is outcome
        assert scene.inbox.pending(RUN) == ()
        assert max(Counter(scene.executor.performed).values()) == 1
    assert deaths >= places // 2 > 0


def _to_the_end(scene: Scene) -> RunOutcome:
    for _ in range(10):
        try:
            ended = scene.drive()
        except OperatorNeeded:
            for step in sorted(scene.state.progress.sets[StepStatus.UNKNOWN]):
                scene.inbox.put(RUN, ev.RetryRequested(step=step, **WHO))
            continue
        if ended is not RunOutcome.UNDO_FAILED:
            return ended
        # The undo whose intent was written and never launched: a person looks, and asks again.
        scene.inbox.put(RUN, ev.UndoRequested(steps=_left(scene), **WHO))
    raise AssertionError("the run does not end")


def _left(scene: Scene) -> tuple[str, ...]:
    undos = scene.state.progress.undos
    return tuple(sorted((step for step in undos if undos[step].status is not UndoStatus.DONE), reverse=True))


class Lingering(MemoryInbox):
    """An inbox that has not heard of what the journal took over, as after a restore of one and not of the other."""

    def pending(self, run: str) -> tuple[OperatorRequest, ...]:
        """Everything that was ever asked."""
        records = [record for record in self.store.read(f"requests/{run}") if record.kind != "settled"]
        bodies = [body_from_json(record.kind, json.loads(record.body)) for record in records]
        return tuple(
            OperatorRequest(id=record.seq, body=body, asked=HandClock().now())
            for record, body in zip(records, bodies, strict=True)
            if isinstance(body, OperatorBody)
        )


@pytest.mark.parametrize("name", list(SCENES))
def test_a_request_still_in_the_inbox_after_it_was_honoured_has_no_second_effect(name: str) -> None:
    make, kind = SCENES[name]
    scene = make()
    scene.inbox = Lingering(scene.journal.store)
    with suppress(OperatorNeeded):
        scene.drive()
    before = sum(type(body) is kind for body in bodies(scene))
    with suppress(OperatorNeeded):
        scene.drive()
    assert sum(type(body) is kind for body in bodies(scene)) == before == 1
    assert MemoryInbox(scene.journal.store).pending(RUN) == ()


# ---- anything at all


STEPS = st.sampled_from([step.id for step in DRILL.steps])
TEXT = st.sampled_from(["Olga", "Ana", ""])
REQUESTS = st.one_of(
    st.builds(ev.Paused, person=TEXT, reason=TEXT),
    st.builds(ev.Resumed, person=TEXT, reason=TEXT),
    st.builds(ev.StopRequested, person=TEXT, reason=TEXT),
    st.builds(ev.RetryRequested, step=STEPS, person=TEXT, reason=TEXT),
    st.builds(ev.StepSkipped, step=STEPS, person=TEXT, reason=TEXT),
    st.builds(ev.StepResolved, step=STEPS, person=TEXT, reason=TEXT, evidence=TEXT),
    st.builds(ev.UndoRequested, steps=st.lists(STEPS, max_size=3, unique=True).map(tuple), person=TEXT, reason=TEXT),
    st.builds(ev.CleanUpRequested, person=TEXT, reason=TEXT),
    st.builds(ev.Approved, plan_id=st.sampled_from([plan_id(DRILL), "x"]), person=TEXT, reason=TEXT),
)
ENDINGS = st.sampled_from([Ending(), FAILING, Ending(status=PlaybookStatus.LOST, rc=None)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(REQUESTS, max_size=3), min_size=1, max_size=4), st.lists(ENDINGS, min_size=8, max_size=8))
def test_whatever_is_asked_the_journal_stays_lawful_and_nothing_runs_twice(
    rounds: list[list[ev.Body]], endings: list[Ending]
) -> None:
    scene = Scene(plan=DRILL).create()
    for step, ending in zip(DRILL.steps, endings, strict=False):
        scene.executor.behave(f"{step.id.replace('/', '--')}.1", ending)
        scene.executor.behave(f"{step.id.replace('/', '--')}--undo.1", ending)
    for requests in rounds:
        for body in requests:
            scene.inbox.put(RUN, body)  # type: ignore[arg-type]
        if any(isinstance(body, ev.Paused) for body in requests):
            scene.inbox.put(RUN, ev.Resumed(**WHO))
        try:
            scene.drive()
        except OperatorNeeded:
            assert scene.state.progress.sets[StepStatus.UNKNOWN]
        assert scene.inbox.pending(RUN) == ()
    events = scene.journal.read(RUN)
    assert fold(DRILL, events).seq == len(events)
    assert len(set(scene.executor.performed)) == len(scene.executor.performed)


def test_an_ended_run_whose_group_another_run_holds_is_not_taken_up() -> None:
    scene = Scene(plan=DRILL).create()
    scene.executor.behave("g--drill-clean-up.1", FAILING)
    assert scene.drive() is RunOutcome.INCOMPLETE
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    driver = scene.driver()
    driver.open_groups = lambda: {"g": "another-run"}
    before = scene.journal.read(RUN)
    assert driver.drive() is RunOutcome.INCOMPLETE
    assert scene.journal.read(RUN) == before
    assert scene.inbox.pending(RUN) == ()


def test_a_clean_up_asked_for_while_no_driver_lives_takes_a_lost_attempt_as_failed() -> None:
    scene = Scene(plan=DRILL).create()

    def die(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted) and event.body.step == "a1/drill-start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.drive(die)
    scene.inbox.put(RUN, ev.CleanUpRequested(**WHO))
    assert scene.drive() is RunOutcome.CLEANED
    stands = scene.state.steps
    assert stands["a1/drill-start"].status is StepStatus.FAILED
    assert stands["g/drill-clean-up"].status is StepStatus.DONE
    assert "a1--drill-start.2" not in scene.executor.performed
