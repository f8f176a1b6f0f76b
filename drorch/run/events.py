"""The events of a run's journal. The journal is the truth: state, reports and metrics are folds of these.

An event is written *before* an act (`StepStarted`) and after it (its outcome). A step found started without an outcome
is unknown and is never performed again without a decision. Facts carry JSON data only, already redacted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from drorch.core.clock import Instant
from drorch.core.codec import kinds

JOURNAL_SCHEMA = 2

NO_EVIDENCE = "none (not required)"
"""Stands for the evidence of a sign-off that brought none."""

_EMPTY: Mapping[str, object] = MappingProxyType({})


class RunOutcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    """Every step is done, skipped or done by hand."""
    INCOMPLETE = "incomplete"
    """At least one step failed or was never reached; nothing more can be done without a decision."""
    STOPPED = "stopped"
    """A person stopped it."""
    REFUSED = "refused"
    """An interlock refused before anything was changed."""
    UNDONE = "undone"
    """What people asked to be undone is undone."""
    UNDO_FAILED = "undo-failed"
    """Something that should be undone is not, or nobody can tell."""
    CLEANED = "cleaned-up"
    """A drill that did not come to its end; what it had made is removed."""


class AfterDeadline(StrEnum):
    """What happens to a carried out run that nobody commits in time."""

    NONE = "none"
    """It waits on."""
    COMMIT = "commit"
    """It is committed as it stands."""
    UNDO = "undo"
    """What it did is undone."""


@dataclass(frozen=True, kw_only=True)
class RunCreated:
    """The first event of every run."""

    schema: int
    drorch_version: str
    plan_id: str
    catalog_id: str
    estate_id: str
    kind: str
    groups: tuple[str, ...]
    """The protection groups it holds from its start to its end; none when it changes nothing."""
    operator: str
    host: str


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A person approved exactly this plan."""

    plan_id: str
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ApprovalAwaited:
    """The run is prepared and waits for the approval of its plan; refused after ``within_s`` seconds (0: never)."""

    person: str
    reason: str
    within_s: int


@dataclass(frozen=True, kw_only=True)
class CommitAgreed:
    """When every step is done the run waits to be committed; after ``within_s`` seconds ``then`` happens."""

    then: AfterDeadline
    within_s: int
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CommitDue:
    """Every step is done; from now on the run waits to be committed or undone."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A person (or drorch, as agreed, at the deadline) takes what the run did as final."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class InterlockOverridden:
    """Two persons took the risk of a rule that may be overridden. ``step``: where it spoke; None: at the start."""

    interlock: str
    step: str | None
    person: str
    second_person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A person declared the disruption (a site loss); RTOs counted from declaration start here."""

    site: str | None
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """Interlocks passed, the first step may start."""


@dataclass(frozen=True, kw_only=True)
class InterlockRefused:
    """A rule refused a dangerous act; ``inputs`` are what it looked at."""

    interlock: str
    reason: str
    inputs: Mapping[str, object] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, kw_only=True)
class StepStarted:
    """Intent: written before the act. ``ident`` names the artifacts of this attempt, deterministically."""

    step: str
    attempt: int
    ident: str


@dataclass(frozen=True, kw_only=True)
class StepSucceeded:
    """The step is done, and proved so."""

    step: str
    attempt: int
    facts: Mapping[str, object] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, kw_only=True)
class StepFailed:
    """The step is not done. ``code`` is stable for machines, ``reason`` is for people."""

    step: str
    attempt: int
    code: str
    reason: str
    facts: Mapping[str, object] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, kw_only=True)
class StepUnknown:
    """The step was started and nobody can tell how it ended; a person decides."""

    step: str
    attempt: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryRequested:
    """A person lets a failed or unknown step be performed again."""

    step: str
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StepSkipped:
    """A person accepts the risk of not doing the step."""

    step: str
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StepResolved:
    """A person did the step by hand."""

    step: str
    person: str
    reason: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Paused:
    """No new step starts until `Resumed`."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """Steps may start again."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StopRequested:
    """No new step starts, ever; steps under way are ended with their process trees."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class UndoRequested:
    """A person wants these steps undone. Nothing else of the plan is started any more."""

    steps: tuple[str, ...]
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class UndoStarted:
    """Intent: written before the undo act of a step."""

    step: str
    attempt: int
    ident: str


@dataclass(frozen=True, kw_only=True)
class UndoSucceeded:
    """What the step did is undone."""

    step: str
    attempt: int
    facts: Mapping[str, object] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, kw_only=True)
class UndoFailed:
    """The step is not undone, or nobody can tell (code ``unknown``). Tried again only when a person asks again."""

    step: str
    attempt: int
    code: str
    reason: str
    facts: Mapping[str, object] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, kw_only=True)
class CleanUpRequested:
    """A person ends a drill early, or once more: steps under way are ended, only its clean-up steps are performed."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RequestSettled:
    """The request of a person with this number was taken out of the inbox; never again, whoever drives.

    ``problem`` is empty when it was honoured: its event stands directly before this one, written with it.
    """

    request: int
    problem: str


@dataclass(frozen=True, kw_only=True)
class DriverAttached:
    """A driver took up the run (first start or after an interruption)."""

    host: str
    pid: int


@dataclass(frozen=True, kw_only=True)
class StoreWaited:
    """The driver waited for the event store: acts under way went on, no new one started. May come behind the end."""

    seconds: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class DifferenceAccepted:
    """A person accepts what the run left different (``evidence.baseline.Difference``). Comes behind the run's end."""

    code: str
    subject: str
    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The last event of a run."""

    outcome: RunOutcome
    reason: str


Body = (
    RunCreated
    | Approved
    | ApprovalAwaited
    | CommitAgreed
    | CommitDue
    | Committed
    | InterlockOverridden
    | Declared
    | RunStarted
    | InterlockRefused
    | StepStarted
    | StepSucceeded
    | StepFailed
    | StepUnknown
    | RetryRequested
    | StepSkipped
    | StepResolved
    | Paused
    | Resumed
    | StopRequested
    | UndoRequested
    | UndoStarted
    | UndoSucceeded
    | UndoFailed
    | CleanUpRequested
    | RequestSettled
    | DriverAttached
    | StoreWaited
    | DifferenceAccepted
    | RunEnded
)


def kind_of(body: Body) -> str:
    """The stable name of a body's kind: ``step-started``."""
    return _words()[type(body)]


@cache
def _words() -> Mapping[type, str]:
    return MappingProxyType({member: word for word, member in kinds(Body).items()})


@dataclass(frozen=True, kw_only=True)
class Event:
    """A body with its place in the stream of its run."""

    run: str
    seq: int
    at: Instant
    body: Body
    chain: str = ""
    """Hash of its record (``core.stream``), over this event and all before it; empty while it is not written."""
