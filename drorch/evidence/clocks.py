"""The five clocks of one application: outage start, detected, declared, technically up, validated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drorch.evidence.model import Bracket, Outage
from drorch.plan.model import Plan, ValidateAct
from drorch.run.events import Declared, Event, StepResolved, StepSucceeded


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """Instants in monotonic seconds; None where it was not measured or did not happen."""

    application: str
    outage_start: Bracket | None
    detected: float | None
    """End of the first bad sample."""
    declared: float | None
    """When a person declared the disruption."""
    technically_up: Bracket | None
    """When the service answered again by its own name from the right site."""
    validated: float | None
    """When its validation step was done."""


def read(application: str, outage: Outage, plan: Plan, events: Sequence[Event]) -> Clocks:
    """The five clocks from the samples and the journal. Never raises."""
    validations = {
        step.id for step in plan.steps if isinstance(step.act, ValidateAct) and step.act.application == application
    }
    done = [
        event.at.mono
        for event in events
        if isinstance(event.body, StepSucceeded | StepResolved) and event.body.step in validations
    ]
    return Clocks(
        application=application,
        outage_start=outage.began,
        detected=outage.detected,
        declared=declared_at(events),
        technically_up=outage.ended,
        validated=max(done, default=None),
    )


def declared_at(events: Sequence[Event]) -> float | None:
    """Monotonic seconds of the first declaration of a disruption, None when nobody declared."""
    return next((event.at.mono for event in events if isinstance(event.body, Declared)), None)
