"""Frozen values of the planner. Days are those of the programme's time zone, instants aware UTC, durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from drorch.year.model import Activity


class Unit(StrEnum):
    """What one test is about."""

    GROUP = "group"
    """All applications of a protection group: their data moves as one unit."""
    SUBJECT = "subject"
    """Up to ``batch`` subjects in the order of the catalog."""
    ALL = "all"
    """Everybody who owes it, together."""


@dataclass(frozen=True, kw_only=True)
class TestRule:
    """How tests of one activity are held. Without ``sites``: those of the protection group."""

    __test__ = False

    id: str
    activity: Activity
    unit: Unit
    length_s: float
    sites: tuple[str, ...] = ()
    people: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    batch: int = 1


@dataclass(frozen=True, kw_only=True)
class Pool:
    """People of a kind: so many can be at tests at the same time."""

    id: str
    name: str
    at_once: int


@dataclass(frozen=True, kw_only=True)
class Absence:
    """Between two days (both belong to it) only ``at_once`` people of a pool are there."""

    id: str
    pool: str
    first_day: date
    last_day: date
    at_once: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class PlannerLimits:
    """How many tests, whoever holds them."""

    at_once: int = 2
    per_site: int = 1
    """At once at one site."""
    per_day: int = 2
    per_week: int = 5


@dataclass(frozen=True, kw_only=True)
class Planner:
    """The file ``planner.yaml`` as understood."""

    id: str
    rules: tuple[TestRule, ...]
    pools: tuple[Pool, ...]
    absences: tuple[Absence, ...]
    limits: PlannerLimits
    dependencies_first: bool = True
    """What others depend on is tested before them."""
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """One test that has to be held between two days (both belong to it), behind the tasks ``after``."""

    id: str
    rule: TestRule
    title: str
    subjects: tuple[str, ...]
    sites: tuple[str, ...]
    earliest: date
    latest: date
    after: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A test that is booked: it stays where it is."""

    id: str
    start: datetime
    length_s: float
    sites: tuple[str, ...]
    subjects: tuple[str, ...]
    people: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A task with its start."""

    task: Task
    start: datetime


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that could be given up. ``key`` is stable, ``text`` for people."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A task without a place, and what stood against it on how many of its possible times."""

    task: Task
    because: tuple[tuple[str, int], ...]
    """``(what, times)``, the most frequent first."""


class Verdict(StrEnum):
    """What can be said."""

    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    """Proved: no plan keeps all of it."""
    UNKNOWN = "unknown"
    """Neither found nor ruled out within the bound. Never taken for either."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """``starts`` by task number in minutes since the origin, as many as could be placed."""

    verdict: Verdict
    starts: Mapping[int, int]
    work: int
    """How many times a place was looked at; the bound is counted in this."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """A booked test that would have to be moved for the rest to fit."""

    booking: str
    before: datetime
    after: datetime


@dataclass(frozen=True, kw_only=True)
class YearPlan:
    """The answer."""

    year: int
    verdict: Verdict
    placements: tuple[Placement, ...]
    fixed: tuple[Fixed, ...]
    left_out: tuple[LeftOut, ...]
    conflict: tuple[Reason, ...]
    """Reasons that together make it impossible: without any one of them it is possible, when ``minimal``."""
    minimal: bool
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = ()
