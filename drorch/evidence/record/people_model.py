"""The part of the record about people: what they decided, what they had undone, how long was waited for them."""

from __future__ import annotations

from dataclasses import dataclass

from drorch.evidence.record.vocabulary import Moment


@dataclass(frozen=True, kw_only=True)
class OperatorAct:
    """What a person decided during the run."""

    at: Moment
    act: str
    step: str | None
    person: str
    reason: str
    evidence: str | None


@dataclass(frozen=True, kw_only=True)
class UndoneStep:
    """What became of undoing one step."""

    step: str
    title: str
    outcome: str
    """``undone``, ``failed``, or ``left`` when it was not tried."""
    reason: str
    began: Moment | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class WaitForPeople:
    """A stretch of time in which nothing went on because a person was needed."""

    what: str
    """``approval``, ``pause``, ``unknown step``, ``decision``, ``commit`` or ``interrupted``."""
    since: Moment
    until: Moment
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TimeShare:
    """The time from the run's creation to its last event, shared between people and machines."""

    total_s: float
    machine_s: float
    people_s: float
    waits: tuple[WaitForPeople, ...]
