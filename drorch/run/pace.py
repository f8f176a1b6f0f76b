"""Steps that take longer than their like did in earlier runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from drorch.core.clock import Instant
from drorch.plan.history import like
from drorch.plan.model import Plan, Step
from drorch.run.events import Event, StepStarted, StepSucceeded
from drorch.run.progress import StepStatus
from drorch.run.state import RunState

FACTOR = 2.0
"""How many times the usual a step may take before it is called slow."""
LEAST_SAMPLES = 3
"""With fewer durations nothing is usual."""
LEAST_S = 2.0
"""Nobody is warned about a step that is not yet this old: it would be over before it is read."""


@dataclass(frozen=True, kw_only=True)
class Slow:
    """A step under way that takes longer than usual."""

    step: str
    seconds: float
    usual_s: float

    def __str__(self) -> str:
        return f"slower than usual ({self.seconds:.0f} s, usually {self.usual_s:.0f} s)"


def durations(plan: Plan, events: Iterable[Event]) -> dict[str, list[float]]:
    """Seconds of every attempt that succeeded, by what steps are compared by (see `like`)."""
    begun: dict[str, Instant] = {}
    found: dict[str, list[float]] = {}
    for event in events:
        if isinstance(event.body, StepStarted):
            begun[event.body.step] = event.at
        elif isinstance(event.body, StepSucceeded) and event.body.step in begun and event.body.step in plan.by_id:
            seconds = event.at.since(begun[event.body.step])
            found.setdefault(like(plan.by_id[event.body.step]), []).append(seconds)
    return found


def usual(histories: Iterable[Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """The third quartile of the durations of earlier runs in seconds, where there are enough of them."""
    gathered: dict[str, list[float]] = {}
    for history in histories:
        for kind, seconds in history.items():
            gathered.setdefault(kind, []).extend(seconds)
    return {
        kind: sorted(seconds)[ceil(0.75 * len(seconds)) - 1]
        for kind, seconds in gathered.items()
        if len(seconds) >= LEAST_SAMPLES
    }


def is_slow(step: Step, seconds: float, usual_s: Mapping[str, float]) -> Slow | None:
    """The warning about a step that has been under way for ``seconds``; None when there is nothing to warn about."""
    known = usual_s.get(like(step))
    if known is None or seconds < max(LEAST_S, FACTOR * known):
        return None
    return Slow(step=step.id, seconds=seconds, usual_s=known)


def slow_steps(state: RunState, now: Instant, usual_s: Mapping[str, float]) -> tuple[Slow, ...]:
    """Steps under way that take longer than usual, in plan order."""
    found: list[Slow] = []
    for step in state.with_status(StepStatus.RUNNING):
        started = state.steps[step.id].started
        warning = is_slow(step, now.since(started), usual_s) if started else None
        if warning is not None:
            found.append(warning)
    return tuple(found)
