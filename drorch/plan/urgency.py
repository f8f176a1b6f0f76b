"""How soon somebody needs a step: the smallest RTO among the applications that wait for it.

Used between steps with the same remaining path only, so that of two equal ways the more critical application goes
first. The order itself (longest remaining path) keeps the whole recovery short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from drorch.plan.graph import topological, waits_for
from drorch.plan.model import Step, SubjectKind


def with_urgency(steps: Iterable[Step], rto_s: Mapping[str, float]) -> tuple[Step, ...]:
    """``steps`` in topological order, each with its ``urgency_s``. ``rto_s``: application id to its RTO in seconds."""
    by_id = {step.id: step for step in steps}
    order = topological(waits_for(tuple(by_id.values())))
    urgency: dict[str, float] = {}
    for step_id in reversed(order):
        step = by_id[step_id]
        own = rto_s.get(step.subject) if step.subject_kind is SubjectKind.APPLICATION else None
        known = [seconds for seconds in (own, urgency.get(step_id)) if seconds is not None]
        if known:
            urgency[step_id] = min(known)
            for needed in step.needs:
                urgency[needed] = min(urgency[step_id], urgency.get(needed, urgency[step_id]))
    return tuple(replace(by_id[step_id], urgency_s=urgency.get(step_id)) for step_id in order)
