"""The events of a run's journal. The journal is the truth: state, reports and metrics are folds of these.

An event is written *before* an act (`StepStarted`) and after it (its outcome). A step found started without an outcome
is unknown and is never performed again without a decision. Facts carry JSON data only, already redacted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from drorch.core.clock import Instant

JOURNAL_SCHEMA = 1

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


@dataclass(frozen=True, kw_only=True)
class RunCreated:
    """The first event of every run."""

    schema: int
    drorch_version: str
    plan_id: str
    catalog_id: str
    kind: str
    operator: str
    host: str


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A person approved exactly this plan."""

    plan_id: str
    person: str
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
class DriverAttached:
    """A driver took up the run (first start or after an interruption)."""

    host: str
    pid: int


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The last event of a run."""

    outcome: RunOutcome
    reason: str


Body = (
    RunCreated
    | Approved
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
    | DriverAttached
    | RunEnded
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A body with its place. ``chain`` is the hash over the previous chain value and this event (``run.codec``)."""

    run: str
    seq: int
    at: Instant
    body: Body
    chain: str
