"""Frozen values of the schedule file. Local times are naive, on the clock of ``zone``; instants are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from drorch.core.codec import LOCAL

SCHEDULES_SCHEMA = 1


class WorkKind(StrEnum):
    """What a schedule does."""

    READINESS = "readiness"
    DRILL = "drill"
    SWITCHOVER = "switchover"
    FAILOVER = "failover"
    FAILBACK = "failback"
    CHECK = "check"


PREPARED_ONLY = frozenset({WorkKind.SWITCHOVER, WorkKind.FAILOVER, WorkKind.FAILBACK})
"""Never started by a schedule: the run, or the plan, is laid ready, and people decide."""


class Skipped(StrEnum):
    """What becomes of a time that never comes because the clocks are set forward."""

    LATER = "later"
    """The moment the clocks are set forward."""
    OMIT = "omit"
    """It is no time of the schedule that day."""


class Doubled(StrEnum):
    """Which one is meant when a time comes twice because the clocks are set back. Never both."""

    FIRST = "first"
    SECOND = "second"


class IfLate(StrEnum):
    """What to do when nobody was there at the time."""

    RUN_LATE = "run-late"
    SKIP = "skip"


class Part(StrEnum):
    """What of a schedule an instant is for."""

    MAIN = "main"
    PRECHECK = "precheck"


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """When. Without ``rule`` it is once, at ``start``; with it the rule's times from ``start`` on (RFC 5545 RRULE)."""

    zone: str
    start: datetime = field(metadata=LOCAL)
    rule: str | None = None
    skipped: Skipped = Skipped.LATER
    doubled: Doubled = Doubled.FIRST


@dataclass(frozen=True, kw_only=True)
class Work:
    """What. ``lose`` is the site whose applications are meant; ``check`` names the check of a `WorkKind.CHECK`."""

    kind: WorkKind
    lose: str | None = None
    groups: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    check: str | None = None


@dataclass(frozen=True, kw_only=True)
class Precheck:
    """A readiness run of the same scope some days before, at the same time of day."""

    days_before: int
    holds: bool
    """Without a pass the test is held; else it is only told."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One entry of the schedule file. Durations are seconds."""

    id: str
    title: str
    site: str
    """Whose clock, windows and people it is about."""
    recurrence: Recurrence
    work: Work
    length_s: float
    if_late: IfLate
    late_within_s: float
    """How late it may still run (`IfLate.RUN_LATE`)."""
    windows: bool
    """Whether every site concerned has to be open for all of ``length_s``."""
    announce_days: int
    precheck: Precheck | None
    owner: str
    department: str

    def key(self, part: Part) -> str:
        """The schedule, or its precheck, as the store knows it."""
        return self.id if part is Part.MAIN else f"{self.id}/{part.value}"


@dataclass(frozen=True, kw_only=True)
class Schedules:
    """The schedule file as understood."""

    id: str
    items: tuple[Schedule, ...]
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    source: str | None = None

    def by_id(self, schedule: str) -> Schedule | None:
        """The entry with this id."""
        return next((item for item in self.items if item.id == schedule), None)


@dataclass(frozen=True, kw_only=True, order=True)
class Slot:
    """One nominal instant: what was to begin when, whoever is there to begin it."""

    nominal: datetime
    schedule: str
    part: Part = Part.MAIN
    test: datetime | None = field(default=None, compare=False)
    """Of a precheck: the nominal instant it is for."""

    @property
    def key(self) -> str:
        """``schedule@2013-03-10T06:30:00Z``: the primary key under which it happens once."""
        of = self.schedule if self.part is Part.MAIN else f"{self.schedule}/{self.part.value}"
        return f"{of}@{stamp(self.nominal)}"

    @property
    def run(self) -> str:
        """The id of its run: the same whoever begins it, sortable by time."""
        of = self.schedule if self.part is Part.MAIN else f"{self.schedule}.{self.part.value}"
        return f"{self.nominal.astimezone(UTC):%Y%m%d-%H%M%S}-{of}"


def stamp(instant: datetime) -> str:
    """``2013-03-10T06:30:00Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
