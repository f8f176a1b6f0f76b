"""What every probe answers, whatever it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from drorch.catalog.model import ProbeKind


class ProbeCode(StrEnum):
    """Why a probe is not satisfied. Stable codes."""

    OK = "ok"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    PROTOCOL = "protocol"
    """Something answered in another language or broke off."""
    STATUS = "status"
    """The service itself answered that it cannot."""
    UNTRUSTED = "untrusted"
    """The other end could not prove who it is (host key, certificate)."""
    EXPIRED = "expired"
    """The certificate has run out, or is about to."""
    DENIED = "denied"
    """We could not prove who we are."""
    READ_ONLY = "read-only"
    MISMATCH = "mismatch"
    """The answer is well formed and wrong: not read back, or servers that disagree."""


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One answer. ``seconds`` is how long it took; ``facts`` are JSON data."""

    kind: ProbeKind
    target: str
    code: ProbeCode
    reason: str
    seconds: float
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def ok(self) -> bool:
        """Whether the probe is satisfied."""
        return self.code is ProbeCode.OK


class Probe(Protocol):
    """One way to look at one target."""

    def look(self, timeout_s: float) -> ProbeResult:
        """Look once, for at most ``timeout_s`` seconds. Never raises for what it observes."""
        ...
