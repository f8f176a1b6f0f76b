"""What to do next: a pure function of plan, state and time. The driver performs what comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from drorch.core.clock import Instant
from drorch.plan.model import ManualAct, Plan, PlaybookAct, Repeat, Step, WitnessAct
from drorch.run.backwards import cleaning_steps, left_to_clean, ready_undos, to_clean_up, undo_order
from drorch.run.commit_policy import commit_overdue
from drorch.run.events import AfterDeadline, RunOutcome
from drorch.run.idents import attempt_ident, undo_ident
from drorch.run.interlocks import waited_s, witness_refusal
from drorch.run.progress import StepStatus, UndoState, UndoStatus
from drorch.run.refusal import Refusal
from drorch.run.state import RunState
from drorch.run.verdict import PlaybookCode

PROOFS_AT_ONCE = 64
"""Proofs only look, so the plan's limits do not count them; this keeps the number of threads within reason."""
ATTEMPTS_WITHOUT_PERSON = 3
"""A safe step that is lost again and again is a question for a person."""


@dataclass(frozen=True, kw_only=True)
class Perform:
    """Start a step."""

    step: Step
    attempt: int
    ident: str


@dataclass(frozen=True, kw_only=True)
class PerformUndo:
    """Start the undo act of a step."""

    step: Step
    attempt: int
    ident: str


@dataclass(frozen=True, kw_only=True)
class StopStep:
    """End a step, or its undoing, under way; ``code`` says why (``timed-out`` or ``stopped``)."""

    step: Step
    attempt: int
    code: PlaybookCode


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """Let a lost step that is declared safe be performed again."""

    step: Step
    reason: str


@dataclass(frozen=True, kw_only=True)
class AskOperator:
    """Nothing more can be done before a person decides about these steps."""

    steps: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class EndRun:
    """The run is over."""

    outcome: RunOutcome
    reason: str
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AwaitCommit:
    """Every step is done: from now on the run waits to be committed."""


@dataclass(frozen=True, kw_only=True)
class CommitRun:
    """Nobody decided in time: take what was done as final, as agreed."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class UndoRun:
    """Nobody decided in time: undo these steps, as agreed."""

    steps: tuple[str, ...]
    reason: str


Command = Perform | PerformUndo | StopStep | Repeated | AskOperator | EndRun | AwaitCommit | CommitRun | UndoRun


def decide(plan: Plan, state: RunState, now: Instant) -> tuple[Command, ...]:
    """The commands for this moment, the same for the same arguments. Asking again before acting changes nothing."""
    if state.ended is not None or (state.head.started_at is None and state.head.stop is None):
        return ()
    refusals = _refusals(state)
    if refusals:
        reason = "; ".join(refusal.reason for refusal in refusals)
        ends = _each_once(*_late(state, now), *_by_hand(state))
        return ends or _once_idle(state, EndRun(outcome=RunOutcome.REFUSED, reason=reason, refusals=refusals))
    if state.head.stop is not None:
        stop = state.head.stop
        reason = f"{stop.person} stopped it: {stop.reason}"
        return _stops(state) or _once_idle(state, EndRun(outcome=RunOutcome.STOPPED, reason=reason))
    late = _late(state, now)
    if state.head.cleaning is not None:
        late = _each_once(*late, *_ends_before_cleaning(state))
    if state.head.paused is not None:
        return late
    if state.head.undo is not None:
        return (*late, *(_undos(plan, state) or _undone(state)))
    repeats = _repeats(state)
    if repeats:
        return (*late, *repeats)
    starts = _starts(plan, state)
    if starts or state.progress.sets[StepStatus.RUNNING]:
        return (*late, *starts)
    if state.complete and state.head.agreed is not None and state.head.committed is None:
        return _commit(state, now)
    return (_nothing_left(state),)


def _commit(state: RunState, now: Instant) -> tuple[Command, ...]:
    agreed = state.head.agreed
    if state.head.commit_due_at is None:
        return (AwaitCommit(),)
    if agreed is None or not commit_overdue(state.head, now):
        return ()
    reason = f"nobody decided within {agreed.within_s} s; agreed by {agreed.person}: {agreed.reason}"
    if agreed.then is AfterDeadline.UNDO:
        return (UndoRun(steps=undo_order(state.progress), reason=reason),)
    return (CommitRun(reason=reason),)


def _running(state: RunState) -> list[Step]:
    return [state.plan.by_id[step] for step in sorted(state.progress.sets[StepStatus.RUNNING])]


def _once_idle(state: RunState, end: EndRun) -> tuple[Command, ...]:
    busy = state.progress.sets[StepStatus.RUNNING] or state.progress.undoing(UndoStatus.RUNNING)
    return () if busy else (end,)


def _undos(plan: Plan, state: RunState) -> tuple[Command, ...]:
    per_site = Counter(plan.by_id[step].site for step in state.progress.undoing(UndoStatus.RUNNING))
    chosen: list[Command] = []
    for step_id in ready_undos(state.progress):
        step = plan.by_id[step_id]
        if per_site.total() < plan.limits.total and per_site[step.site] < plan.limits.per_site:
            per_site[step.site] += 1
            attempt = state.progress.undos[step_id].attempt + 1
            chosen.append(PerformUndo(step=step, attempt=attempt, ident=undo_ident(step_id, attempt)))
    return tuple(chosen)


def _undone(state: RunState) -> tuple[Command, ...]:
    failed = state.progress.undoing(UndoStatus.FAILED)
    left = state.progress.undoing(UndoStatus.ASKED)
    if not failed and not left:
        return _once_idle(state, EndRun(outcome=RunOutcome.UNDONE, reason="everything asked for is undone"))
    reason = f"not undone: {', '.join(failed)}"
    if left:
        reason += f"; left as they are because of that: {', '.join(left)}"
    return _once_idle(state, EndRun(outcome=RunOutcome.UNDO_FAILED, reason=reason))


def _ends_before_cleaning(state: RunState) -> tuple[StopStep, ...]:
    cleaning = cleaning_steps(state.progress)
    return tuple(command for command in _stops(state) if command.step.id not in cleaning)


def _refusals(state: RunState) -> tuple[Refusal, ...]:
    failed = (state.plan.by_id[step] for step in sorted(state.progress.sets[StepStatus.FAILED]))
    return tuple(witness_refusal(step, state.steps[step.id]) for step in failed if isinstance(step.act, WitnessAct))


def _each_once(*stops: StopStep) -> tuple[StopStep, ...]:
    """The first reason to end a step counts: what a person does by hand ends at once, and only once."""
    return tuple({stop.step.id: stop for stop in reversed(stops)}.values())[::-1]


def _by_hand(state: RunState) -> tuple[StopStep, ...]:
    """Nobody has to do by hand any more what a refused run was waiting for."""
    return tuple(command for command in _stops(state) if isinstance(command.step.act, ManualAct))


def _stops(state: RunState) -> tuple[StopStep, ...]:
    steps = [(step, state.steps[step.id].attempt) for step in _running(state)]
    undos = [(state.plan.by_id[step], undo.attempt) for step, undo in _running_undos(state)]
    return tuple(StopStep(step=step, attempt=attempt, code=PlaybookCode.STOPPED) for step, attempt in steps + undos)


def _running_undos(state: RunState) -> list[tuple[str, UndoState]]:
    return [(step, state.progress.undos[step]) for step in state.progress.undoing(UndoStatus.RUNNING)]


def _late(state: RunState, now: Instant) -> tuple[StopStep, ...]:
    # A proof keeps its own deadline (see the Observer port); playbooks and people have to be ended from outside.
    found: list[StopStep] = []
    for step_id, undo in _running_undos(state):
        step = state.plan.by_id[step_id]
        if undo.started is not None and now.since(undo.started) >= step.timeout_s:
            found.append(StopStep(step=step, attempt=undo.attempt, code=PlaybookCode.TIMED_OUT))
    for step in _running(state):
        started = state.steps[step.id].started
        if started is None or not isinstance(step.act, PlaybookAct | ManualAct):
            continue
        # People's deadlines are hours: they hold across a restart of the machine as well.
        waited = waited_s(started, now) if isinstance(step.act, ManualAct) else now.since(started)
        if waited >= step.timeout_s:
            found.append(StopStep(step=step, attempt=state.steps[step.id].attempt, code=PlaybookCode.TIMED_OUT))
    return tuple(found)


def _repeats(state: RunState) -> tuple[Command, ...]:
    found: list[Command] = []
    for step_id in sorted(state.progress.sets[StepStatus.UNKNOWN]):
        step, stands = state.plan.by_id[step_id], state.steps[step_id]
        # What was cleaned up by hand meanwhile must not be made again.
        late = state.progress.overtaken_by(step_id) is not None
        if step.repeat is Repeat.SAFE and stands.attempt < ATTEMPTS_WITHOUT_PERSON and not late:
            found.append(Repeated(step=step, reason=f"safe to repeat; attempt {stands.attempt}: {stands.reason}"))
    return tuple(found)


def _starts(plan: Plan, state: RunState) -> tuple[Command, ...]:
    running = _running(state)
    per_site = Counter(step.site for step in running if isinstance(step.act, PlaybookAct))
    free = plan.limits.total - per_site.total()
    chosen: list[Step] = []
    if free > 0:
        for step in state.progress.ready_playbooks():
            if per_site[step.site] < plan.limits.per_site:
                per_site[step.site] += 1
                chosen.append(step)
                if len(chosen) == free:
                    break
    proofs = PROOFS_AT_ONCE - sum(not isinstance(step.act, PlaybookAct | ManualAct) for step in running)
    chosen.extend(step for _, step in zip(range(proofs), state.progress.ready_proofs(), strict=False))
    chosen.extend(state.progress.ready_manual())  # no limit: people take up no machine
    return tuple(_perform(step, state.steps[step.id].attempt + 1) for step in chosen)


def _perform(step: Step, attempt: int) -> Perform:
    return Perform(step=step, attempt=attempt, ident=attempt_ident(step.id, attempt))


def _nothing_left(state: RunState) -> Command:
    unknown = tuple(sorted(state.progress.sets[StepStatus.UNKNOWN]))
    if unknown:
        return AskOperator(steps=unknown, reason="started, and nobody can tell how it ended: " + ", ".join(unknown))
    if state.head.cleaning is not None and not (state.head.completed and state.complete):
        return _cleaned(state)
    if state.complete:
        return EndRun(outcome=RunOutcome.COMPLETED, reason="every step is done, skipped or done by hand")
    failed = ", ".join(sorted(state.progress.sets[StepStatus.FAILED])) or "nothing"
    return EndRun(
        outcome=RunOutcome.INCOMPLETE,
        reason=f"failed: {failed}; not reached: {len(state.with_status(StepStatus.WAITING))} steps",
    )


def _cleaned(state: RunState) -> Command:
    left = left_to_clean(state.progress, to_clean_up(state.progress))
    if left:
        return EndRun(outcome=RunOutcome.INCOMPLETE, reason="not cleaned up: " + ", ".join(left))
    return EndRun(outcome=RunOutcome.CLEANED, reason="what the drill had made is removed")
