"""What happened to each nominal instant, as events under its key, and the fold of them. ``(key, seq)`` is unique.

The first event of an instant is `Claimed`: whoever writes it has the instant, on whatever machine. Everything behind it
is written by whoever has it, before it is done: a run is `Chosen` before it is begun.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from drorch.schedules.model import Part, Schedule


class Outcome(StrEnum):
    """How an instant ended. None of them is silent: each is kept, listed and counted."""

    PASSED = "passed"
    PASSED_WITH_ISSUES = "passed-with-issues"
    FAILED = "failed"
    PREPARED = "prepared"
    """Laid ready: people decide."""
    HELD = "held"
    """The precheck did not pass."""
    MISSED = "missed"
    """Nobody was there at the time, and it was too late afterwards."""
    CLOSED = "closed"
    """A site was not open for it."""
    INTERRUPTED = "interrupted"
    """A real failover took precedence while it ran, or before it began."""
    NOT_STARTED = "not-started"
    """It was to run and did not."""


NOT_HELD = frozenset({Outcome.HELD, Outcome.MISSED, Outcome.CLOSED, Outcome.INTERRUPTED, Outcome.NOT_STARTED})
"""Outcomes of instants at which what was planned was not done."""


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """A schedule stands from here on, as it is in the file; its earlier instants are not owed."""

    schedule: Schedule
    what: Literal["adopted"] = "adopted"


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """The schedule is not in the file any more."""

    what: Literal["dropped"] = "dropped"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process of a machine; ``started`` (ticks since boot) tells it from a later one with the same number."""

    host: str
    pid: int
    started: int


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A process has the instant. ``late_s`` seconds after its time."""

    schedule: str
    part: Part
    nominal: datetime
    late_s: float
    by: Process
    test: datetime | None = None
    what: Literal["claimed"] = "claimed"


@dataclass(frozen=True, kw_only=True)
class TakenOver:
    """The process that had the instant is gone; this one goes on."""

    by: Process
    what: Literal["taken-over"] = "taken-over"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is going to be done (`decide.Do`), and why. ``run`` is the id of the run that will be begun."""

    do: str
    run: str | None
    reason: str
    what: Literal["chosen"] = "chosen"


@dataclass(frozen=True, kw_only=True)
class Driven:
    """A driver of the run was started."""

    run: str
    what: Literal["driven"] = "driven"


@dataclass(frozen=True, kw_only=True)
class GaveWay:
    """A real failover needs what the drill holds: the drill was asked to clean up."""

    to_run: str
    what: Literal["gave-way"] = "gave-way"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The last event of an instant."""

    outcome: Outcome
    reason: str
    what: Literal["ended"] = "ended"


Body = Adopted | Dropped | Claimed | TakenOver | Chosen | Driven | GaveWay | Ended


@dataclass(frozen=True, kw_only=True)
class ScheduleEvent:
    """A body with its place. ``key`` is a `Slot.key`, or a schedule's own key for what concerns the schedule."""

    key: str
    seq: int
    at: datetime
    body: Body


@dataclass(frozen=True, kw_only=True)
class Instant:
    """How one nominal instant stands."""

    key: str
    seq: int
    claimed: Claimed
    claimed_at: datetime
    by: Process
    """Has it now."""
    chosen: Chosen | None = None
    drivers: int = 0
    gave_way_to: str | None = None
    ended: Ended | None = None
    ended_at: datetime | None = None
    last_at: datetime

    @property
    def run(self) -> str | None:
        """The id of its run, once there is to be one."""
        return self.chosen.run if self.chosen else None


def fold_instant(events: Iterable[ScheduleEvent]) -> Instant | None:
    """The instant after its events, in order; None when nobody has claimed it."""
    state: Instant | None = None
    for event in events:
        body = event.body
        if isinstance(body, Claimed):
            state = Instant(
                key=event.key,
                seq=event.seq,
                claimed=body,
                claimed_at=event.at,
                by=body.by,
                last_at=event.at,
            )
        elif state is not None:
            state = replace(_after(state, body, event.at), seq=event.seq, last_at=event.at)
    return state


def _after(state: Instant, body: Body, at: datetime) -> Instant:
    if isinstance(body, TakenOver):
        return replace(state, by=body.by)
    if isinstance(body, Chosen):
        return replace(state, chosen=body)
    if isinstance(body, Driven):
        return replace(state, drivers=state.drivers + 1)
    if isinstance(body, GaveWay):
        return replace(state, gave_way_to=body.to_run)
    if isinstance(body, Ended):
        return replace(state, ended=body, ended_at=at)
    return state


def instant_to_json(state: Instant) -> dict[str, object]:
    """Plain data for people's programs."""
    return {
        "key": state.key,
        "schedule": state.claimed.schedule,
        "part": state.claimed.part.value,
        "nominal": state.claimed.nominal.astimezone(UTC).isoformat(),
        "late_s": round(state.claimed.late_s, 3),
        "do": state.chosen.do if state.chosen else None,
        "run": state.run,
        "chosen": state.chosen.reason if state.chosen else None,
        "outcome": state.ended.outcome.value if state.ended else None,
        "reason": state.ended.reason if state.ended else None,
        "gave_way_to": state.gave_way_to,
        "claimed_at": state.claimed_at.astimezone(UTC).isoformat(),
        "ended_at": state.ended_at.astimezone(UTC).isoformat() if state.ended_at else None,
        "host": state.by.host,
        "pid": state.by.pid,
    }
