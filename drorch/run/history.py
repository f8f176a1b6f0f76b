"""The events of a finished run as the times of its steps (`drorch.plan.history`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from drorch.core.clock import Instant
from drorch.plan.history import RunTimes, StepTime, like
from drorch.plan.model import Plan, PlaybookAct, Step, ValidateAct
from drorch.run.events import Event, RunEnded, RunOutcome, RunStarted, StepResolved, StepStarted, StepSucceeded


def times_of(plan: Plan, run: str, events: Iterable[Event]) -> RunTimes | None:
    """The times of a run that was completed at the first try; None for any other.

    A run with a retry, a skip or a hand at it shows how long people took, not how long the steps take.
    """
    started: Instant | None = None
    begun: dict[str, Instant] = {}
    ended: dict[str, Instant] = {}
    outcome: RunOutcome | None = None
    for event in events:
        body = event.body
        if isinstance(body, RunStarted):
            started = started or event.at
        elif isinstance(body, StepStarted):
            if body.step in begun:
                return None
            begun[body.step] = event.at
        elif isinstance(body, StepSucceeded) or (isinstance(body, StepResolved) and body.step in plan.manual):
            ended[body.step] = event.at
        elif isinstance(body, RunEnded):
            outcome = body.outcome
    if started is None or outcome is not RunOutcome.COMPLETED or set(ended) != set(plan.by_id):
        return None
    steps = tuple(_time(plan, step, started, begun, ended) for step in plan.steps)
    validated = {
        step.act.application: ended[step.id].since(started) for step in plan.steps if isinstance(step.act, ValidateAct)
    }
    return RunTimes(
        run=run,
        day=started.wall.date(),
        kind=plan.kind.value,
        steps=steps,
        validated_s=MappingProxyType(validated),
    )


def _time(
    plan: Plan, step: Step, started: Instant, begun: Mapping[str, Instant], ended: Mapping[str, Instant]
) -> StepTime:
    could = max((ended[name] for name in step.needs + step.after if name in ended), default=started)
    start = begun[step.id]
    return StepTime(
        step=step.id,
        like=like(step),
        start_s=start.since(started),
        end_s=ended[step.id].since(started),
        wait_s=None if _was_held(plan, step, could, start, begun, ended) else max(0.0, start.since(could)),
    )


def _was_held(
    plan: Plan, step: Step, could: Instant, start: Instant, begun: Mapping[str, Instant], ended: Mapping[str, Instant]
) -> bool:
    """Whether so many playbooks were under way, between the two instants, that a limit may have held it back."""
    if not isinstance(step.act, PlaybookAct):
        return False
    beside = [
        other
        for other in plan.steps
        if other.id != step.id
        and isinstance(other.act, PlaybookAct)
        and begun[other.id].mono <= start.mono
        and ended[other.id].mono > could.mono
    ]
    at_site = sum(other.site == step.site for other in beside)
    return len(beside) >= plan.limits.total or at_site >= plan.limits.per_site
