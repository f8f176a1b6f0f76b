"""The plan's steps as a graph: order, waves, reachability. An edge runs from a step to what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from types import MappingProxyType

from drorch.core.errors import InputInvalid
from drorch.plan.model import Plan, Step

Edges = Mapping[str, tuple[str, ...]]


def waits_for(steps: tuple[Step, ...]) -> Edges:
    """For each step what it waits for (``needs`` and ``after``). Names of steps that do not exist are left out."""
    known = {step.id for step in steps}
    return MappingProxyType(
        {step.id: tuple(dict.fromkeys(n for n in step.needs + step.after if n in known)) for step in steps}
    )


def reversed_edges(edges: Edges) -> Edges:
    """The same edges the other way round."""
    found: dict[str, list[str]] = {node: [] for node in edges}
    for node, targets in edges.items():
        for target in targets:
            found[target].append(node)
    return MappingProxyType({node: tuple(sources) for node, sources in found.items()})


def topological(edges: Edges) -> tuple[str, ...]:
    """Nodes so that each comes behind all it waits for, ties in the order given. InputInvalid names a cycle."""
    rank = {node: number for number, node in enumerate(edges)}
    names = tuple(edges)
    open_count = {node: len(targets) for node, targets in edges.items()}
    behind = reversed_edges(edges)
    ready = [rank[node] for node, count in open_count.items() if count == 0]
    heapify(ready)
    order: list[str] = []
    while ready:
        node = names[heappop(ready)]
        order.append(node)
        for dependent in behind[node]:
            open_count[dependent] -= 1
            if open_count[dependent] == 0:
                heappush(ready, rank[dependent])
    if len(order) < len(edges):
        raise InputInvalid(f"a cycle: {' → '.join(find_cycle(edges))}", next_step="remove one of these dependencies")
    return tuple(order)


def find_cycle(edges: Edges) -> tuple[str, ...]:
    """One cycle, first node repeated at the end; empty when there is none."""
    left = dict(edges)
    behind = reversed_edges(edges)
    open_count = {node: len(targets) for node, targets in edges.items()}
    free = [node for node, count in open_count.items() if count == 0]
    while free:
        node = free.pop()
        del left[node]
        for dependent in behind[node]:
            open_count[dependent] -= 1
            if open_count[dependent] == 0:
                free.append(dependent)
    if not left:
        return ()
    # Every node that is left waits for another one that is left: walking on must come back to itself.
    node = next(iter(left))
    path: list[str] = []
    while node not in path:
        path.append(node)
        node = next(target for target in left[node] if target in left)
    return (*path[path.index(node) :], node)


def waves(plan: Plan) -> tuple[tuple[Step, ...], ...]:
    """Steps by depth: everything in a wave waits only for earlier waves. InputInvalid on a cycle."""
    depth = depths(plan)
    found: dict[int, list[Step]] = {}
    for step in plan.steps:
        found.setdefault(depth[step.id], []).append(step)
    return tuple(tuple(found[level]) for level in sorted(found))


def depths(plan: Plan) -> Mapping[str, int]:
    """Number of steps on the longest chain before each step. InputInvalid on a cycle."""
    edges = waits_for(plan.steps)
    depth: dict[str, int] = {}
    for node in topological(edges):
        depth[node] = max((depth[target] + 1 for target in edges[node]), default=0)
    return MappingProxyType(depth)


def ancestors(edges: Edges) -> Mapping[str, frozenset[str]]:
    """For each node everything it waits for, directly or not. InputInvalid on a cycle."""
    found: dict[str, frozenset[str]] = {}
    for node in topological(edges):
        found[node] = frozenset(edges[node]).union(*(found[target] for target in edges[node]))
    return MappingProxyType(found)
