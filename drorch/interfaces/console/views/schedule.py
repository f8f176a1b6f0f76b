"""The schedule for people: what begins when, what became of past instants, and the last call-out exercises."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from drorch.callout.result import CalloutResult
from drorch.interfaces.console.views.paging import Page
from drorch.schedules.decide import ON_TIME_S
from drorch.schedules.events import Instant
from drorch.schedules.model import Part, Schedule, Slot, WorkKind
from drorch.year.local_time import local
from drorch.year.model import TestResult


@dataclass(frozen=True, kw_only=True)
class ComingLine:
    """One slot to come. ``closed``: why its sites are not open then."""

    key: str
    schedule: str
    title: str
    precheck: bool
    nominal: datetime
    local: str
    kind: str
    owner: str
    closed: str | None


@dataclass(frozen=True, kw_only=True)
class PastLine:
    """One instant that somebody took. ``code`` is one of `words.INSTANT`."""

    key: str
    nominal: datetime
    code: str
    why: str
    late_s: float | None
    """None: on time."""
    run: str | None
    begun: bool
    """Whether there is such a run; of a failover only the plan is laid ready."""


@dataclass(frozen=True, kw_only=True)
class SchedulePage:
    """The page of the schedule."""

    days: int
    coming: Page[ComingLine]
    past: Page[PastLine]
    query: Mapping[str, str]
    unclaimed: tuple[Slot, ...]
    """Owed, and no scheduler took them."""


def coming_line(slot: Slot, schedule: Schedule, closed: str | None) -> ComingLine:
    """The slot with the words of its schedule."""
    precheck = slot.part is Part.PRECHECK
    return ComingLine(
        key=slot.key,
        schedule=schedule.id,
        title=schedule.title,
        precheck=precheck,
        nominal=slot.nominal,
        local=local(slot.nominal, schedule.recurrence.zone),
        kind=WorkKind.READINESS.value if precheck else schedule.work.kind.value,
        owner=schedule.owner,
        closed=closed,
    )


def past_line(item: Instant, runs: Collection[str]) -> PastLine:
    """How the instant stands. ``runs``: all there are."""
    late = item.claimed.late_s
    return PastLine(
        key=item.key,
        nominal=item.claimed.nominal,
        code=item.ended.outcome.value if item.ended else "under-way",
        why=item.ended.reason if item.ended else item.chosen.reason if item.chosen else "",
        late_s=late if late > ON_TIME_S else None,
        run=item.run,
        begun=item.run in runs,
    )


@dataclass(frozen=True, kw_only=True)
class CalloutLine:
    """One exercise in totals: nobody is named, whatever its tree allows. ``code`` is one of `words.CALLOUT`."""

    exercise: str
    title: str
    code: str
    begun_at: datetime | None
    over_at: datetime | None
    expected: int
    reached: int
    covered: int
    failed: int
    """Departments in which too few were reached."""
    departments: int
    slowest_s: float | None
    sent: int
    not_sent: int
    unknown: int
    problem: str = ""
    """Why it cannot be read."""


def callout_line(found: CalloutResult) -> CalloutLine:
    """The totals of an exercise as it stands."""
    failed = sum(item.result is TestResult.FAIL for item in found.departments)
    slowest = [item.slowest_s for item in found.departments if item.slowest_s is not None]
    return CalloutLine(
        exercise=found.exercise,
        title=found.title,
        code=_callout_code(found, failed),
        begun_at=found.begun_at,
        over_at=found.over_at,
        expected=sum(item.expected for item in found.departments),
        reached=sum(item.reached for item in found.departments),
        covered=sum(item.covered_by_deputy for item in found.departments),
        failed=failed,
        departments=len(found.departments),
        slowest_s=max(slowest) if slowest else None,
        sent=found.messages.sent,
        not_sent=found.messages.not_sent,
        unknown=found.messages.unknown,
    )


def _callout_code(found: CalloutResult, failed: int) -> str:
    if found.outcome is None:
        return "under-way"
    if failed:
        return "fail"
    results = {item.result for item in found.departments}
    # Without a result of every department nothing is green: it was stopped.
    if not results or None in results:
        return "no-result"
    return "pass" if results == {TestResult.PASS} else "pass-with-issues"


def unreadable_callout(exercise: str, problem: str) -> CalloutLine:
    """One whose files are damaged is shown as such, never left out."""
    return CalloutLine(
        exercise=exercise, title="", code="unreadable", begun_at=None, over_at=None, expected=0, reached=0, covered=0,
        failed=0, departments=0, slowest_s=None, sent=0, not_sent=0, unknown=0, problem=problem,
    )  # fmt: skip
