"""Frozen values of the programme: obligations, exemptions, what fulfils them, and planned tests. No I/O, no clock.

Days are calendar days of the programme's own time zone; instants are aware UTC datetimes; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from drorch.catalog.model import Arrangement, Provenance
from drorch.year.windows import Windows

PROGRAMME_SCHEMA = 1


class Activity(StrEnum):
    """What kind of test or exercise. Kinds never stand in for each other: a call-out test is not a recovery test."""

    RECOVERY_TEST = "recovery-test"
    JOINT_TECHNOLOGY_TEST = "joint-technology-test"
    REMOTE_ACCESS_TEST = "remote-access-test"
    TELECOMMUTING_TEST = "telecommuting-test"
    CALL_OUT_EXERCISE = "call-out-exercise"
    CRISIS_SIMULATION = "crisis-simulation"
    PLAN_COMPONENT_EXERCISE = "plan-component-exercise"
    TRAINING = "training"


class Period(StrEnum):
    """How often. The two differ: 2 January and 30 December of the next year satisfy the first and fail the second."""

    CALENDAR_YEAR = "calendar-year"
    ROLLING_12_MONTHS = "rolling-12-months"


class SubjectKind(StrEnum):
    """Who or what owes it."""

    APPLICATION = "application"
    DEPARTMENT = "department"
    BODY = "body"
    """A standing group of people, such as the crisis operations group."""
    ROLE = "role"


class Requirement(StrEnum):
    """What a record has to hold before it counts."""

    SIGN_OFF = "sign-off"
    """Signed by a person of the subject, other than the one who entered it."""
    FULL_ATTENDANCE = "full-attendance"
    """Everybody who was expected took part."""
    NUMBERS = "numbers"
    """How many were expected and how many took part or were reached."""


class TestResult(StrEnum):
    """How a test ended. Only the first two fulfil an obligation."""

    __test__ = False

    PASS = "pass"
    PASS_WITH_ISSUES = "pass-with-issues"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Party:
    """A body or a role of the programme file. ``members`` None: not stated."""

    id: str
    name: str
    members: int | None = None
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """Which subjects owe an obligation. Empty ``only`` means all of the kind; ``arrangements`` is for applications."""

    kind: SubjectKind
    only: tuple[str, ...] = ()
    arrangements: tuple[Arrangement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """A duty with its own period rule. With ``components`` it is owed once per subject and component."""

    id: str
    title: str
    activity: Activity
    period: Period
    in_force_from: date
    subjects: Subjects
    components: tuple[str, ...] = ()
    requires: frozenset[Requirement] = frozenset()
    lead_days: int = 0
    """Rolling rule only: so many days before the last day it holds, it counts as due."""
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """One subject need not fulfil one obligation for a time: who decided that, and why. Both days belong to it."""

    id: str
    obligation: str
    subject: str
    approved_by: str
    reason: str
    valid_from: date
    until: date

    def covers(self, day: date) -> bool:
        """Whether it is in force on ``day``."""
        return self.valid_from <= day <= self.until


@dataclass(frozen=True, kw_only=True)
class Programme:
    """The programme file (``year.yaml``) as understood."""

    id: str
    title: str
    timezone: str
    """IANA name: whose calendar decides to which day and year a test belongs."""
    estates: frozenset[str]
    """Runs on these estates count; a rehearsal elsewhere proves nothing about this one."""
    bodies: tuple[Party, ...]
    roles: tuple[Party, ...]
    obligations: tuple[Obligation, ...]
    exemptions: tuple[Exemption, ...]
    windows: Windows
    tier_1_groups_at_once: int | None = None
    """So many protection groups with a tier-1 application may move at once on purpose; None: no limit is set."""
    evidence_days: int | None = None
    """So many days a test is believed, whatever its period says; None: its age alone makes none stale."""
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Fulfilment:
    """Something that was done on a day: out of a run's record, or entered by a person. It counts or it does not."""

    activity: Activity
    subject: str
    day: date
    result: TestResult
    reference: str
    """``run 20130301-…`` or ``record 7``."""
    component: str | None = None
    signed_off_by: str | None = None
    entered_by: str | None = None
    took_part: int | None = None
    expected: int | None = None
    note: str = ""
    test: str | None = None
    """The denial-of-access test whose sealed evidence this is."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file of evidence, named and fixed by its content."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Booking:
    """A planned test as it stands after all changes. ``start`` is UTC, ``sequence`` counts the changes (RFC 5545)."""

    id: str
    activity: Activity
    title: str
    sites: tuple[str, ...]
    subjects: tuple[str, ...]
    start: datetime
    duration_s: float
    sequence: int
    called_off: bool
    booked_at: datetime
    changed_at: datetime
    reason: str
    """Of the last change."""
