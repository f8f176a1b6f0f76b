"""Which steps may start: counters kept up with each event, so that a run of 10,000 steps costs the same per event.

Words used here: a step is *satisfied* when what it stands for is there (done, skipped, done by hand); *dead* when it
failed or waits for a dead step; *over* when it is satisfied or dead, that is: it will not act any more by itself. An
unknown step is none of these: clean-up must not start while the step may still be under way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from drorch.core.clock import Instant
from drorch.plan.critical import remaining_path
from drorch.plan.model import ManualAct, Plan, PlaybookAct, Step


class StepStatus(StrEnum):
    """How a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    BY_HAND = "done-by-hand"
    UNDONE = "undone"


SATISFIED = frozenset({StepStatus.DONE, StepStatus.SKIPPED, StepStatus.BY_HAND})
"""What a dependent step needs."""


@dataclass(frozen=True, kw_only=True)
class StepState:
    """How one step stands after its last event."""

    status: StepStatus = StepStatus.WAITING
    attempt: int = 0
    """Number of the last attempt, from 1; 0 when there was none."""
    ident: str | None = None
    started: Instant | None = None
    """Start of the last attempt."""
    ended: Instant | None = None
    """When the last outcome or decision was written."""
    code: str = ""
    reason: str = ""
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    person: str = ""
    """Who skipped it or did it by hand."""


class UndoStatus(StrEnum):
    """How the undoing of a step stands."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class UndoState:
    """How the undoing of one step stands after its last event."""

    status: UndoStatus = UndoStatus.ASKED
    attempt: int = 0
    ident: str = ""
    started: Instant | None = None
    ended: Instant | None = None
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PlanIndex:
    """What has to be known of a plan to keep the counters. Made once per fold."""

    steps: tuple[Step, ...]
    """Most urgent first: longest remaining path, then the smallest RTO that waits for it, then id."""
    rank: Mapping[str, int]
    playbooks: frozenset[str]
    """Ids of the steps that run a playbook."""
    manual: frozenset[str]
    """Ids of the steps that people do by hand."""
    needed_by: Mapping[str, tuple[str, ...]]
    followed_by: Mapping[str, tuple[str, ...]]
    """Steps that wait for the end of a step whatever its outcome (``after``)."""

    @classmethod
    def of(cls, plan: Plan) -> PlanIndex:
        """InputInvalid when the plan has a cycle. Made once per plan object, which cannot change."""
        known = plan.__dict__.get("_plan_index")
        if isinstance(known, PlanIndex):
            return known
        made = plan.__dict__["_plan_index"] = cls._made_of(plan)
        return made

    @classmethod
    def _made_of(cls, plan: Plan) -> PlanIndex:
        left = remaining_path(plan)
        needed_by: dict[str, list[str]] = {step.id: [] for step in plan.steps}
        followed_by: dict[str, list[str]] = {step.id: [] for step in plan.steps}
        for step in plan.steps:
            for target in dict.fromkeys(step.needs):
                needed_by[target].append(step.id)
            for target in dict.fromkeys(step.after):
                followed_by[target].append(step.id)
        urgent = sorted(plan.steps, key=lambda step: (-left[step.id], _soonest(step), step.id))
        return cls(
            steps=tuple(urgent),
            rank={step.id: place for place, step in enumerate(urgent)},
            playbooks=frozenset(step.id for step in urgent if isinstance(step.act, PlaybookAct)),
            manual=frozenset(step.id for step in urgent if isinstance(step.act, ManualAct)),
            needed_by={step: tuple(ids) for step, ids in needed_by.items()},
            followed_by={step: tuple(ids) for step, ids in followed_by.items()},
        )


def _soonest(step: Step) -> float:
    return float("inf") if step.urgency_s is None else step.urgency_s


class Progress:
    """Mutable bookkeeping inside a fold. Never handed out while it may still change: a fold works on a copy."""

    __slots__ = (
        "_dead_needs", "_listed", "_ready_manual", "_ready_playbooks", "_ready_proofs", "_unended", "_unmet",
        "index", "sets", "steps", "undos",
    )  # fmt: skip

    def __init__(self, index: PlanIndex) -> None:
        self.index = index
        self.steps: dict[str, StepState] = {}
        self.undos: dict[str, UndoState] = {}
        self.sets: dict[StepStatus, set[str]] = {
            status: set() for status in (StepStatus.RUNNING, StepStatus.FAILED, StepStatus.UNKNOWN)
        }
        self._unmet: dict[str, int] = {}
        self._unended: dict[str, int] = {}
        self._dead_needs: dict[str, int] = {}
        self._ready_playbooks: list[int] = []
        self._ready_proofs: list[int] = []
        self._ready_manual: list[int] = []
        self._listed: set[str] = set()
        """What stands in one of the three lists."""
        waiting = StepState()
        for step in index.steps:
            self.steps[step.id] = waiting
            self._unmet[step.id] = len(set(step.needs))
            self._unended[step.id] = len(set(step.after))
            self._dead_needs[step.id] = 0
        for step in index.steps:
            self._review(step.id)

    def copy(self) -> Progress:
        """An independent copy (flat copies of dictionaries; 10,000 steps take well under a millisecond)."""
        twin = object.__new__(Progress)
        twin.index = self.index
        twin.steps = self.steps.copy()
        twin.undos = self.undos.copy()
        twin.sets = {status: ids.copy() for status, ids in self.sets.items()}
        twin._unmet = self._unmet.copy()
        twin._unended = self._unended.copy()
        twin._dead_needs = self._dead_needs.copy()
        twin._ready_playbooks = self._ready_playbooks.copy()
        twin._ready_proofs = self._ready_proofs.copy()
        twin._ready_manual = self._ready_manual.copy()
        twin._listed = self._listed.copy()
        return twin

    def ready_playbooks(self) -> Iterator[Step]:
        """Steps running a playbook that may start now, most urgent first."""
        return (self.index.steps[place] for place in self._ready_playbooks)

    def ready_proofs(self) -> Iterator[Step]:
        """Steps that only look and may start now, most urgent first."""
        return (self.index.steps[place] for place in self._ready_proofs)

    def ready_manual(self) -> Iterator[Step]:
        """Steps that people do by hand and may start now, most urgent first."""
        return (self.index.steps[place] for place in self._ready_manual)

    def is_ready(self, step_id: str) -> bool:
        """Whether the step may start now."""
        waiting = self.steps[step_id].status is StepStatus.WAITING
        return waiting and self._unmet[step_id] == 0 and self._unended[step_id] == 0

    def put(self, step_id: str, new: StepState) -> None:
        """Give a step its new state and carry the consequences to the steps behind it."""
        before, old = self._flags(step_id), self.steps[step_id].status
        if old in self.sets:
            self.sets[old].discard(step_id)
        if new.status in self.sets:
            self.sets[new.status].add(step_id)
        self.steps[step_id] = new
        self._review(step_id)
        if self._flags(step_id) != before:  # a start changes nothing for the steps behind it
            self._carry(step_id, *before)

    def overtaken_by(self, step_id: str) -> str | None:
        """A step already started because ``step_id``, or one behind it, seemed over: doing it now comes too late."""
        seen, todo = {step_id}, [step_id]
        while todo:
            current = todo.pop()
            for follower in self.index.followed_by[current]:
                if self.steps[follower].status not in {StepStatus.WAITING, StepStatus.SKIPPED}:
                    return follower
            for dependent in self.index.needed_by[current]:
                if dependent not in seen:
                    seen.add(dependent)
                    todo.append(dependent)
        return None

    def step(self, step_id: str) -> Step:
        """The plan's step."""
        return self.index.steps[self.index.rank[step_id]]

    def undoing(self, *wanted: UndoStatus) -> list[str]:
        """Ids of steps whose undoing stands so, by id."""
        return sorted(step for step, undo in self.undos.items() if undo.status in wanted)

    def _flags(self, step_id: str) -> tuple[bool, bool]:
        status = self.steps[step_id].status
        dead = status is StepStatus.FAILED or (status is StepStatus.WAITING and self._dead_needs[step_id] > 0)
        return status in SATISFIED, dead

    def _carry(self, step_id: str, was_satisfied: bool, was_dead: bool) -> None:
        # Each edge is walked once per change of its source, never the whole graph.
        todo = [(step_id, was_satisfied, was_dead)]
        while todo:
            current, was_satisfied, was_dead = todo.pop()
            satisfied, dead = self._flags(current)
            over, was_over = satisfied or dead, was_satisfied or was_dead
            for dependent in self.index.needed_by[current]:
                before = self._flags(dependent)
                self._unmet[dependent] -= satisfied - was_satisfied
                self._dead_needs[dependent] += dead - was_dead
                self._review(dependent)
                if self._flags(dependent) != before:
                    todo.append((dependent, *before))
            if over != was_over:
                for follower in self.index.followed_by[current]:
                    self._unended[follower] -= over - was_over
                    self._review(follower)

    def _review(self, step_id: str) -> None:
        is_ready = self.is_ready(step_id)
        if is_ready == (step_id in self._listed):
            return
        place = self.index.rank[step_id]
        ready = self._ready_proofs
        if step_id in self.index.playbooks:
            ready = self._ready_playbooks
        elif step_id in self.index.manual:
            ready = self._ready_manual
        at = bisect_left(ready, place)
        if is_ready:
            ready.insert(at, place)
            self._listed.add(step_id)
        else:
            del ready[at]
            self._listed.discard(step_id)
