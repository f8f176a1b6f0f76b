"""The driver: performs what `decide` says and writes down what happened. It makes no choice of its own.

One thread (the caller of :meth:`Driver.drive`) writes the journal; each step under way has a worker thread that only
hands its outcome back. Intents are durable before the act. When the driver is interrupted (Ctrl-C, kill -9), the
journal shows the steps as started, the playbooks go on by themselves, and the next driver takes them up again.
"""

from __future__ import annotations

import logging
import os
import platform
import queue
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from drorch.core.clock import Clock
from drorch.core.errors import OperatorNeeded
from drorch.core.patient import Wait
from drorch.core.redact import redact_facts
from drorch.plan.codec import plan_id
from drorch.plan.model import ManualAct, Plan, PlaybookAct
from drorch.run.conditions import Conditions
from drorch.run.decide import (
    AskOperator,
    AwaitCommit,
    Command,
    CommitRun,
    EndRun,
    Perform,
    PerformUndo,
    Repeated,
    StopStep,
    UndoRun,
    decide,
)
from drorch.run.events import (
    AfterDeadline,
    Body,
    CommitDue,
    Committed,
    DriverAttached,
    Event,
    InterlockRefused,
    RequestSettled,
    RetryRequested,
    RunEnded,
    RunOutcome,
    RunStarted,
    StepFailed,
    StepStarted,
    StepUnknown,
    StoreWaited,
    UndoFailed,
    UndoRequested,
    UndoStarted,
)
from drorch.run.interlocks import (
    approval_overdue,
    approval_refusal,
    group_taken,
    only_approval_missing,
    start_refusals,
)
from drorch.run.performer import Halt, Outcome, Performer, Task
from drorch.run.ports import Executor, Journal, Observer, OperatorInbox, OperatorRequest, PlaybookState
from drorch.run.progress import StepStatus, UndoStatus
from drorch.run.recorder import Recorder
from drorch.run.refusal import Refusal
from drorch.run.requests import problem_with
from drorch.run.state import RunState
from drorch.run.verdict import PlaybookCode
from drorch.run.workers import Workers

LOG = logging.getLogger(__name__)
NOT_SIGNED_OFF = "not-signed-off"
"""Code of a manual step whose deadline has passed."""
DRORCH = "drorch"
"""The name under which drorch itself decides (only: repeat a lost step that is declared safe)."""


def _no_open_groups() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(kw_only=True)
class Driver:
    """Drives one run to its end, or to where a person has to decide.

    ``open_groups`` tells, when the run starts, which protection groups other runs hold, ``conditions`` what else may
    forbid the start; both are asked when the rest is in order. ``waits``: what was waited for the store since it was
    asked last. ``on_event`` sees each event after it is durable. ``poll_s``: seconds between looks into the inbox and
    at timeouts.
    """

    journal: Journal
    executor: Executor
    observer: Observer
    clock: Clock
    plan: Plan
    run: str
    host: str = field(default_factory=platform.node)
    pid: int = field(default_factory=os.getpid)
    inbox: OperatorInbox | None = None
    waits: Callable[[], Sequence[Wait]] = tuple
    open_groups: Callable[[], Mapping[str, str]] = _no_open_groups
    conditions: Callable[[], Conditions] = Conditions
    secrets: Collection[str] = ()
    on_event: Callable[[Event], None] | None = None
    poll_s: float = 0.5
    _outcomes: queue.SimpleQueue[tuple[Halt, Outcome]] = field(default_factory=queue.SimpleQueue, init=False)
    _under_way: dict[str, Halt] = field(default_factory=dict, init=False)
    _workers: Workers = field(default_factory=Workers, init=False)
    _looked: float = field(default=float("-inf"), init=False)

    @cached_property
    def _performer(self) -> Performer:
        return Performer(
            run=self.run, executor=self.executor, observer=self.observer, clock=self.clock, secrets=self.secrets
        )

    def drive(self) -> RunOutcome:
        """Take up the run and go on until it ends.

        OperatorNeeded: unknown steps, or a pause nobody can lift. JournalConflict: another driver has the run. An
        interrupted driver leaves playbooks running; a later ``drive`` takes up the run.
        """
        self._under_way.clear()
        self._workers = Workers()
        recorder = Recorder.attach(self.journal, self.clock, self.plan, self.run)
        try:
            recorder.stage(self._requested(recorder.state))
            if recorder.state.ended is None:
                recorder.stage([DriverAttached(host=self.host, pid=self.pid)])
                self._commit(recorder)
                self._take_up(recorder)
            while True:
                while recorder.state.ended is None:
                    self._turn(recorder)
                outcome = recorder.state.ended.outcome
                # What people asked for during the last steps may take the run up again; the rest is settled.
                self._looked = float("-inf")
                recorder.stage(self._requested(recorder.state))
                self._commit(recorder)
                self._note_waits(recorder)
                self._commit(recorder)
                if recorder.state.ended is not None:
                    # What is told of the end must rest on the store that the run was written to.
                    self.journal.verify_place()
                    return outcome
        finally:
            for halt in self._under_way.values():
                halt.leave()
            self._workers.close()

    def _begin(self, recorder: Recorder) -> None:
        """Start the run, refuse it, or let it wait for its approval when it was prepared for that."""
        head = recorder.state.head
        if head.started_at is not None or head.ended is not None or head.stop is not None or head.paused is not None:
            return
        plan = plan_id(self.plan)
        # The world is looked at only when the rest is in order: this is asked again and again until the approval.
        refusals = start_refusals(self.plan, plan, head) or start_refusals(
            self.plan, plan, head, self.open_groups(), self.conditions()
        )
        if not refusals:
            recorder.stage([RunStarted()])
            self._commit(recorder)
            # Another run may have started between the look and this: only now do both see each other, and neither acts.
            taken = group_taken(self.plan, self.open_groups())
            if taken is not None:
                ended = RunEnded(outcome=RunOutcome.REFUSED, reason=taken.reason)
                recorder.stage([self._refused(taken), ended])
            return
        if head.awaited is not None and only_approval_missing(refusals):
            if not approval_overdue(head, self.clock.now()):
                return
            refusals = (approval_refusal(head),)
        reason = "; ".join(refusal.reason for refusal in refusals)
        recorder.stage([*map(self._refused, refusals), RunEnded(outcome=RunOutcome.REFUSED, reason=reason)])

    def _take_up(self, recorder: Recorder) -> None:
        """Look at each step a lost driver left started: go on waiting for it, or call it unknown."""
        lost: list[Body] = []
        for step in recorder.state.with_status(StepStatus.RUNNING):
            if isinstance(step.act, ManualAct):
                continue  # it is with a person, not with a driver: it simply goes on waiting
            stands = recorder.state.steps[step.id]
            ident = stands.ident or ""
            if not (isinstance(step.act, PlaybookAct) and self._never_launched(ident)):
                self._work(recorder.state, step.id, reattached=True)
            else:
                reason = "the driver was lost; nothing of this attempt is found"
                lost.append(StepUnknown(step=step.id, attempt=stands.attempt, reason=reason))
        for step_id in recorder.state.progress.undoing(UndoStatus.RUNNING):
            undo = recorder.state.progress.undos[step_id]
            if not self._never_launched(undo.ident):
                self._work(recorder.state, step_id, reattached=True, undo=True)
            else:
                reason = "the driver was lost; nothing of this attempt is found"
                lost.append(UndoFailed(step=step_id, attempt=undo.attempt, code="unknown", reason=reason))
        recorder.stage(lost)
        self._commit(recorder)

    def _never_launched(self, ident: str) -> bool:
        """Nothing of the attempt is found, and nobody can launch it any more: the other driver may only stand still."""
        absent = self.executor.state(self.run, ident) is PlaybookState.ABSENT
        return absent and self.executor.give_up(self.run, ident)

    def _note_waits(self, recorder: Recorder) -> None:
        recorder.stage([StoreWaited(seconds=round(wait.seconds, 3), reason=wait.why) for wait in self.waits()])

    def _turn(self, recorder: Recorder) -> None:
        self._note_waits(recorder)
        recorder.stage(self._requested(recorder.state))
        self._begin(recorder)
        commands = decide(self.plan, recorder.state, self.clock.now())
        recorder.stage([body for command in commands for body in self._bodies_of(command)])
        self._commit(recorder)
        for command in commands:
            self._act(recorder.state, command)
        if recorder.state.ended is None and not any(isinstance(command, Repeated) for command in commands):
            recorder.stage(self._ended_steps(recorder.state))

    def _bodies_of(self, command: Command) -> list[Body]:
        match command:
            case Perform():
                return [StepStarted(step=command.step.id, attempt=command.attempt, ident=command.ident)]
            case PerformUndo():
                return [UndoStarted(step=command.step.id, attempt=command.attempt, ident=command.ident)]
            case Repeated():
                return [RetryRequested(step=command.step.id, person=DRORCH, reason=command.reason)]
            case EndRun():
                ended = RunEnded(outcome=command.outcome, reason=command.reason)
                return [*map(self._refused, command.refusals), ended]
            case AwaitCommit():
                return [CommitDue()]
            case CommitRun():
                return [Committed(person=DRORCH, reason=command.reason)]
            case UndoRun():
                return [UndoRequested(steps=command.steps, person=DRORCH, reason=command.reason)]
            case StopStep() if isinstance(command.step.act, ManualAct) and command.code is PlaybookCode.TIMED_OUT:
                reason = f"{command.step.act.role} did not sign it off within {command.step.timeout_s:g} s"
                failed = StepFailed(step=command.step.id, attempt=command.attempt, code=NOT_SIGNED_OFF, reason=reason)
                return [failed]
            case StopStep() if not isinstance(command.step.act, PlaybookAct):
                # A proof changes nothing: its thread is left to its deadline and nobody listens to it any more.
                self._under_way.pop(command.step.id, Halt()).leave()
                code, reason = PlaybookCode.STOPPED, "the run was stopped"
                return [StepFailed(step=command.step.id, attempt=command.attempt, code=code, reason=reason)]
            case _:
                return []

    def _act(self, state: RunState, command: Command) -> None:
        match command:
            case Perform() if isinstance(command.step.act, ManualAct):
                pass  # its start is in the journal; a person does it and signs it off
            case Perform():
                self._work(state, command.step.id)
            case PerformUndo():
                self._work(state, command.step.id, undo=True)
            case StopStep() if command.step.id in self._under_way:
                self._under_way[command.step.id].ask(command.code)
            case AskOperator():
                raise OperatorNeeded(
                    command.reason,
                    where=f"run {self.run}",
                    next_step="find out what happened; then retry, skip or resolve each step, and continue the run",
                )
            case _:
                pass

    def _work(self, state: RunState, step_id: str, *, reattached: bool = False, undo: bool = False) -> None:
        stands = state.progress.undos[step_id] if undo else state.steps[step_id]
        task = Task(
            step=self.plan.by_id[step_id],
            attempt=stands.attempt,
            ident=stands.ident or "",
            started=stands.started or self.clock.now(),
            reattached=reattached,
            undo=undo,
        )
        halt = self._under_way[step_id] = Halt()

        def work() -> None:
            outcome = self._performer.perform(task, halt)
            if outcome is not None:
                self._outcomes.put((halt, outcome))

        self._workers.start(work)

    def _ended_steps(self, state: RunState) -> list[Body]:
        """Outcomes that came in; waits up to ``poll_s`` for the first."""
        what = None if self._under_way or self.inbox is not None else _nobody_can_answer(state)
        if what is not None:
            step = "resume, approve, sign off or commit, and continue the run"
            raise OperatorNeeded(what, where=f"run {self.run}", next_step=step)
        bodies: list[Body] = []
        try:
            found = self._outcomes.get(timeout=self.poll_s)
            while True:
                halt, outcome = found
                if self._under_way.get(outcome.step) is halt:
                    del self._under_way[outcome.step]
                    bodies.append(outcome)
                found = self._outcomes.get_nowait()
        except queue.Empty:
            if not bodies:
                self._looked = float("-inf")
            return bodies

    def _requested(self, state: RunState) -> list[Body]:
        """The next request of a person that can be honoured; those before it that cannot are settled with the reason.

        One at a time: whether the next one can be honoured depends on this one. Each request is settled in the journal
        together with its effect, so that it has that effect once, wherever a driver dies.
        """
        now = self.clock.now()
        if self.inbox is None or now.mono - self._looked < self.poll_s:
            return []
        self._looked = now.mono
        bodies: list[Body] = []
        for request in self.inbox.pending(self.run):
            if request.id in state.head.settled:
                continue
            problem = self._problem(state, request)
            if problem is None:
                self._looked = float("-inf")
                return [*bodies, request.body, RequestSettled(request=request.id, problem="")]
            LOG.warning("run %s: %s refused: %s", self.run, type(request.body).__name__, problem)
            if state.ended is None:
                bodies.append(RequestSettled(request=request.id, problem=problem))
            else:
                self.inbox.settle(self.run, [request.id], at=now)
        return bodies

    def _problem(self, state: RunState, request: OperatorRequest) -> str | None:
        problem = problem_with(state, request.body, request.asked)
        if problem is not None:
            return problem.reason
        # A run that has ended holds its protection groups no more; another one may have taken them since.
        taken = group_taken(self.plan, self.open_groups()) if state.ended is not None else None
        return None if taken is None else taken.reason

    def _commit(self, recorder: Recorder) -> None:
        for event in recorder.commit():
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if self.on_event is None:
            return
        try:
            self.on_event(event)
        except Exception:  # a broken display must not stop a recovery
            LOG.exception("run %s: an observer of events failed", self.run)

    def _refused(self, refusal: Refusal) -> InterlockRefused:
        inputs = redact_facts({**refusal.inputs, "next_step": refusal.next_step}, self.secrets)
        return InterlockRefused(interlock=refusal.interlock, reason=refusal.reason, inputs=inputs)


def _nobody_can_answer(state: RunState) -> str | None:
    """What only a person could settle, where no inbox would ever tell; None when the driver may wait."""
    head = state.head
    if head.paused:
        return "the run is paused"
    if head.started_at is None:
        return "the run waits for its approval"
    by_hand = sorted(state.progress.sets[StepStatus.RUNNING] & state.plan.manual)
    if by_hand:
        return f"the run waits for the sign-off of {by_hand[0]}"
    waits_on = head.agreed is not None and head.agreed.then is AfterDeadline.NONE
    return "the run waits to be committed" if head.commit_due_at and not head.committed and waits_on else None
