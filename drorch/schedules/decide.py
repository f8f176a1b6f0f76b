"""What to do with an instant whose time has come. Pure; the order of the rules is their precedence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drorch.catalog.durations import show_duration
from drorch.schedules.events import Outcome
from drorch.schedules.model import PREPARED_ONLY, IfLate, Part, Schedule, WorkKind

PASSED = frozenset({Outcome.PASSED, Outcome.PASSED_WITH_ISSUES})
"""What a precheck has to end as."""
ON_TIME_S = 120.0
"""An instant begun within this many seconds of its time is on time: two of the scheduler's looks and some."""


class Do(StrEnum):
    """What is done."""

    RUN = "run"
    PREPARE = "prepare"
    CHECK = "check"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything the decision depends on."""

    late_s: float
    overtaken_by: str | None = None
    """A later instant of the same schedule that is due as well: only the latest is made up for."""
    emergency: str | None = None
    """A real failover is under way: the run, or a sentence that names it."""
    closed: str | None = None
    """Why a site is not open for all of it; None when all are."""
    precheck: Outcome | None = None
    """How the precheck of this test ended; None when there is none, or it has not ended."""
    approval: str | None = None
    """The standing approval that covers exactly this plan; None without one."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Either something to do, or the outcome at once."""

    do: Do | None
    outcome: Outcome | None
    reason: str


def decide(schedule: Schedule, part: Part, now: Situation) -> Decision:
    """What becomes of the instant. Lateness first, then precedence, windows, precheck, approval."""
    moves = part is Part.MAIN and schedule.work.kind is not WorkKind.CHECK
    refused = (
        _late(schedule, now)
        or (_emergency(now) if moves else None)
        or (_closed(schedule, now) if moves else None)
        or (_held(schedule, now) if part is Part.MAIN else None)
    )
    if refused is not None:
        return refused
    late = f"{show_duration(round(now.late_s))} late" if now.late_s > ON_TIME_S else "on time"
    told = ""
    if part is Part.MAIN and schedule.precheck is not None and now.precheck is not Outcome.PASSED:
        told = f"; its precheck {_precheck_words(now)}"
    if part is Part.PRECHECK or schedule.work.kind is WorkKind.READINESS:
        return Decision(do=Do.RUN, outcome=None, reason=f"{late}, changes nothing{told}")
    if schedule.work.kind is WorkKind.CHECK:
        return Decision(do=Do.CHECK, outcome=None, reason=late)
    if schedule.work.kind in PREPARED_ONLY:
        return Decision(do=Do.PREPARE, outcome=None, reason=f"a {schedule.work.kind.value} waits for people{told}")
    if now.approval is None:
        reason = f"no standing approval covers this plan: it waits for people{told}"
        return Decision(do=Do.PREPARE, outcome=None, reason=reason)
    return Decision(do=Do.RUN, outcome=None, reason=f"{late}; {now.approval}{told}")


def _late(schedule: Schedule, now: Situation) -> Decision | None:
    if now.late_s <= ON_TIME_S:
        return None
    late = show_duration(round(now.late_s))
    if schedule.if_late is IfLate.SKIP:
        return _no(Outcome.MISSED, f"nobody was there at its time; {late} later it is skipped, as its policy says")
    if now.late_s > schedule.late_within_s:
        limit = show_duration(schedule.late_within_s)
        return _no(Outcome.MISSED, f"nobody was there at its time; {late} later is more than the {limit} of its policy")
    if now.overtaken_by is not None:
        return _no(Outcome.MISSED, f"nobody was there at its time; {now.overtaken_by} is made up for instead")
    return None


def _emergency(now: Situation) -> Decision | None:
    if now.emergency is None:
        return None
    return _no(Outcome.INTERRUPTED, f"a real failover has precedence: {now.emergency}")


def _closed(schedule: Schedule, now: Situation) -> Decision | None:
    if not schedule.windows or now.closed is None:
        return None
    return _no(Outcome.CLOSED, now.closed)


def _held(schedule: Schedule, now: Situation) -> Decision | None:
    if schedule.precheck is None or not schedule.precheck.holds or now.precheck in PASSED:
        return None
    return _no(Outcome.HELD, f"its precheck {_precheck_words(now)}")


def _precheck_words(now: Situation) -> str:
    return "has no result" if now.precheck is None else f"ended as {now.precheck.value}"


def _no(outcome: Outcome, reason: str) -> Decision:
    return Decision(do=None, outcome=outcome, reason=reason)
