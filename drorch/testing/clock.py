"""A clock driven by hand: time passes when somebody sleeps on it or advances it, and never backwards."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from drorch.core.clock import Clock, Instant


class HandClock(Clock):
    """Thread-safe. Sleepers in parallel share the time that passes, as on a real clock."""

    def __init__(self, start: datetime = datetime(2013, 3, 1, 3, 0, tzinfo=UTC), mono: float = 1000.0) -> None:
        self._start, self._origin, self._mono = start, mono, mono
        self._lock = threading.Lock()
        self._never = threading.Event()

    def now(self) -> Instant:
        """The present instant."""
        with self._lock:
            return Instant(mono=self._mono, wall=self._start + timedelta(seconds=self._mono - self._origin))

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        with self._lock:
            self._mono += seconds

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass from the caller's point of view; gives other threads a moment of real time."""
        with self._lock:
            until = self._mono + max(0.0, seconds)
        self._never.wait(0.0005)
        with self._lock:
            self._mono = max(self._mono, until)
