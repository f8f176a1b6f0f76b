"""Frozen values of measurement: samples, canaries, brackets and what was measured.

All ``started``/``ended`` are seconds of the machine's monotonic clock (see ``core.clock``); wall times are for people.
A value that was not measured is absent (None), never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from drorch.core.codec import LEFT_OUT, MICROSECONDS


class SampleReason(StrEnum):
    """Why a sample is not good. Stable codes."""

    NAME_UNRESOLVED = "name-unresolved"
    NAME_DISAGREES = "name-disagrees"
    """The authoritative servers answer differently (one is stale) or one does not answer."""
    REFUSED = "refused"
    TIMEOUT = "timeout"
    HTTP_ERROR = "http-error"
    WRONG_IDENTITY = "wrong-identity"
    """Something answered, but not this application or not at the site its name points to."""
    WRONG_DATA_SITE = "wrong-data-site"
    """The application answered with data of another site's database."""
    READ_ONLY = "read-only"
    """The write part of the transaction failed."""
    READ_MISMATCH = "read-mismatch"
    """What was written was not read back."""
    BROKEN = "broken"
    """Anything else; see ``detail``."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One observation of one application on the fixed grid.

    Good means: every authoritative server gave one address, the application answered there with its own identity
    and that site's data; when ``full``, one write-and-read transaction succeeded as well.
    """

    application: str
    slot: int
    """Place on the grid; missing slots are gaps in observation."""
    started: float = field(metadata=MICROSECONDS)
    ended: float = field(metadata=MICROSECONDS)
    wall: str
    """ISO 8601 UTC of ``started``."""
    good: bool
    full: bool
    served_by: str | None = None
    """Site that answered."""
    data_site: str | None = None
    """Site of the database that answered (full samples)."""
    names: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    """Name server (its site) to the site its answer points to; None when it did not answer."""
    reason: SampleReason | None = None
    detail: str = ""
    drill: bool = False
    boot: str = field(default="", metadata=LEFT_OUT)
    """Start of the machine it was taken under (`evidence.boots`); empty: not known."""


@dataclass(frozen=True, kw_only=True)
class CanaryWrite:
    """One numbered write. ``acknowledged`` False means nobody knows whether it was kept."""

    application: str
    number: int
    started: float = field(metadata=MICROSECONDS)
    ended: float = field(metadata=MICROSECONDS)
    acknowledged: bool
    boot: str = field(default="", metadata=LEFT_OUT)
    """Start of the machine it was made under; empty: not known."""


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """An instant that lies between two observations. ``earliest <= truth <= latest`` (monotonic seconds)."""

    earliest: float
    latest: float

    @property
    def middle(self) -> float:
        """The estimate."""
        return (self.earliest + self.latest) / 2


@dataclass(frozen=True, kw_only=True)
class Duration:
    """A measured duration in seconds with its bounds: ``seconds - minus <= truth <= seconds + plus``."""

    seconds: float
    plus: float
    minus: float


class OutageStatus(StrEnum):
    """What the samples prove about one application."""

    RECOVERED = "recovered"
    """Good before, bad, then good from the expected site."""
    NOT_RECOVERED = "not-recovered"
    """It was seen going down and was not seen good from the expected site."""
    VACUOUS = "vacuous"
    """No outage was seen though there must have been one, or nothing good was seen before: proves nothing."""
    UNTOUCHED = "untouched"
    """No outage was seen and none was expected (drill: production must be this)."""
    INTERRUPTED = "interrupted"
    """An outage was seen where none was expected."""
    NOT_OBSERVED = "not-observed"
    """No samples."""


@dataclass(frozen=True, kw_only=True)
class Outage:
    """The outage of one application as the samples show it."""

    application: str
    status: OutageStatus
    began: Bracket | None = None
    ended: Bracket | None = None
    length: Duration | None = None
    detected: float | None = None
    """End of the first bad sample."""
    restored_by: str | None = None
    """Site of the first good sample after the outage."""
    samples: int = 0
    bad_samples: int = 0
    largest_gap_s: float | None = None
    """Longest time between two neighbouring samples: an outage shorter than this could be missed."""
    reason: str = ""


class LossStatus(StrEnum):
    """What the canaries prove."""

    MEASURED = "measured"
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True, kw_only=True)
class DataLoss:
    """Data loss of one application by its canaries (RPA). Counts acknowledged numbers, never a maximum."""

    application: str
    status: LossStatus
    acknowledged: int = 0
    """Canaries acknowledged before the outage."""
    lost: int = 0
    lost_numbers: tuple[int, ...] = ()
    seconds: Duration | None = None
    """RPA: from the acknowledgement of the oldest lost canary to the start of the outage, or to the newest lost one
    when that came later; 0 when none is lost."""
    duplicates: int = 0
    unacknowledged_found: int = 0
    """Writes nobody acknowledged that were found all the same."""
    reason: str = ""
