"""Maximum flow and minimum cut (Dinic's algorithm with arrays; docs/adr/0010 says why not Edmonds-Karp).

Capacities are whole numbers, also very large ones: the flow is exact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

ENDLESS = 10**15
"""Capacity of an arc without a limit: more than any number of people."""


@dataclass(frozen=True, kw_only=True)
class Arc:
    """From ``tail`` to ``head`` at most ``capacity`` units."""

    tail: str
    head: str
    capacity: int


class FlowNetwork:
    """A network whose flow grows: capacities may be raised between calls of :meth:`augment`.

    Arc ``i`` of the input is edge ``2 i``, its residual is ``2 i + 1``.
    """

    def __init__(self, arcs: Iterable[Arc], source: str, sink: str) -> None:
        self._numbers: dict[str, int] = {}
        self._heads: list[int] = []
        self._left: list[int] = []
        self._edges: list[list[int]] = []
        self._source, self._sink = self._number(source), self._number(sink)
        for arc in arcs:
            tail, head = self._number(arc.tail), self._number(arc.head)
            self._edges[tail].append(len(self._heads))
            self._edges[head].append(len(self._heads) + 1)
            self._heads += (head, tail)
            self._left += (arc.capacity, 0)

    def raise_capacity(self, arc: int, by: int) -> None:
        """Let ``by`` more units through the arc with this index."""
        self._left[2 * arc] += by

    def flow(self, arc: int) -> int:
        """Units on the arc with this index."""
        return self._left[2 * arc + 1]

    def augment(self) -> int:
        """Push as much more as possible; returns how much. What left the source before still leaves it."""
        pushed = 0
        while (levels := self._levels())[self._sink] >= 0:
            pushed += self._blocking_flow(levels)
        return pushed

    def source_side(self) -> frozenset[str]:
        """Nodes that could still get more. Arcs that leave this set are the minimum cut nearest to the source."""
        levels = self._levels(to_the_end=True)
        return frozenset(name for name, number in self._numbers.items() if levels[number] >= 0)

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._numbers))
        if number == len(self._edges):
            self._edges.append([])
        return number

    def _levels(self, *, to_the_end: bool = False) -> list[int]:
        levels = [-1] * len(self._edges)
        levels[self._source] = 0
        waiting = deque((self._source,))
        heads, left = self._heads, self._left
        while waiting and (to_the_end or levels[self._sink] < 0):
            node = waiting.popleft()
            below = levels[node] + 1
            for edge in self._edges[node]:
                if left[edge] > 0 and levels[heads[edge]] < 0:
                    levels[heads[edge]] = below
                    waiting.append(heads[edge])
        return levels

    def _blocking_flow(self, levels: list[int]) -> int:
        """Depth-first without recursion; ``tried`` remembers for each node which edges lead nowhere."""
        tried = [0] * len(self._edges)
        path: list[int] = []
        node, pushed = self._source, 0
        while True:
            if node == self._sink:
                pushed += self._push(path)
                # Go on from the first saturated edge and not from the source.
                first = next(place for place, edge in enumerate(path) if self._left[edge] == 0)
                node = self._heads[path[first] ^ 1]
                del path[first:]
                continue
            edge = self._next_edge(node, levels, tried)
            if edge is not None:
                path.append(edge)
                node = self._heads[edge]
            elif path:
                node = self._heads[path.pop() ^ 1]
                tried[node] += 1
            else:
                return pushed

    def _next_edge(self, node: int, levels: list[int], tried: list[int]) -> int | None:
        edges, below = self._edges[node], levels[node] + 1
        for place in range(tried[node], len(edges)):
            edge = edges[place]
            if self._left[edge] > 0 and levels[self._heads[edge]] == below:
                tried[node] = place
                return edge
        tried[node] = len(edges)
        return None

    def _push(self, path: list[int]) -> int:
        amount = min(self._left[edge] for edge in path)
        for edge in path:
            self._left[edge] -= amount
            self._left[edge ^ 1] += amount
        return amount
