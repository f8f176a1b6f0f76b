"""Performing one step in a worker thread: through the executor or the observer, never through the journal."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

from drorch.core.clock import Clock, Instant
from drorch.core.redact import redact_facts, redact_text
from drorch.plan.model import Act, PlaybookAct, Step
from drorch.run.events import StepFailed, StepSucceeded, StepUnknown, UndoFailed, UndoSucceeded
from drorch.run.ports import Executor, Observer, PlaybookRequest, PlaybookResult, PlaybookStatus
from drorch.run.verdict import PlaybookCode, judge_playbook

LOG = logging.getLogger(__name__)
SLICE_S = 0.25
"""How long a worker waits for a playbook before it looks whether it should end it."""
STOP_WAIT_S = 10.0
"""How long a stopped playbook may take to leave its result."""

Outcome = StepSucceeded | StepFailed | StepUnknown | UndoSucceeded | UndoFailed


class Halt:
    """How the driver tells a worker to end its step, or to leave it alone.

    The driver alone writes, the worker looks from time to time: plain attributes do, one per step and no lock.
    """

    __slots__ = ("asked", "code", "left")

    def __init__(self) -> None:
        self.asked = False
        """Whether the step has to end."""
        self.left = False
        """Whether the driver is gone: touch nothing any more, the playbook goes on without it."""
        self.code = PlaybookCode.STOPPED

    def ask(self, code: PlaybookCode) -> None:
        """End the step, for the reason ``code``. The first reason counts."""
        if not self.asked:
            self.code = code
            self.asked = True

    def leave(self) -> None:
        """The driver goes."""
        self.left = True


@dataclass(frozen=True, kw_only=True)
class Task:
    """One attempt at a step that is in the journal as started."""

    step: Step
    attempt: int
    ident: str
    started: Instant
    reattached: bool = False
    """True: it was launched by a driver that is gone; it must not be launched again."""
    undo: bool = False
    """True: perform the step's undo act instead."""

    @property
    def act(self) -> Act | None:
        """What is to be performed."""
        return self.step.undo if self.undo else self.step.act


@dataclass(frozen=True, kw_only=True)
class Performer:
    """Performs tasks. Every way out is an outcome; None only when the driver left."""

    run: str
    executor: Executor
    observer: Observer
    clock: Clock
    secrets: Collection[str] = ()

    def perform(self, task: Task, halt: Halt) -> Outcome | None:
        """Do it and say how it ended. Never raises."""
        try:
            outcome = self._playbook(task, task.act, halt) if isinstance(task.act, PlaybookAct) else self._proof(task)
        except BaseException as error:  # a worker thread has nobody above it who could handle anything
            outcome = self._broken(task, halt, error)
        return _of_undo(outcome) if task.undo else outcome

    def _playbook(self, task: Task, act: PlaybookAct, halt: Halt) -> Outcome | None:
        if not task.reattached:
            if halt.left:
                return None
            self.executor.launch(
                PlaybookRequest(run=self.run, ident=task.ident, act=act, timeout_s=task.step.timeout_s)
            )
        while not (halt.asked or halt.left):
            result = self._looked_for(task)
            if result is not None:
                return self._judged(task, act, result)
        if halt.left:
            return None
        self.executor.stop(self.run, task.ident)
        result = self.executor.wait(self.run, task.ident, STOP_WAIT_S)
        if result is not None and result.status is PlaybookStatus.ENDED:
            return self._judged(task, act, result)  # it ended by itself just before it was stopped
        reason = f"{act.playbook} did not end within {task.step.timeout_s:g} s and was ended"
        if halt.code is PlaybookCode.STOPPED:
            reason = f"{act.playbook} was stopped"
        if result is None:
            reason += f"; it left no result within {STOP_WAIT_S:g} s"
        return StepFailed(step=task.step.id, attempt=task.attempt, code=halt.code, reason=reason)

    def _looked_for(self, task: Task) -> PlaybookResult | None:
        """The result if there is one. A machine that cannot look just now says nothing about the playbook: it goes on,
        and is looked for again until its own time limit."""
        try:
            return self.executor.wait(self.run, task.ident, SLICE_S)
        except OSError as error:
            LOG.warning("run %s: %s cannot be looked at (%s); it goes on", self.run, task.ident, error.strerror)
            self.clock.sleep(SLICE_S)
            return None

    def _judged(self, task: Task, act: PlaybookAct, result: PlaybookResult) -> Outcome:
        step, attempt = task.step.id, task.attempt
        verdict = judge_playbook(act, result)
        reason = redact_text(verdict.reason, self.secrets)
        facts = redact_facts(result.facts, self.secrets)
        if verdict.code is None:
            return StepSucceeded(step=step, attempt=attempt, facts=facts)
        if verdict.code is PlaybookCode.LOST:
            return StepUnknown(step=step, attempt=attempt, reason=reason)
        hosts = {
            "rc": result.rc,
            "processed": sorted(result.processed),
            "dark": sorted(result.dark),
            "failures": sorted(result.failures),
            "ignored": sorted(result.ignored),
        }
        return StepFailed(
            step=step, attempt=attempt, code=verdict.code, reason=reason, facts={**facts, "playbook": hosts}
        )

    def _proof(self, task: Task) -> Outcome:
        step, attempt = task.step.id, task.attempt
        proof = self.observer.prove(task.step.act, since=task.started, deadline_s=task.step.timeout_s)
        facts = redact_facts(proof.facts, self.secrets)
        if proof.holds:
            return StepSucceeded(step=step, attempt=attempt, facts=facts)
        reason = redact_text(proof.reason, self.secrets) or "it could not be proved"
        return StepFailed(step=step, attempt=attempt, code=proof.code or "not-proved", reason=reason, facts=facts)

    def _broken(self, task: Task, halt: Halt, error: BaseException) -> Outcome | None:
        if halt.left:
            return None
        reason = redact_text(f"{type(error).__name__}: {error}", self.secrets)
        if isinstance(task.act, PlaybookAct):
            try:  # what may have been started must not go on behind the back of the steps that follow
                self.executor.stop(self.run, task.ident)
            except Exception as second:
                reason += redact_text(f"; and it could not be stopped: {second}", self.secrets)
                return StepUnknown(step=task.step.id, attempt=task.attempt, reason=reason)
        return StepFailed(step=task.step.id, attempt=task.attempt, code="broken", reason=reason)


def _of_undo(outcome: Outcome | None) -> Outcome | None:
    """The same outcome, said of the undoing. What nobody can tell is not undone."""
    match outcome:
        case StepSucceeded():
            return UndoSucceeded(step=outcome.step, attempt=outcome.attempt, facts=outcome.facts)
        case StepFailed():
            return UndoFailed(
                step=outcome.step,
                attempt=outcome.attempt,
                code=outcome.code,
                reason=outcome.reason,
                facts=outcome.facts,
            )
        case StepUnknown():
            return UndoFailed(step=outcome.step, attempt=outcome.attempt, code="unknown", reason=outcome.reason)
        case _:
            return outcome
