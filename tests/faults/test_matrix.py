"""Every kind of plan, every fault, at every step and at every event; the journal is the real one on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from drorch.adapters.store.journal import SqlJournal
from drorch.core.errors import OperatorNeeded
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Phase, Plan, PlaybookAct, Repeat, Step, WitnessAct
from drorch.run import events as ev
from drorch.run.chain import first_break
from drorch.run.driver import Driver
from drorch.run.events import Event, RunOutcome
from drorch.run.idents import attempt_ident
from drorch.run.ports import Journal
from drorch.run.progress import StepStatus
from drorch.run.recorder import Recorder
from drorch.run.state import RunState, fold
from drorch.testing.builders import small_catalog
from drorch.testing.clock import HandClock
from drorch.testing.fakes import MemoryInbox
from drorch.testing.runs import RUN, approvals, created
from faults.dying import DyingJournal, Killed
from faults.matrix import Matrix, Row
from faults.sites import Sites, SitesExecutor, SitesObserver, replayed

PERSON = "Olga Operator"
PLANS = {kind: build_plan(small_catalog(), kind=kind, lose="nyc", playbooks_id="sha256:" + "b" * 64) for kind in Kind}
FIRST = 4
"""Events from this number on are written by a driver; those before by who created the run."""


class Case:
    """One run in a world of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.clock, self.inbox = HandClock(), MemoryInbox()
        self.sites = Sites.before(plan.kind)
        self.executor = SitesExecutor(self.clock, self.sites)
        self.observer = SitesObserver(self.sites)
        self.journal = SqlJournal(folder / "journal.sqlite")
        Recorder.create(self.journal, self.clock, plan, RUN, created(plan)).record(*approvals(plan))
        self._durable: tuple[Event, ...] = ()
        self.lost = 0

    def driver(self, journal: Journal | None = None, on_event: Callable[[Event], None] | None = None) -> Driver:
        """A new driver of the run."""
        return Driver(
            journal=journal or self.journal,
            executor=self.executor,
            observer=self.observer,
            clock=self.clock,
            plan=self.plan,
            run=RUN,
            host="testhost",
            pid=1,
            inbox=self.inbox,
            on_event=on_event,
            poll_s=0.01,
        )

    def look(self) -> RunState:
        """The state as the journal has it; counts events that were there before and are not now."""
        events = self.journal.read(RUN)
        self.lost += sum(old not in events[at : at + 1] for at, old in enumerate(self._durable))
        self._durable = events
        return fold(self.plan, events)

    def finish(self) -> RunOutcome:
        """Drive as a person would who looks at each unknown step and lets it be performed again."""
        for _ in range(20):
            self.look()
            try:
                return self.driver().drive()
            except OperatorNeeded:
                for step in sorted(self.look().progress.sets[StepStatus.UNKNOWN]):
                    self.inbox.put(RUN, ev.RetryRequested(step=step, person=PERSON, reason="nothing was done"))
        raise AssertionError("the run does not end")

    def count(self, row: Row, case: str, *, ended: RunOutcome, expected: RunOutcome, world: Sites) -> None:
        """Judge the run and put it into the table."""
        state = self.look()
        whole = first_break(self._durable) is None and state.with_status(StepStatus.RUNNING) == ()
        right = whole and ended is expected and self.sites == world and self.sites.harm == []
        row.add(case, right=right, doubled=self._doubled(), lost=self.lost, why=f"{ended} {self.sites}")

    def _doubled(self) -> Iterator[str]:
        attempts = Counter(ident.rpartition(".")[0] for ident in self.executor.performed)
        retries = [event.body for event in self._durable if isinstance(event.body, ev.RetryRequested)]
        cleanings = [event.body.person for event in self._durable if isinstance(event.body, ev.CleanUpRequested)]
        for step in self.plan.steps:
            decided = [body.person for body in retries if body.step == step.id]
            decided += cleanings if step.phase is Phase.CLEAN_UP else []
            by_itself = step.repeat is not Repeat.SAFE and any(person != PERSON for person in decided)
            if by_itself or attempts[step.id.replace("/", "--")] > 1 + len(decided):
                yield step.id


@contextmanager
def case_of(kind: Kind, folder: Path, number: int) -> Iterator[Case]:
    """A new case; its journal is closed at the end."""
    place = folder / str(number)
    place.mkdir()
    case = Case(PLANS[kind], place)
    try:
        yield case
    finally:
        case.journal.close()


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
