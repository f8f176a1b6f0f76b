"""What is asked of the systems that carry remote access: typed readings, typed failures, and the ports of the clients.

No reading holds a name of a user, an address of a home, or a secret. Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from drorch.access.model import LicenceModel, Machine
from drorch.core.errors import Broken


class Trouble(StrEnum):
    """Why a system could not be read. Also the ``reason`` of metrics: a fixed, short list."""

    AUTH = "auth"
    """The name or password was refused. It is never tried again: accounts are locked by retries."""
    EXPIRED = "expired"
    """The session or token is no longer valid, also after a new one was fetched."""
    FORBIDDEN = "forbidden"
    """The account lacks a right."""
    MISSING = "missing"
    """The system does not know what was asked for."""
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    """Who answers could not be verified."""
    REDIRECTED = "redirected"
    """A page for people (most often a login page) instead of data."""
    TOO_LARGE = "too_large"
    PARSE = "parse"
    """The answer is cut off, or not what is documented."""
    HTTP = "http"
    """Any other answer that says no."""
    SECOND_FACTOR = "second_factor"
    """The way in asks for more than a password; it cannot be tested beyond that."""


class SourceFailed(Broken):
    """A system could not be read. ``trouble`` says why; the text never holds a secret."""

    def __init__(self, trouble: Trouble, what: str, *, where: str, next_step: str | None = None) -> None:
        self.trouble = trouble
        super().__init__(what, where=where, next_step=next_step)


class Denial(StrEnum):
    """Why people were turned away or could not start."""

    NO_LICENSE = "no_license"
    ICA_LICENSE = "ica_license"
    NO_CAPACITY = "no_capacity"
    AUTH = "auth"
    STA = "sta"
    CONFIG = "config"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class GatewayReading:
    """A gateway (the primary of a pair) at one moment. Unlimited is infinity; None was not told."""

    gateway: str
    at: datetime
    node: str
    """Host that answered as the primary."""
    sessions: int
    ica_only: bool | None
    max_users: float
    concurrent_licences: float
    throughput_mbit_s: float | None
    denials: Mapping[Denial, int]
    """Counters since ``counting_since``; they start anew at a restart and when the pair changes."""
    counting_since: str
    """Which node, and since when it counts: values with another one here cannot be subtracted."""
    lease_until: date | None


@dataclass(frozen=True, kw_only=True)
class PoolReading:
    """The machines of a pool at one moment."""

    pool: str
    at: datetime
    machines: tuple[Machine, ...]


@dataclass(frozen=True, kw_only=True)
class LicenceReading:
    """A licence pool at one moment."""

    licence: str
    at: datetime
    count: float | None
    in_use: int | None
    overdraft: int = 0
    model: LicenceModel | None = None
    lease_until: date | None = None
    grace: bool = False
    """It runs on grace: what is in use is not covered. Grace never counts as seats."""


@dataclass(frozen=True, kw_only=True)
class LoginReading:
    """A synthetic login, phase by phase."""

    site: str
    at: datetime
    succeeded: bool
    phases: tuple[PhaseReading, ...]
    trouble: Trouble | None = None


@dataclass(frozen=True, kw_only=True)
class PhaseReading:
    """One phase of a login. ``seconds`` is what it took, also when it failed."""

    phase: str
    seconds: float
    succeeded: bool


Observed = GatewayReading | PoolReading | LicenceReading | LoginReading


@dataclass(frozen=True, kw_only=True)
class MinuteSample:
    """Concurrent sessions of a site in one minute (UTC). None: the minute was not observed."""

    site: str
    minute: datetime
    sessions: int | None
    logons: int = 0
    logon_s: float = 0.0
    """Sum of the durations of ``logons``, in seconds."""


@dataclass(frozen=True, kw_only=True)
class SourceAnswer:
    """Everything one round over a source gave."""

    readings: tuple[Observed, ...] = ()
    minutes: tuple[MinuteSample, ...] = ()
    denials: Mapping[Denial, int] = field(default_factory=lambda: MappingProxyType({}))
    """Turned away in the hour before, where the source keeps times and not counters."""


@dataclass(frozen=True, kw_only=True)
class CallCheck:
    """One call of `drorch access doctor`: what it is for, and what came of it."""

    call: str
    gives: str
    trouble: Trouble | None
    found: str
    """What was answered, in short, or what is wrong and what to do."""


class AccessSource(Protocol):
    """One system that is asked. Not for several threads: one call at a time."""

    @property
    def id(self) -> str:
        """Its id in the sources file."""
        ...

    def read(self, since: datetime) -> SourceAnswer:
        """One round; minutes from ``since`` on. SourceFailed when it cannot be read."""
        ...

    def checks(self) -> Sequence[CallCheck]:
        """Each call by itself; never raises SourceFailed."""
        ...

    def close(self) -> None:
        """Log off and let go of connections."""
        ...


class HeldLogin(Protocol):
    """A login that holds its session at the gateway until it is logged off."""

    @property
    def reading(self) -> LoginReading:
        """How it went."""
        ...

    @property
    def resources(self) -> frozenset[str]:
        """Names of the published applications and desktops it was offered."""
        ...

    def log_off(self) -> bool:
        """Log off; whether the other side said so. Repeating it does nothing."""
        ...

    def ticket(self) -> Mapping[str, object]:
        """What another process needs to log it off. Holds the session: for a pipe, never for a file."""
        ...


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account for synthetic logins. The password stands in a file of its own."""

    user: str
    password_file: str


class LoginDriver(Protocol):
    """Logs test accounts on."""

    def log_in(self, account: Account) -> HeldLogin:
        """Log on and keep the session. Never raises SourceFailed: how far it came is in the reading."""
        ...

    def log_off(self, ticket: Mapping[str, object]) -> bool:
        """Log off what another process logged on, by its ticket."""
        ...


@dataclass(frozen=True, kw_only=True)
class PollRecord:
    """One round over one source. ``trouble`` None: it was read."""

    source: str
    at: datetime
    trouble: Trouble | None
    text: str = ""
    secret_mark: str = ""
    """Changes when the file with the secret is changed: a refused password is not sent again before that."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Minutes of a site that nobody observed: unknown, not zero. ``until`` is the first observed minute behind."""

    site: str
    since: datetime
    until: datetime


class ReadingArchive(Protocol):
    """What was read, kept longer than the vendor keeps it. Every method is one transaction."""

    def keep(self, source: str, answer: SourceAnswer) -> int:
        """Store an answer; minutes that are known already stay one. Number of minutes that were new."""
        ...

    def keep_poll(self, record: PollRecord) -> None:
        """Store how a round went."""
        ...

    def latest(self) -> Sequence[Observed]:
        """The last reading of each gateway, pool and login, and of each licence pool from each source."""
        ...

    def before(self, reading: GatewayReading) -> GatewayReading | None:
        """The reading of the same gateway before this one."""
        ...

    def polls(self) -> Mapping[str, tuple[PollRecord, datetime | None]]:
        """The last round of each source, and when one last succeeded."""
        ...

    def last_minute(self, site: str) -> datetime | None:
        """The last observed minute of a site."""
        ...

    def weeks(self, sites: Sequence[str]) -> Mapping[date, int | None]:
        """Weekly peaks (see `access.trend`) of the sum of these sites; a minute counts when all of them were seen."""
        ...

    def gaps(self, site: str, since: datetime, until: datetime) -> Sequence[Gap]:
        """Stretches of unobserved minutes, in order."""
        ...

    def forget(self, before: datetime) -> int:
        """Drop minutes and readings older than ``before``; weekly peaks are kept. Number of minutes dropped."""
        ...


@runtime_checkable
class NamesUsers(Protocol):
    """A source that can say who is logged on. For the observed day only: callers count names and forget them."""

    def user_names(self) -> Sequence[str]:
        """Names of users who are logged on now."""
        ...
