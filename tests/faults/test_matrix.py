"""Every kind of plan, every fault, at every step and at every event; the journal is the real one on disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from drorch.core.errors import OperatorNeeded
from drorch.plan.model import Kind, PlaybookAct, Step, WitnessAct
from drorch.run import events as ev
from drorch.run.events import Event, RunOutcome
from drorch.run.idents import attempt_ident
from drorch.run.progress import StepStatus
from drorch.testing.runs import RUN
from faults.case import FIRST, PERSON, PLANS, Case, case_of
from faults.dying import DyingJournal, Killed
from faults.matrix import Matrix
from faults.sites import Sites, replayed


def last_event(kind: Kind, folder: Path) -> int:
    """Number of events of a run without faults, which comes to its end."""
    with case_of(kind, folder, 0) as case:
        assert case.finish() is RunOutcome.COMPLETED
        assert case.sites == Sites.after(kind)
        assert case.executor.performed
        return case.look().seq


def playbook_steps(kind: Kind) -> list[Step]:
    """Steps of the plan that change something."""
    return [step for step in PLANS[kind].steps if isinstance(step.act, PlaybookAct)]


@pytest.mark.parametrize("kind", list(Kind))
def test_each_step_fails_once_and_a_person_lets_it_be_tried_again(kind: Kind, tmp_path: Path, matrix: Matrix) -> None:
    row = matrix.row(kind, "the step fails")
    for number, step in enumerate(PLANS[kind].steps):
        with case_of(kind, tmp_path, number) as case:
            if isinstance(step.act, PlaybookAct):
                case.executor.failing.add(attempt_ident(step.id, 1))
            else:
                case.observer.blind[step.act] = 1
            first = case.finish()
            if isinstance(step.act, WitnessAct):
                case.count(row, step.id, ended=first, expected=RunOutcome.REFUSED, world=Sites.before(kind))
                continue
            failed = [found.id for found in case.look().with_status(StepStatus.FAILED)]
            assert (first, len(failed)) == (RunOutcome.INCOMPLETE, 1)
            case.inbox.put(RUN, ev.RetryRequested(step=failed[0], person=PERSON, reason="mended"))
            ended = case.finish()
            expected = RunOutcome.COMPLETED
            if not any(isinstance(event.body, ev.RetryRequested) for event in case.journal.read(RUN)):
                # A drill has cleaned up meanwhile: the step comes too late, the clean-up can be asked for once more.
                assert kind is Kind.DRILL
                assert ended is RunOutcome.INCOMPLETE
                case.inbox.put(RUN, ev.CleanUpRequested(person=PERSON, reason="leave nothing behind"))
                ended, expected = case.finish(), RunOutcome.CLEANED
            case.count(row, step.id, ended=ended, expected=expected, world=Sites.after(kind))
    row.check(at_least=len(PLANS[kind].steps))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", list(Kind))
def test_nobody_knows_how_a_step_ended(kind: Kind, when: str, tmp_path: Path, matrix: Matrix) -> None:
    fault = {"before": "the step is lost, not done", "after": "the step is lost, done: it is performed twice"}[when]
    row = matrix.row(kind, fault)
    for number, step in enumerate(playbook_steps(kind)):
        with case_of(kind, tmp_path, number) as case:
            case.executor.lost[attempt_ident(step.id, 1)] = when
            ended = case.finish()
            assert attempt_ident(step.id, 2) in case.executor.performed
            case.count(row, step.id, ended=ended, expected=RunOutcome.COMPLETED, world=Sites.after(kind))
    row.check(at_least=len(playbook_steps(kind)))


@pytest.mark.parametrize("written", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("kind", list(Kind))
def test_the_driver_is_killed_at_each_event(kind: Kind, written: bool, tmp_path: Path, matrix: Matrix) -> None:
    row = matrix.row(kind, f"killed {'after' if written else 'before'} the event is written")
    last = last_event(kind, tmp_path)
    for at in range(FIRST, last + 1):
        with case_of(kind, tmp_path, at) as case:
            case.look()
            with suppress(Killed):
                case.driver(DyingJournal(case.journal, last=at - 1, written=written)).drive()
                # With several steps under way there may be fewer writes than events, never fewer events.
                raise AssertionError("the driver was not killed")
            case.count(row, f"event {at}", ended=case.finish(), expected=RunOutcome.COMPLETED, world=Sites.after(kind))
    row.check(at_least=last + 1 - FIRST)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_driver_is_interrupted_at_each_event(kind: Kind, tmp_path: Path, matrix: Matrix) -> None:
    row = matrix.row(kind, "interrupted (Ctrl-C) at the event")
    last = last_event(kind, tmp_path)
    for at in range(FIRST, last + 1):
        with case_of(kind, tmp_path, at) as case:

            def interrupt(event: Event, at: int = at) -> None:
                if event.seq == at:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                case.driver(on_event=interrupt).drive()
            case.count(row, f"event {at}", ended=case.finish(), expected=RunOutcome.COMPLETED, world=Sites.after(kind))
    row.check(at_least=last + 1 - FIRST)


@pytest.mark.parametrize("kind", list(Kind))
def test_each_driver_is_killed_before_it_gets_far(kind: Kind, tmp_path: Path, matrix: Matrix) -> None:
    row = matrix.row(kind, "killed again and again in one run")
    with case_of(kind, tmp_path, 1) as case:
        deaths = 0
        while case.look().ended is None:
            try:
                # A driver that always dies between intent and act gets nowhere, so each lives a little differently.
                last = case.look().seq + deaths % 17
                case.driver(DyingJournal(case.journal, last=last, written=True)).drive()
            except Killed:
                deaths += 1
            except OperatorNeeded:
                for step in sorted(case.look().progress.sets[StepStatus.UNKNOWN]):
                    case.inbox.put(RUN, ev.RetryRequested(step=step, person=PERSON, reason="nothing was done"))
            assert deaths < 300
        case.count(row, "all", ended=case.finish(), expected=RunOutcome.COMPLETED, world=Sites.after(kind))
        assert deaths > len(playbook_steps(kind))
    row.check()


@pytest.mark.parametrize("kind", list(Kind))
def test_a_person_stops_the_run_at_each_event(kind: Kind, tmp_path: Path, matrix: Matrix) -> None:
    row = matrix.row(kind, "a person stops the run at the event")
    last = last_event(kind, tmp_path)
    for at in range(FIRST, last - 1):
        with case_of(kind, tmp_path, at) as case:

            def stop(event: Event, case: Case = case, at: int = at) -> None:
                if event.seq == at:
                    case.inbox.put(RUN, ev.StopRequested(person=PERSON, reason="enough"))

            ended = case.driver(on_event=stop).drive()
            state = case.look()
            done = {
                event.body.step: state.plan.by_id[event.body.step].act
                for event in case.journal.read(RUN)
                if isinstance(event.body, ev.StepSucceeded)
            }
            acts = {step: act for step, act in done.items() if isinstance(act, PlaybookAct)}
            # The stop may come too late only where nothing was left to be started.
            expected = RunOutcome.COMPLETED if state.head.stop is None and state.complete else RunOutcome.STOPPED
            case.count(row, f"event {at}", ended=ended, expected=expected, world=replayed(kind, acts))
    row.check(at_least=last - 1 - FIRST)
