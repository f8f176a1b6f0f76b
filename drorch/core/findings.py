"""A finding: something a check noticed. Checks return findings and never raise on user data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters. An ``error`` makes the checked thing unusable."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One deviation: a stable machine ``code``, the place and the sentence for people."""

    code: str
    severity: Severity
    message: str
    subject: str | None = None
    where: str | None = None
    """``file:line`` or ``file:line field`` when the source text is known."""
    next_step: str | None = None


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Only those that make the checked thing unusable."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)
