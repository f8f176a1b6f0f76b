"""One imagined run of a plan with given durations, within its limits, in the order that a real run would choose.

Ready playbooks start longest remaining path first, while the limits in total and per site leave room; proofs start at
once. That is the rule of ``drorch.run.decide``, without anything that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from drorch.plan.critical import remaining_path
from drorch.plan.graph import waits_for
from drorch.plan.model import Plan, PlaybookAct, Step


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """``end_s`` of each step in plan order, and the step that each had to wait for last (-1: none)."""

    end_s: tuple[float, ...]
    behind: tuple[int, ...]

    def path_to(self, step: int) -> tuple[int, ...]:
        """The chain of steps that decided when ``step`` ended, last first."""
        found = [step]
        while self.behind[found[-1]] >= 0:
            found.append(self.behind[found[-1]])
        return tuple(found)


class Simulator:
    """A plan made ready to be imagined many times. InputInvalid when the plan has a cycle."""

    def __init__(self, plan: Plan) -> None:
        number = {step.id: place for place, step in enumerate(plan.steps)}
        edges = waits_for(plan.steps)
        left = remaining_path(plan)
        order = sorted(
            range(len(plan.steps)),
            key=lambda at: (-left[plan.steps[at].id], _soonest(plan.steps[at]), plan.steps[at].id),
        )
        self.rank = {at: rank for rank, at in enumerate(order)}
        self.waits = [len(edges[step.id]) for step in plan.steps]
        self.next: list[list[int]] = [[] for _ in plan.steps]
        for step in plan.steps:
            for needed in edges[step.id]:
                self.next[number[needed]].append(number[step.id])
        self.playbook = [isinstance(step.act, PlaybookAct) for step in plan.steps]
        self.site = [step.site for step in plan.steps]
        self.limits = plan.limits

    def run(self, seconds: Sequence[float]) -> Simulated:
        """The run in which each step takes so many seconds, in plan order."""
        return _Run(self, seconds).result()


def _soonest(step: Step) -> float:
    return float("inf") if step.urgency_s is None else step.urgency_s


class _Run:
    def __init__(self, of: Simulator, seconds: Sequence[float]) -> None:
        self._of, self._seconds = of, seconds
        self._open = list(of.waits)
        self._end = [0.0] * len(seconds)
        self._behind = [-1] * len(seconds)
        self._under_way: list[tuple[float, int]] = []
        self._held: list[tuple[int, int]] = []
        self._sites: dict[str, int] = {}
        self._busy = 0

    def result(self) -> Simulated:
        ready = [at for at, waits in enumerate(self._open) if waits == 0]
        now, last = 0.0, -1
        self._start(ready, now, last)
        while self._under_way:
            now, last = heappop(self._under_way)
            self._finished(last)
            freed = [at for at in self._of.next[last] if self._one_less(at)]
            self._start(freed, now, last)
        return Simulated(end_s=tuple(self._end), behind=tuple(self._behind))

    def _one_less(self, at: int) -> bool:
        self._open[at] -= 1
        return self._open[at] == 0

    def _finished(self, at: int) -> None:
        if self._of.playbook[at]:
            self._busy -= 1
            self._sites[self._of.site[at]] -= 1

    def _start(self, ready: Sequence[int], now: float, last: int) -> None:
        for at in ready:
            if self._of.playbook[at]:
                heappush(self._held, (self._of.rank[at], at))
            else:
                self._begin(at, now, last)
        limits, kept = self._of.limits, []
        while self._held and self._busy < limits.total:
            entry = heappop(self._held)
            site = self._of.site[entry[1]]
            if self._sites.get(site, 0) >= limits.per_site:
                kept.append(entry)
                continue
            self._busy += 1
            self._sites[site] = self._sites.get(site, 0) + 1
            self._begin(entry[1], now, last)
        for entry in kept:
            heappush(self._held, entry)

    def _begin(self, at: int, now: float, last: int) -> None:
        self._behind[at] = last
        self._end[at] = now + self._seconds[at]
        heappush(self._under_way, (self._end[at], at))
