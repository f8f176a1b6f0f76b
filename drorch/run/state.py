"""The state of a run: the fold of its events. An event that cannot follow the ones before it raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from drorch.core.clock import Instant
from drorch.core.errors import Broken
from drorch.plan.model import Plan, Step
from drorch.run.backwards import begin_clean_up, cleaned_up
from drorch.run.events import (
    ApprovalAwaited,
    Approved,
    Body,
    CleanUpRequested,
    CommitAgreed,
    CommitDue,
    Committed,
    Declared,
    DriverAttached,
    Event,
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
    UndoFailed,
    UndoRequested,
    UndoStarted,
    UndoSucceeded,
)
from drorch.run.progress import SATISFIED, PlanIndex, Progress, StepState, StepStatus, UndoState, UndoStatus
from drorch.run.rules import RunHead, StepBody, UndoBody, objection_to

__all__ = ["IllegalEvent", "RunState", "StepState", "StepStatus", "advance", "fold", "objection"]


class IllegalEvent(Broken):
    """The journal holds an event that cannot follow the ones before it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunState:
    """How a run stands after ``seq`` events. Immutable; :func:`advance` makes the next one."""

    plan: Plan = field(repr=False)
    run: str = ""
    seq: int = 0
    chain: str = ""
    """Chain value of the last event; empty while that is not written."""
    at: Instant | None = None
    """Instant of the last event."""
    head: RunHead = field(default_factory=RunHead)
    """What the events say about the run as a whole."""
    progress: Progress = field(repr=False)
    """For ``decide`` and :func:`advance` only; not to be changed."""

    @property
    def steps(self) -> Mapping[str, StepState]:
        """Each step's state by id, in no particular order."""
        return MappingProxyType(self.progress.steps)

    @property
    def ended(self) -> RunEnded | None:
        """How the run ended; None while it is open."""
        return self.head.ended

    def with_status(self, *wanted: StepStatus) -> tuple[Step, ...]:
        """Steps that stand so, in plan order."""
        return tuple(step for step in self.plan.steps if self.progress.steps[step.id].status in wanted)

    @cached_property
    def blocked(self) -> Mapping[str, tuple[str, ...]]:
        """For each waiting step that cannot be reached: the failed and unknown steps that are the cause."""
        causes: dict[str, frozenset[str]] = {}
        for step in self.plan.steps:
            status = self.progress.steps[step.id].status
            if status in {StepStatus.FAILED, StepStatus.UNKNOWN}:
                causes[step.id] = frozenset({step.id})
            elif status is StepStatus.WAITING:
                found = frozenset[str]().union(*(causes.get(needed, frozenset()) for needed in step.needs))
                if found:
                    causes[step.id] = found
        return MappingProxyType(
            {
                step: tuple(sorted(found))
                for step, found in causes.items()
                if self.progress.steps[step].status is StepStatus.WAITING
            }
        )

    @property
    def complete(self) -> bool:
        """Every step is done, skipped or done by hand."""
        return all(state.status in SATISFIED for state in self.progress.steps.values())


def fold(plan: Plan, events: Iterable[Event]) -> RunState:
    """The state after all ``events`` of a run, from its first. IllegalEvent when one cannot follow."""
    return advance(RunState(plan=plan, progress=Progress(PlanIndex.of(plan))), events)


def advance(state: RunState, events: Iterable[Event]) -> RunState:
    """The state after ``events`` that come behind ``state``, which stays as it is. IllegalEvent as in :func:`fold`."""
    progress, head = state.progress.copy(), state.head
    run, seq, chain, at = state.run, state.seq, state.chain, state.at
    for event in events:
        run = run or event.run
        if event.run != run or event.seq != seq + 1:
            raise _illegal(event, f"event {seq + 1} of the run {run} was expected")
        problem = objection_to(head, progress, event.body)
        if problem is not None:
            raise _illegal(event, problem)
        if isinstance(event.body, StepBody):
            stands = _step_after(progress.steps[event.body.step], event.body, event.at)
            progress.put(
                event.body.step, stands if head.cleaning is None else cleaned_up(progress, event.body.step, stands)
            )
        else:
            _backwards(progress, event.body, event.at)
        if not isinstance(event.body, StepStarted | StepSucceeded | StepFailed | StepUnknown | UndoBody):
            head = _head_after(head, event.body, event.at)
        seq, chain, at = event.seq, event.chain, event.at
    return RunState(plan=state.plan, run=run, seq=seq, chain=chain, at=at, head=head, progress=progress)


def head_of(events: Iterable[Event]) -> RunHead:
    """What ``events`` say about their run as a whole, for whoever has not its plan. Nothing is checked."""
    head = RunHead()
    for event in events:
        head = _head_after(head, event.body, event.at)
    return head


def objection(state: RunState, body: Body) -> str | None:
    """Why ``body`` cannot come next, for people; None when it can."""
    return objection_to(state.head, state.progress, body)


def _illegal(event: Event, problem: str) -> IllegalEvent:
    return IllegalEvent(
        f"{type(event.body).__name__} cannot stand here: {problem}",
        where=f"run {event.run} event {event.seq}",
        next_step="keep the journal as it is and compare it with its exported copy; do not continue this run",
    )


def _step_after(old: StepState, body: StepBody, at: Instant) -> StepState:
    if isinstance(body, StepStarted):
        return StepState(status=StepStatus.RUNNING, attempt=body.attempt, ident=body.ident, started=at)
    if isinstance(body, StepSucceeded):
        # Behind its start (the rules see to that) a step has no more than this; `replace` takes three times as long.
        return StepState(
            status=StepStatus.DONE,
            attempt=old.attempt,
            ident=old.ident,
            started=old.started,
            ended=at,
            facts=body.facts,
        )
    if isinstance(body, StepFailed):
        return replace(old, status=StepStatus.FAILED, ended=at, code=body.code, reason=body.reason, facts=body.facts)
    if isinstance(body, StepUnknown):
        return replace(old, status=StepStatus.UNKNOWN, ended=at, reason=body.reason)
    if isinstance(body, RetryRequested):
        return replace(old, status=StepStatus.WAITING)
    by_hand = isinstance(body, StepResolved)
    status = StepStatus.BY_HAND if by_hand else StepStatus.SKIPPED
    return replace(old, status=status, ended=at, reason=body.reason, person=body.person)


def _backwards(progress: Progress, body: Body, at: Instant) -> None:
    if isinstance(body, CleanUpRequested):
        begin_clean_up(progress, body)
    elif isinstance(body, UndoRequested):
        for step in body.steps:
            before = progress.undos.get(step, UndoState())
            progress.undos[step] = replace(before, status=UndoStatus.ASKED, code="", reason="")
    elif isinstance(body, UndoBody):
        progress.undos[body.step] = _undo_after(progress.undos[body.step], body, at)
        if isinstance(body, UndoSucceeded):
            progress.put(body.step, replace(progress.steps[body.step], status=StepStatus.UNDONE))


def _undo_after(old: UndoState, body: UndoBody, at: Instant) -> UndoState:
    if isinstance(body, UndoStarted):
        return UndoState(status=UndoStatus.RUNNING, attempt=body.attempt, ident=body.ident, started=at)
    if isinstance(body, UndoFailed):
        return replace(old, status=UndoStatus.FAILED, ended=at, code=body.code, reason=body.reason)
    return replace(old, status=UndoStatus.DONE, ended=at)


_KEPT: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        RunCreated: "created",
        ApprovalAwaited: "awaited",
        CommitAgreed: "agreed",
        Committed: "committed",
        Declared: "declared",
        Paused: "paused",
        StopRequested: "stop",
        RunEnded: "ended",
        UndoRequested: "undo",
        CleanUpRequested: "cleaning",
    }
)
_STAMPED: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        Declared: "declared_at",
        ApprovalAwaited: "awaited_at",
        RunStarted: "started_at",
        CommitDue: "commit_due_at",
    }
)
_COLLECTED: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        Approved: "approvals",
        InterlockOverridden: "overrides",
        InterlockRefused: "refusals",
        DriverAttached: "drivers",
    }
)


def _head_after(head: RunHead, body: Body, at: Instant) -> RunHead:
    kind = type(body)
    changes: dict[str, Any] = {}
    if kind in _KEPT:
        changes[_KEPT[kind]] = body
    elif kind in _COLLECTED:
        changes[_COLLECTED[kind]] = (*getattr(head, _COLLECTED[kind]), body)
    changes |= _head_changes(head, body, at)
    return replace(head, **changes)


def _head_changes(head: RunHead, body: Body, at: Instant) -> dict[str, Any]:
    """What an event changes in the head besides leaving itself there."""
    match body:
        case Declared() | ApprovalAwaited() | RunStarted() | CommitDue():
            return {_STAMPED[type(body)]: at}
        case Resumed():
            return {"paused": None}
        case RequestSettled():
            return {"settled": head.settled | {body.request}}
        case RunEnded():
            return {"completed": head.completed or body.outcome is RunOutcome.COMPLETED}
        case UndoRequested():
            return {"ended": None, "stop": None, "paused": None, "cleaning": None}
        case CleanUpRequested():
            return {"ended": None, "stop": None, "paused": None, "undo": None}
        case RetryRequested() | StepSkipped() | StepResolved() | InterlockOverridden():
            # A decision about a step takes an incomplete run up again.
            return {"ended": None}
        case _:
            return {}
