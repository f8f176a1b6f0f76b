"""The part of the record about what a run left behind, and about the protection of the data while it went on."""

from __future__ import annotations

from dataclasses import dataclass

from drorch.evidence.record.vocabulary import Measured, Moment


@dataclass(frozen=True, kw_only=True)
class DifferenceResult:
    """One thing that is not as it should be after the run. ``accepted_by`` None: nobody accepted it."""

    name: str
    """``code/subject``: how people accept it."""
    code: str
    subject: str
    before: str
    after: str
    accepted_by: str | None
    accepted_because: str | None
    accepted_at: Moment | None


@dataclass(frozen=True, kw_only=True)
class BaselineResult:
    """Whether everything stands where it should. ``clean`` None: nobody knows, see ``reason``."""

    against: str
    clean: bool | None
    reason: str
    differences: tuple[DifferenceResult, ...]


@dataclass(frozen=True, kw_only=True)
class ProtectionGapResult:
    """A stretch without protection. ``ended`` None: it lasted until the last look."""

    began: Moment
    ended: Moment | None
    length: Measured
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProtectionResult:
    """The protection of one group during the run. ``unprotected`` None: nobody looked."""

    group: str
    samples: int
    unprotected: Measured | None
    unobserved_s: float
    at_start: bool | None
    at_end: bool | None
    gaps: tuple[ProtectionGapResult, ...]
