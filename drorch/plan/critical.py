"""The critical path from the steps' estimates. Static: limits on how many steps run at once are not counted in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drorch.plan.graph import reversed_edges, topological, waits_for
from drorch.plan.model import Plan, ValidateAct


def remaining_path(plan: Plan) -> Mapping[str, float]:
    """For each step the estimated seconds from its start to the end of everything behind it (longest chain).

    InputInvalid on a cycle.
    """
    edges = waits_for(plan.steps)
    behind = reversed_edges(edges)
    own = {step.id: step.estimate_s for step in plan.steps}
    left: dict[str, float] = {}
    for node in reversed(topological(edges)):
        left[node] = own[node] + max((left[dependent] for dependent in behind[node]), default=0.0)
    return MappingProxyType(left)


def earliest_finish(plan: Plan) -> Mapping[str, float]:
    """For each step the earliest end, in estimated seconds from the start of the run. InputInvalid on a cycle."""
    edges = waits_for(plan.steps)
    own = {step.id: step.estimate_s for step in plan.steps}
    end: dict[str, float] = {}
    for node in topological(edges):
        end[node] = own[node] + max((end[target] for target in edges[node]), default=0.0)
    return MappingProxyType(end)


def critical_path(plan: Plan) -> tuple[str, ...]:
    """Ids of the steps on the longest chain, first to last; empty for a plan without steps. InputInvalid on a cycle."""
    left = remaining_path(plan)
    edges = waits_for(plan.steps)
    behind = reversed_edges(edges)
    candidates = tuple(node for node, targets in edges.items() if not targets)
    path: list[str] = []
    while candidates:
        # max() takes the first of equals, so that the path is the same every time.
        node = max(candidates, key=lambda candidate: left[candidate])
        path.append(node)
        candidates = behind[node]
    return tuple(path)


def estimated_duration(plan: Plan) -> float:
    """Estimated seconds from first to last step; 0.0 for a plan without steps. InputInvalid on a cycle."""
    return max(earliest_finish(plan).values(), default=0.0)


def validated_after(plan: Plan) -> Mapping[str, float]:
    """For each application with a validation: its earliest end in estimated seconds. InputInvalid on a cycle."""
    end = earliest_finish(plan)
    return MappingProxyType(
        {step.act.application: end[step.id] for step in plan.steps if isinstance(step.act, ValidateAct)}
    )
