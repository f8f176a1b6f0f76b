"""Which event may follow which: the law of the journal, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from drorch.core.clock import Instant
from drorch.plan.model import TWO_PERSONS, ManualAct, Phase, ReplicationAct, WitnessAct
from drorch.run.backwards import (
    clean_up_objection,
    cleaning_steps,
    undo_end_objection,
    undo_objection,
    undo_start_objection,
)
from drorch.run.events import (
    NO_EVIDENCE,
    AfterDeadline,
    ApprovalAwaited,
    Approved,
    Body,
    CleanUpRequested,
    CommitAgreed,
    CommitDue,
    Committed,
    Declared,
    DifferenceAccepted,
    DriverAttached,
    InterlockOverridden,
    InterlockRefused,
    Paused,
    RequestSettled,
    Resumed,
    RetryRequested,
    RunCreated,
    RunEnded,
    RunOutcome,
    RunStarted,
    StepFailed,
    StepResolved,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    StepUnknown,
    StopRequested,
    StoreWaited,
    UndoFailed,
    UndoRequested,
    UndoStarted,
    UndoSucceeded,
)
from drorch.run.idents import attempt_ident
from drorch.run.progress import SATISFIED, Progress, StepStatus, UndoStatus

StepBody = StepStarted | StepSucceeded | StepFailed | StepUnknown | RetryRequested | StepSkipped | StepResolved
"""Bodies about one step."""
UndoBody = UndoStarted | UndoSucceeded | UndoFailed
"""Bodies about undoing one step."""
OVERRIDABLE = frozenset({"window", "capacity", "tier-1", "lag"})
"""Rules whose risk two persons may take. Never: who writes where (fencing, witness), and who approved."""


@dataclass(frozen=True, kw_only=True)
class RunHead:
    """What the events say about the run as a whole."""

    created: RunCreated | None = None
    approvals: tuple[Approved, ...] = ()
    awaited: ApprovalAwaited | None = None
    """The run waits for its approval instead of being refused without one."""
    awaited_at: Instant | None = None
    agreed: CommitAgreed | None = None
    """The run waits to be committed when it was carried out."""
    commit_due_at: Instant | None = None
    committed: Committed | None = None
    overrides: tuple[InterlockOverridden, ...] = ()
    declared: Declared | None = None
    declared_at: Instant | None = None
    started_at: Instant | None = None
    refusals: tuple[InterlockRefused, ...] = ()
    paused: Paused | None = None
    """The pause in force."""
    stop: StopRequested | None = None
    drivers: tuple[DriverAttached, ...] = ()
    ended: RunEnded | None = None
    undo: UndoRequested | None = None
    """The undoing in force: nothing else of the plan starts any more."""
    cleaning: CleanUpRequested | None = None
    """The clean-up in force: only clean-up steps start."""
    completed: bool = False
    """The plan was carried out to its end, whatever came after."""
    settled: frozenset[int] = frozenset()
    """Numbers of the requests taken out of the inbox."""


def objection_to(head: RunHead, progress: Progress, body: Body) -> str | None:
    """Why ``body`` cannot come next; None when it can."""
    if isinstance(body, RunCreated):
        return None if head.created is None else "the run was created before"
    if head.created is None:
        return "the run was not created"
    if (
        head.ended is not None
        and not isinstance(body, DifferenceAccepted | StoreWaited)
        and not _reopens(head.ended, body)
    ):
        return f"the run has ended ({head.ended.outcome})"
    if isinstance(body, StepBody | UndoBody) and body.step not in progress.steps:
        return f"the plan has no step {body.step}"
    return _RULES[type(body)](head, progress, body)


def _reopens(ended: RunEnded, body: Body) -> bool:
    if isinstance(body, UndoRequested | CleanUpRequested):
        return ended.outcome is not RunOutcome.REFUSED
    # An override too: people see what the rule refuses when it has spoken, and then the run has ended.
    decision = isinstance(body, RetryRequested | StepSkipped | StepResolved | InterlockOverridden)
    return decision and ended.outcome is RunOutcome.INCOMPLETE


def _before_start(head: RunHead, _: Progress, __: Body) -> str | None:
    return None if head.started_at is None else "the run has started"


def _awaited(head: RunHead, _: Progress, __: ApprovalAwaited) -> str | None:
    return (
        "the run has started" if head.started_at else "the run waits for its approval already" if head.awaited else None
    )


def _agreed(head: RunHead, _: Progress, body: CommitAgreed) -> str | None:
    if body.then is not AfterDeadline.NONE and body.within_s <= 0:
        return f"to {body.then} by itself the run needs a deadline"
    return "the run has started" if head.started_at else "a commit policy is agreed already" if head.agreed else None


def _commit_due(head: RunHead, progress: Progress, _: CommitDue) -> str | None:
    if head.agreed is None or head.commit_due_at is not None:
        return "no commit is agreed, or it is due already"
    return "not every step is done" if _unfinished(progress) else None


def _committed(head: RunHead, progress: Progress, _: Committed) -> str | None:
    if head.agreed is None:
        return "no commit was agreed: the run ends by itself"
    if head.committed is not None:
        return "the run is committed already"
    if head.undo or head.stop:
        return "the run is being undone or stopped"
    return None if head.commit_due_at and not _unfinished(progress) else "not every step is done"


def _unfinished(progress: Progress) -> bool:
    return any(state.status not in SATISFIED for state in progress.steps.values())


def _override(head: RunHead, progress: Progress, body: InterlockOverridden) -> str | None:
    if body.interlock not in OVERRIDABLE:
        return f"{body.interlock} is never overridden; these may be: {', '.join(sorted(OVERRIDABLE))}"
    if body.step is None:
        return "the run has started" if head.started_at else None
    if body.step not in progress.steps:
        return f"the plan has no step {body.step}"
    if not isinstance(progress.step(body.step).act, ReplicationAct):
        return f"{body.step} does not look at the lag"
    return None


def _undo(head: RunHead, progress: Progress, body: UndoRequested) -> str | None:
    if head.started_at is None:
        return "the run has not started: there is nothing to undo"
    if head.undo and head.ended is None:
        return "an undo is under way already"
    return undo_objection(progress, body)


def _undo_start(head: RunHead, progress: Progress, body: UndoStarted) -> str | None:
    if head.undo is None or head.stop or head.paused:
        return "no undo may start: none was asked for, or the run is stopped or paused"
    return undo_start_objection(progress, body)


def _undo_end(_: RunHead, progress: Progress, body: UndoSucceeded | UndoFailed) -> str | None:
    return undo_end_objection(progress, body)


def _clean_up(head: RunHead, progress: Progress, _: CleanUpRequested) -> str | None:
    if head.started_at is None:
        return "the run has not started: there is nothing to clean up"
    if head.ended is None and (head.cleaning or head.undo):
        return "a clean-up or an undo is under way already"
    return clean_up_objection(progress, head.created.kind if head.created else "")


def _settled(head: RunHead, _: Progress, body: RequestSettled) -> str | None:
    return f"request {body.request} was settled before" if body.request in head.settled else None


def _once_started(head: RunHead, _: Progress, __: Body) -> str | None:
    return "the run has started before" if head.started_at else "an interlock refused" if head.refusals else None


def _difference(head: RunHead, _: Progress, __: DifferenceAccepted) -> str | None:
    if head.started_at is None:
        return "the run has not started: it left nothing different"
    return None if head.ended else "the run has not ended"


def _always(_: RunHead, __: Progress, ___: Body) -> str | None:
    return None


def _pause(head: RunHead, _: Progress, __: Paused) -> str | None:
    return "the run is paused already" if head.paused else "the run is being stopped" if head.stop else None


def _resume(head: RunHead, _: Progress, __: Resumed) -> str | None:
    return None if head.paused else "the run is not paused"


def _stop(head: RunHead, _: Progress, __: StopRequested) -> str | None:
    return "the run is being stopped already" if head.stop else None


def _end(head: RunHead, progress: Progress, body: RunEnded) -> str | None:
    running = [*sorted(progress.sets[StepStatus.RUNNING]), *progress.undoing(UndoStatus.RUNNING)]
    if running:
        return f"{running[0]} is under way"
    if body.outcome is RunOutcome.COMPLETED and _unfinished(progress):
        return "not every step is done"
    if body.outcome is RunOutcome.COMPLETED and head.agreed and not head.committed:
        return "it is not committed"
    return None


def _step_start(head: RunHead, progress: Progress, body: StepStarted) -> str | None:
    if head.started_at is None:
        return "the run has not started"
    if head.stop or head.paused or head.refusals or head.undo:
        return "no step may start: the run is stopped, paused, refused or being undone"
    if not progress.is_ready(body.step):
        return f"{body.step} is not ready ({progress.steps[body.step].status})"
    attempt = progress.steps[body.step].attempt + 1
    if body.attempt != attempt or body.ident != attempt_ident(body.step, attempt):
        return f"the next attempt is {attempt_ident(body.step, attempt)}"
    return None


def _step_end(_: RunHead, progress: Progress, body: StepSucceeded | StepFailed | StepUnknown) -> str | None:
    state = progress.steps[body.step]
    if state.status is not StepStatus.RUNNING:
        return f"{body.step} is not under way ({state.status})"
    return None if state.attempt == body.attempt else f"attempt {state.attempt} is under way, not {body.attempt}"


def _retry(head: RunHead, progress: Progress, body: RetryRequested) -> str | None:
    status = progress.steps[body.step].status
    if status not in {StepStatus.FAILED, StepStatus.UNKNOWN}:
        return f"{body.step} has not failed and is not unknown ({status})"
    return _decision(head, progress, body)


def _accept(head: RunHead, progress: Progress, body: StepSkipped | StepResolved) -> str | None:
    status, step = progress.steps[body.step].status, progress.step(body.step)
    if isinstance(step.act, ManualAct):
        return _accept_by_hand(step.act, status, body) or _decision(head, progress, body)
    if status not in {StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.WAITING}:
        return f"{body.step} is {status}"
    if isinstance(step.act, WitnessAct):
        return f"{body.step} is an interlock: two sites must see the loss themselves"
    taken = any(override.step == body.step for override in head.overrides)
    if isinstance(step.act, ReplicationAct) and step.phase is Phase.CHECK and _needs_two(head) and not taken:
        return f"{body.step} is an interlock: two persons have to override the lag first"
    return _decision(head, progress, body)


def _accept_by_hand(act: ManualAct, status: StepStatus, body: StepSkipped | StepResolved) -> str | None:
    """What a person does by hand is signed off while it is under way, or late; it may be left out before, too."""
    skipped = isinstance(body, StepSkipped)
    if status is StepStatus.WAITING and not skipped:
        return f"{body.step} is not due yet: it is signed off once the run has asked for it"
    if status not in {StepStatus.RUNNING, StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.WAITING}:
        return f"{body.step} is {status}"
    if isinstance(body, StepResolved) and act.evidence_required and body.evidence.strip() in {"", NO_EVIDENCE}:
        return f"{body.step} needs evidence: something that shows that it was done"
    return None


def _needs_two(head: RunHead) -> bool:
    return head.created is not None and head.created.kind in TWO_PERSONS


def _decision(head: RunHead, progress: Progress, body: RetryRequested | StepSkipped | StepResolved) -> str | None:
    if head.stop:
        return "the run is being stopped"
    if head.undo:
        return "the run is being undone"
    if head.cleaning and body.step not in cleaning_steps(progress):
        return "the run is being cleaned up"
    overtaker = progress.overtaken_by(body.step)
    return None if overtaker is None else f"{overtaker} has started since; make a new run"


_RULES: Final[Mapping[type[Any], Callable[[RunHead, Progress, Any], str | None]]] = MappingProxyType(
    {
        Approved: _before_start,
        Declared: _before_start,
        ApprovalAwaited: _awaited,
        CommitAgreed: _agreed,
        CommitDue: _commit_due,
        Committed: _committed,
        InterlockOverridden: _override,
        UndoRequested: _undo,
        UndoStarted: _undo_start,
        UndoSucceeded: _undo_end,
        UndoFailed: _undo_end,
        CleanUpRequested: _clean_up,
        RequestSettled: _settled,
        RunStarted: _once_started,
        InterlockRefused: _always,
        Paused: _pause,
        Resumed: _resume,
        StopRequested: _stop,
        DriverAttached: _always,
        StoreWaited: _always,
        DifferenceAccepted: _difference,
        RunEnded: _end,
        StepStarted: _step_start,
        StepSucceeded: _step_end,
        StepFailed: _step_end,
        StepUnknown: _step_end,
        RetryRequested: _retry,
        StepSkipped: _accept,
        StepResolved: _accept,
    }
)
