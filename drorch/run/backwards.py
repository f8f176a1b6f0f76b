"""Going backwards, as pure functions: which steps can be undone and in what order, and what a drill has to clean up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from drorch.plan.model import Kind
from drorch.run.events import CleanUpRequested, UndoFailed, UndoRequested, UndoStarted, UndoSucceeded
from drorch.run.idents import undo_ident
from drorch.run.progress import SATISFIED, Progress, StepState, StepStatus, UndoStatus

_TOUCHED = frozenset({StepStatus.DONE, StepStatus.FAILED, StepStatus.UNKNOWN})


def not_undoable(progress: Progress, step_id: str) -> str | None:
    """Why the step cannot be undone; None when it can. What failed half-way can be: something may have been done."""
    if step_id not in progress.steps:
        return f"the plan has no step {step_id}"
    stands = progress.steps[step_id]
    if stands.status is StepStatus.UNDONE:
        return f"{step_id} is undone already"
    if stands.status not in _TOUCHED or not stands.attempt:
        return f"{step_id} is {stands.status}: drorch did nothing there"
    if progress.step(step_id).undo is None:
        return f"the plan declares no undo for {step_id}"
    if any(progress.steps[follower].status is StepStatus.DONE for follower in progress.index.followed_by[step_id]):
        return f"{step_id} has been cleaned up"
    return None


def undo_order(progress: Progress) -> tuple[str, ...]:
    """All steps that can be undone, dependents before what they depend on."""
    found = {step.id for step in progress.index.steps if not_undoable(progress, step.id) is None}
    ordered: list[str] = []
    while found:
        # Plans have no cycles, so there is always one that nothing left depends on.
        free = [step for step in sorted(found) if not _behind(progress, step) & found]
        ordered += free
        found -= set(free)
    return tuple(ordered)


def ready_undos(progress: Progress) -> tuple[str, ...]:
    """Steps asked to be undone whose dependents are undone."""
    left = {step for step, undo in progress.undos.items() if undo.status is not UndoStatus.DONE}
    return tuple(step for step in progress.undoing(UndoStatus.ASKED) if not _behind(progress, step) & left)


def _behind(progress: Progress, step_id: str) -> set[str]:
    seen: set[str] = set()
    todo = [step_id]
    while todo:
        for dependent in progress.index.needed_by[todo.pop()]:
            if dependent not in seen:
                seen.add(dependent)
                todo.append(dependent)
    return seen


def undo_objection(progress: Progress, body: UndoRequested) -> str | None:
    """Why these steps cannot be asked to be undone together."""
    if not body.steps:
        return "there is nothing to undo: no step that was done has an undo"
    if progress.sets[StepStatus.RUNNING]:
        return f"{min(progress.sets[StepStatus.RUNNING])} is under way: stop the run, or wait"
    for step in body.steps:
        problem = not_undoable(progress, step)
        if problem is not None:
            return problem
    undoable = set(undo_order(progress))
    for step in body.steps:
        missing = (_behind(progress, step) & undoable) - set(body.steps)
        if missing:
            return f"{min(missing)} builds on {step} and is not undone: name it too"
    return None


def undo_start_objection(progress: Progress, body: UndoStarted) -> str | None:
    """Why this undo act cannot start now."""
    if body.step not in ready_undos(progress):
        return f"the undo of {body.step} is not its turn"
    attempt = progress.undos[body.step].attempt + 1
    if body.attempt != attempt or body.ident != undo_ident(body.step, attempt):
        return f"the next attempt is {undo_ident(body.step, attempt)}"
    return None


def undo_end_objection(progress: Progress, body: UndoSucceeded | UndoFailed) -> str | None:
    """Why this cannot be the end of an undo act."""
    undo = progress.undos.get(body.step)
    if undo is None or undo.status is not UndoStatus.RUNNING:
        return f"the undo of {body.step} is not under way"
    return None if undo.attempt == body.attempt else f"attempt {undo.attempt} is under way, not {body.attempt}"


def cleaning_steps(progress: Progress) -> frozenset[str]:
    """The clean-up steps of a plan: those that wait for ends (``after``), and whatever needs them."""
    found: set[str] = set()
    for step in progress.index.steps:
        if step.after:
            found |= {step.id, *_behind(progress, step.id)}
    return frozenset(found)


def to_clean_up(progress: Progress) -> frozenset[str]:
    """Clean-up steps whose subject was made, at least half-way, and the proofs behind them."""
    cleaning = cleaning_steps(progress)
    made = {
        step_id
        for step_id in cleaning
        for source in progress.step(step_id).after
        if source not in cleaning and progress.step(source).changes_state and progress.steps[source].attempt
    }
    grown = True
    while grown:
        more = {
            step_id
            for step_id in cleaning - made
            if not progress.step(step_id).changes_state
            and made & {*progress.step(step_id).needs, *progress.step(step_id).after}
        }
        made |= more
        grown = bool(more)
    return frozenset(made)


def clean_up_objection(progress: Progress, kind: str) -> str | None:
    """Why a clean-up cannot begin."""
    if kind != Kind.DRILL:
        return f"only a drill is cleaned up, this is a {kind}: use undo"
    return None if to_clean_up(progress) else "nothing was made that would have to be removed"


def begin_clean_up(progress: Progress, body: CleanUpRequested) -> None:
    """Let exactly the clean-up steps that are called for be performed, in their order; changes ``progress``."""
    wanted, cleaning = to_clean_up(progress), cleaning_steps(progress)
    for step in progress.index.steps:
        stands = progress.steps[step.id]
        if step.id in wanted:
            if stands.status is not StepStatus.RUNNING:
                progress.put(step.id, StepState(attempt=stands.attempt))
        elif stands.status is StepStatus.UNKNOWN:
            # Its process is gone, else it would be under way; whoever cleans up after it takes it as failed.
            progress.put(step.id, replace(stands, status=StepStatus.FAILED, code="unknown"))
        elif stands.status is StepStatus.WAITING or (step.id in cleaning and stands.status not in SATISFIED):
            reason = f"left out for the clean-up: {body.reason}"
            progress.put(step.id, StepState(status=StepStatus.SKIPPED, person=body.person, reason=reason))


def cleaned_up(progress: Progress, step: str, stands: StepState) -> StepState:
    """How a step stands while a drill is cleaned up: what is cleaned up counts as failed when its end is unknown.

    Nobody asks for it any more: it is neither repeated nor decided on, and must not keep its clean-up waiting.
    """
    if stands.status is not StepStatus.UNKNOWN or step in cleaning_steps(progress):
        return stands
    return replace(stands, status=StepStatus.FAILED, code="unknown")


def left_to_clean(progress: Progress, steps: Sequence[str] | frozenset[str]) -> list[str]:
    """Those of ``steps`` that are not done."""
    return sorted(step for step in steps if progress.steps[step].status not in SATISFIED)
