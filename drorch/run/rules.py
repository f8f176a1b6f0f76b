"""Which event may follow which: the law of the journal, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from drorch.core.clock import Instant
from drorch.plan.model import WitnessAct
from drorch.run.events import (
    Approved,
    Body,
    Declared,
    DriverAttached,
    InterlockRefused,
    Paused,
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
)
from drorch.run.idents import attempt_ident
from drorch.run.progress import SATISFIED, Progress, StepStatus

StepBody = StepStarted | StepSucceeded | StepFailed | StepUnknown | RetryRequested | StepSkipped | StepResolved
"""Bodies about one step."""


@dataclass(frozen=True, kw_only=True)
class RunHead:
    """What the events say about the run as a whole."""

    created: RunCreated | None = None
    approvals: tuple[Approved, ...] = ()
    declared: Declared | None = None
    declared_at: Instant | None = None
    started_at: Instant | None = None
    refusals: tuple[InterlockRefused, ...] = ()
    paused: Paused | None = None
    """The pause in force."""
    stop: StopRequested | None = None
    drivers: tuple[DriverAttached, ...] = ()
    ended: RunEnded | None = None


def objection_to(head: RunHead, progress: Progress, body: Body) -> str | None:
    """Why ``body`` cannot come next; None when it can."""
    if isinstance(body, RunCreated):
        return None if head.created is None else "the run was created before"
    if head.created is None:
        return "the run was not created"
    if head.ended is not None and not _reopens(head.ended, body):
        return f"the run has ended ({head.ended.outcome})"
    if isinstance(body, StepBody) and body.step not in progress.steps:
        return f"the plan has no step {body.step}"
    return _RULES[type(body)](head, progress, body)


def _reopens(ended: RunEnded, body: Body) -> bool:
    decision = isinstance(body, RetryRequested | StepSkipped | StepResolved)
    return decision and ended.outcome is RunOutcome.INCOMPLETE


def _before_start(head: RunHead, _: Progress, __: Body) -> str | None:
    return None if head.started_at is None else "the run has started"


def _once_started(head: RunHead, _: Progress, __: Body) -> str | None:
    return "the run has started before" if head.started_at else "an interlock refused" if head.refusals else None


def _always(_: RunHead, __: Progress, ___: Body) -> str | None:
    return None


def _pause(head: RunHead, _: Progress, __: Paused) -> str | None:
    return "the run is paused already" if head.paused else "the run is being stopped" if head.stop else None


def _resume(head: RunHead, _: Progress, __: Resumed) -> str | None:
    return None if head.paused else "the run is not paused"


def _stop(head: RunHead, _: Progress, __: StopRequested) -> str | None:
    return "the run is being stopped already" if head.stop else None


def _end(_: RunHead, progress: Progress, body: RunEnded) -> str | None:
    running = progress.sets[StepStatus.RUNNING]
    if running:
        return f"{min(running)} is under way"
    if body.outcome is RunOutcome.COMPLETED and any(state.status not in SATISFIED for state in progress.steps.values()):
        return "not every step is done"
    return None


def _step_start(head: RunHead, progress: Progress, body: StepStarted) -> str | None:
    if head.started_at is None:
        return "the run has not started"
    if head.stop or head.paused or head.refusals:
        return "no step may start: the run is stopped, paused or refused"
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
    status = progress.steps[body.step].status
    if status not in {StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.WAITING}:
        return f"{body.step} is {status}"
    if isinstance(progress.index.steps[progress.index.rank[body.step]].act, WitnessAct):
        return f"{body.step} is an interlock: two sites must see the loss themselves"
    return _decision(head, progress, body)


def _decision(head: RunHead, progress: Progress, body: RetryRequested | StepSkipped | StepResolved) -> str | None:
    if head.stop:
        return "the run is being stopped"
    overtaker = progress.overtaken_by(body.step)
    return None if overtaker is None else f"{overtaker} has started since; make a new run"


_RULES: Final[Mapping[type[Any], Callable[[RunHead, Progress, Any], str | None]]] = MappingProxyType(
    {
        Approved: _before_start,
        Declared: _before_start,
        RunStarted: _once_started,
        InterlockRefused: _always,
        Paused: _pause,
        Resumed: _resume,
        StopRequested: _stop,
        DriverAttached: _always,
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
