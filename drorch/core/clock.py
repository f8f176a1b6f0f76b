"""Time as drorch sees it: an instant carries the wall time (for people) and the monotonic time (for durations).

Order and durations come from the monotonic reading only; the wall clock may jump. On Linux ``CLOCK_MONOTONIC`` is one
clock for all processes of a machine, so readings taken by the prober and by the driver can be subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from drorch.core.codec import MICROSECONDS
from drorch.core.errors import InputInvalid


@dataclass(frozen=True, kw_only=True, order=True)
class Instant:
    """One moment. ``mono`` in seconds of the machine's monotonic clock, ``wall`` an aware UTC datetime."""

    mono: float = field(metadata=MICROSECONDS)
    wall: datetime = field(metadata=MICROSECONDS)

    def __post_init__(self) -> None:
        if self.wall.tzinfo is None:
            raise InputInvalid("a wall time without a time zone", next_step="give an aware datetime")

    def since(self, earlier: Instant) -> float:
        """Seconds from ``earlier`` to this instant."""
        return self.mono - earlier.mono

    @property
    def wall_text(self) -> str:
        """The wall time as it is written: UTC, to the microsecond."""
        return self.wall.astimezone(UTC).isoformat(timespec="microseconds")


class Clock(Protocol):
    """Where time comes from. The real one is ``drorch.adapters.clock.SystemClock``, the fake is in drorch.testing."""

    def now(self) -> Instant:
        """The present instant."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        ...


def to_the_second(instant: datetime) -> datetime:
    """The same instant in UTC, to the second: what people say is never more exact."""
    return instant.astimezone(UTC).replace(microsecond=0)
