"""Ports: what the driver needs from the world. Real adapters live in ``drorch.adapters``, fakes in ``drorch.testing``.

Each port has one contract suite in ``tests/contract`` that runs over the fake and every real adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from drorch.core.clock import Instant
from drorch.plan.model import Act, PlaybookAct
from drorch.run.events import (
    Approved,
    CleanUpRequested,
    Committed,
    Event,
    InterlockOverridden,
    Paused,
    Resumed,
    RetryRequested,
    StepResolved,
    StepSkipped,
    StopRequested,
    UndoRequested,
)


class Journal(Protocol):
    """Append-only events of runs. ``(run, seq)`` is unique: a second writer gets `JournalConflict`."""

    def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Durably add events behind the last of one run, all or none; they, with their chain values.

        JournalConflict when they do not follow its last event. What a `RequestSettled` among them names is taken out
        of the inbox (`OperatorInbox`) of the same store with them, or not at all.
        """
        ...

    def read(self, run: str, after: int = 0) -> tuple[Event, ...]:
        """Events of a run with ``seq > after``, in order, chain checked. Empty for an unknown run.

        Broken when the chain does not hold, InputInvalid for what this drorch does not know.
        """
        ...

    def first(self, run: str) -> Event | None:
        """The first event of a run, also when later ones cannot be read; None for an unknown run."""
        ...

    def runs(self) -> tuple[str, ...]:
        """Ids of all runs, oldest first."""
        ...

    def verify_place(self) -> None:
        """Broken when the store was deleted, replaced or rolled back since this object first saw it."""
        ...


OperatorBody = (
    Approved
    | InterlockOverridden
    | Paused
    | Resumed
    | StopRequested
    | RetryRequested
    | StepSkipped
    | StepResolved
    | UndoRequested
    | CleanUpRequested
    | Committed
)
"""What a person may ask of a run."""


@dataclass(frozen=True, kw_only=True)
class OperatorRequest:
    """One waiting request of a person."""

    id: int
    """Never used again for this run."""
    body: OperatorBody
    asked: Instant
    """When the person asked."""


class OperatorInbox(Protocol):
    """Requests of people to the driver of a run, which alone writes the journal. They outlive both processes."""

    def put(self, run: str, body: OperatorBody, *, asked: Instant) -> None:
        """Durably leave a request."""
        ...

    def pending(self, run: str) -> tuple[OperatorRequest, ...]:
        """Requests not yet settled, oldest first."""
        ...

    def settle(self, run: str, ids: Sequence[int], *, at: Instant) -> None:
        """Take out requests that no event can settle (`Journal.append`): the run has ended. Unknown ids are ignored."""
        ...


class PlaybookStatus(StrEnum):
    """How the playbook process ended, before anyone judges whether that is success."""

    ENDED = "ended"
    TIMED_OUT = "timed-out"
    STOPPED = "stopped"
    LOST = "lost"
    """The process is gone and left no result."""


@dataclass(frozen=True, kw_only=True)
class PlaybookRequest:
    """One attempt at a playbook act. ``ident`` is deterministic: asking twice for one ident never runs it twice."""

    run: str
    ident: str
    act: PlaybookAct
    timeout_s: float


@dataclass(frozen=True, kw_only=True)
class PlaybookResult:
    """What the playbook left behind. Judged by ``run.verdict.judge_playbook``; rc 0 alone is not success."""

    ident: str
    status: PlaybookStatus
    rc: int | None
    processed: frozenset[str]
    dark: frozenset[str]
    failures: frozenset[str]
    ignored: frozenset[str]
    """Hosts on which a failed task was ignored."""
    changed: frozenset[str]
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """What the playbook emitted with set_stats, redacted."""
    message: str = ""
    """The first failure message for people, redacted."""


class PlaybookState(StrEnum):
    """What is known about an ident."""

    ABSENT = "absent"
    RUNNING = "running"
    ENDED = "ended"


class Executor(Protocol):
    """Runs playbooks in worker processes that outlive this process."""

    def launch(self, request: PlaybookRequest) -> None:
        """Start it and return. Launching an ident that is running or ended does nothing."""
        ...

    def state(self, run: str, ident: str) -> PlaybookState:
        """Whether the ident was ever launched, runs, or has ended."""
        ...

    def wait(self, run: str, ident: str, timeout_s: float) -> PlaybookResult | None:
        """The result when it has ended within ``timeout_s`` seconds, else None."""
        ...

    def give_up(self, run: str, ident: str) -> bool:
        """See to it that an ident that was never launched never will be, by any process, and say that it is lost.

        False, with nothing done, when it was launched. Whoever takes up a run calls it before the step may be repeated:
        a driver that only stood still could otherwise launch its attempt later.
        """
        ...

    def stop(self, run: str, ident: str) -> None:
        """End the whole process tree of the ident. Harmless when it has ended."""
        ...


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The answer of an observer. ``code`` is empty when ``holds``; ``facts`` are JSON data."""

    holds: bool
    code: str = ""
    reason: str = ""
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


class Observer(Protocol):
    """Looks at the real services, independently of any playbook."""

    def prove(self, act: Act, *, since: Instant, deadline_s: float) -> Proof:
        """Try until the act's claim holds or ``deadline_s`` seconds have passed. Never raises for what it observes.

        Only observations that started at or after ``since`` count. PlaybookAct is not for observers.
        """
        ...
