"""The words of the record and its two smallest values; ``evidence.record.model`` puts the record together from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

REMOTE_ACCESS_STATEMENT = (
    "reachability by the remote-access path only; no failover of the application, no data loss measured"
)


class Overall(StrEnum):
    """The result of the whole run."""

    PASS = "pass"
    PASS_WITH_ISSUES = "pass-with-issues"
    FAIL = "fail"
    NOT_RUN = "not-run"
    """Nothing was started: refused or never begun. Says nothing about recovery."""
    UNFINISHED = "unfinished"
    """The journal has no end yet: no result can be given."""


class ApplicationVerdict(StrEnum):
    """The result for one application."""

    PASS = "pass"
    MISSED = "missed"
    FAILED = "failed"
    VACUOUS = "vacuous"
    NOT_MEASURED = "not-measured"
    PROVED = "proved"
    """Drill and readiness: proved to work where it should; no recovery time is claimed."""


class StepOutcome(StrEnum):
    """How a step stands at the end of the journal."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    BY_HAND = "done-by-hand"
    UNKNOWN = "unknown"
    RUNNING = "running"
    UNDONE = "undone"
    """It was done, and undone again on a person's request."""
    BLOCKED = "blocked"
    """A step it needs failed, is unknown, or is itself blocked."""
    NOT_REACHED = "not-reached"
    """Nothing blocked it; the run ended, or has not come to it."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An instant with its bounds: ``-minus_s .. +plus_s`` around it; both 0 for journaled instants."""

    wall: str
    """ISO 8601 UTC with milliseconds."""
    mono: float
    """Seconds of the machine's monotonic clock."""
    offset_s: float
    """Seconds since the run was created."""
    plus_s: float = 0.0
    minus_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measured duration in seconds: the truth lies in ``seconds - minus .. seconds + plus``."""

    seconds: float
    plus: float
    minus: float
