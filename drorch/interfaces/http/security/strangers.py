"""What strangers try, in the audit log: the first lines of a minute and address, of the others their number.

Else anybody who reaches the server could fill its disk, and what matters would be hard to find between the lines.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from drorch.app.audit import AuditLog, Entry
from drorch.core.clock import Clock
from drorch.interfaces.http.security.throttle import network_of

LINES = 20
"""So many lines of one address (of IPv6: its /64) in ``WINDOW_S``."""
WINDOW_S = 60.0
REMEMBERED = 10_000
"""Addresses at once; the one seen first is told and forgotten for a new one."""


@dataclass(kw_only=True)
class _Seen:
    since: float
    lines: int = 0
    more: int = 0


class Strangers:
    """Denied and failed requests of nobody who is known. Bounded in memory and, per address, on disk."""

    def __init__(self, log: AuditLog, clock: Clock) -> None:
        self._log, self._clock, self._lock = log, clock, threading.Lock()
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    @property
    def waiting(self) -> bool:
        """Whether there may be something to tell."""
        return bool(self._seen)

    def note(self, entry: Entry) -> None:
        """Write it, or count it. Broken when the log cannot be written."""
        near, now = network_of(entry.address), self._clock.now().mono
        with self._lock:
            self._tell(now)
            while near not in self._seen and len(self._seen) >= REMEMBERED:
                self._forget(next(iter(self._seen)))
            seen = self._seen.setdefault(near, _Seen(since=now))
            if seen.lines >= LINES:
                seen.more += 1
                return
            seen.lines += 1
        self._log.append(entry)

    def tell(self, *, every: bool = False) -> None:
        """One line for each address whose minute is over (``every``: for all) and that was counted."""
        with self._lock:
            self._tell(None if every else self._clock.now().mono)

    def _tell(self, now: float | None) -> None:
        # In the order in which their minutes began: the first that is not over ends the look.
        while self._seen:
            near, seen = next(iter(self._seen.items()))
            if now is not None and now - seen.since < WINDOW_S:
                return
            self._forget(near)

    def _forget(self, near: str) -> None:
        seen = self._seen[near]
        if seen.more:
            self._log.append(
                Entry(
                    act="(many)",
                    subject="",
                    outcome="denied",
                    status=429,
                    address=near,
                    detail=f"{seen.more} more requests of nobody known within {WINDOW_S:.0f} s, each refused or failed",
                )
            )
        # Only now: a count that could not be written is not lost.
        del self._seen[near]
