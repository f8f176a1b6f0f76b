"""Frozen values of corrective actions: what they are about, how they stand. No I/O, no clock.

Instants are aware UTC datetimes, days are calendar days. Fields after ISO 22301:2019 10.1
and the HSEEP improvement plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from drorch.year.model import Attachment


class ActionSeverity(StrEnum):
    """How grave the finding is."""

    CRITICAL = "critical"
    """Something was not recovered."""
    MAJOR = "major"
    """Recovered, and an objective was missed, or nothing proves it."""
    MINOR = "minor"
    """Objectives were met, and something has to be looked at."""


class Element(StrEnum):
    """Which part of preparedness has to change (the capability elements of HSEEP)."""

    PLANNING = "planning"
    ORGANISATION = "organisation"
    EQUIPMENT = "equipment"
    TRAINING = "training"
    EXERCISE = "exercise"


class ActionState(StrEnum):
    """How far it is. Only ``verified`` and ``closed`` are not open any more."""

    OPEN = "open"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    """Its owner claims so; nothing has proved it."""
    VERIFIED = "verified"
    """A later run passed, and another person than the owner found it effective."""
    CLOSED = "closed"
    RE_OPENED = "re-opened"


PROVED = frozenset({ActionState.VERIFIED, ActionState.CLOSED})


class SubjectKind(StrEnum):
    """What a retest has to cover."""

    STEP = "step"
    APPLICATION = "application"
    EXERCISE = "exercise"
    """``<activity>/<subject>`` of the year: proved by a later record, because no run does it."""


@dataclass(frozen=True, kw_only=True, order=True)
class Subject:
    """One thing a retest has to cover."""

    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a finding comes from. Without ``run`` a person opened the action by hand."""

    code: str
    key: str
    """``code/subject``: the same finding in another run has the same key."""
    message: str
    run: str | None = None
    kind: str | None = None
    """The kind of that run (``plan.model.Kind``)."""
    estate: str | None = None
    ended: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """One change of an action."""

    seq: int
    at: datetime
    person: str
    reason: str
    what: str
    state: ActionState


@dataclass(frozen=True, kw_only=True)
class Action:
    """One corrective action as it stands after all that was said about it."""

    id: str
    source: Source
    severity: ActionSeverity
    title: str
    subjects: tuple[Subject, ...]
    state: ActionState
    opened_at: datetime
    opened_by: str
    action: str | None = None
    """What is done about it."""
    immediate_correction: str | None = None
    root_cause: str | None = None
    similar_cases: str | None = None
    """What was found when similar cases were looked for."""
    element: Element | None = None
    organisation: str | None = None
    owner: str | None = None
    owners: tuple[str, ...] = ()
    """Everybody who ever owned it or claimed it done: none of them may verify or close it."""
    start: date | None = None
    due: date | None = None
    completed_at: datetime | None = None
    claimed_at: datetime | None = None
    evidence: tuple[Attachment, ...] = ()
    verification_method: str | None = None
    verifier: str | None = None
    effective: bool | None = None
    """None: nobody has said."""
    retest: str | None = None
    """The run or the record that proves it."""
    plan_change: str | None = None
    """The change of a plan, or why none is needed."""
    reopened: int = 0
    recurred_in: tuple[str, ...] = ()
    """Later runs that showed the finding again."""
    kinds: tuple[str, ...] = ()
    """Kinds of the runs that showed it: a retest has to prove as much as each of them."""
    history: tuple[History, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it still has to be proved."""
        return self.state not in PROVED

    def overdue(self, day: date) -> bool:
        """Whether it is open after its last day. What is claimed and not verified is open."""
        return self.is_open and self.due is not None and self.due < day


@dataclass(frozen=True, kw_only=True)
class ActionBook:
    """All actions by id, in the order they were opened."""

    actions: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}))
