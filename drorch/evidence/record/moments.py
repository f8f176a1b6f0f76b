"""Monotonic readings of the record as moments for people, rounded so that bounds never claim too much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, timedelta

from drorch.core.clock import Instant
from drorch.evidence.model import Bracket, Duration
from drorch.evidence.record.model import Measured, Moment

_TINY = 1e-6


def hundredths(seconds: float) -> float:
    """Seconds with two decimals; never minus zero."""
    return round(seconds, 2) + 0.0


def _outward(bound: float) -> float:
    """A bound rounded up to hundredths; 0 stays 0."""
    return max(0.0, math.ceil((bound - _TINY) * 100) / 100) + 0.0


def measured(duration: Duration | None) -> Measured | None:
    """A duration for the record; None stays None."""
    if duration is None:
        return None
    seconds = hundredths(duration.seconds)
    return Measured(
        seconds=seconds,
        plus=_outward(duration.seconds + duration.plus - seconds),
        minus=_outward(seconds - (duration.seconds - duration.minus)),
    )


@dataclass(frozen=True, kw_only=True)
class TimeLine:
    """Turns readings of the machine's monotonic clock into moments counted from the creation of the run.

    Wall times are derived from the origin's pair of readings: the wall clock may jump during a run, the record's does
    not.
    """

    origin: Instant

    def mono(self, reading: float, *, plus: float = 0.0, minus: float = 0.0) -> Moment:
        """The moment of a monotonic reading in seconds; ``plus``/``minus`` are its bounds in seconds."""
        wall = self.origin.wall.astimezone(UTC) + timedelta(seconds=reading - self.origin.mono)
        return Moment(
            wall=wall.isoformat(timespec="milliseconds"),
            mono=round(reading, 6),
            offset_s=hundredths(reading - self.origin.mono),
            plus_s=_outward(plus),
            minus_s=_outward(minus),
        )

    def reading(self, reading: float | None) -> Moment | None:
        """As :meth:`mono`; None stays None."""
        return None if reading is None else self.mono(reading)

    def instant(self, instant: Instant) -> Moment:
        """The moment of a journaled instant."""
        return self.mono(instant.mono)

    def bracket(self, bracket: Bracket | None) -> Moment | None:
        """The middle of a bracket with its bounds; None stays None."""
        if bracket is None:
            return None
        half = (bracket.latest - bracket.earliest) / 2
        return self.mono(bracket.middle, plus=half, minus=half)
