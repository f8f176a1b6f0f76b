"""Fakes at the schedule's ports. The store passes the same contract suite as the real one."""

from __future__ import annotations

import threading
from datetime import datetime

from drorch.schedules.events import Adopted, Claimed, Ended, Process, ScheduleEvent


class MemoryScheduleStore:
    """A store that lasts as long as the object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, dict[int, ScheduleEvent]] = {}
        self._claimed: dict[str, datetime] = {}
        self._open: set[str] = set()
        self._last: dict[str, datetime] = {}

    def append(self, event: ScheduleEvent) -> bool:
        """See the port."""
        with self._lock:
            mine = self._events.setdefault(event.key, {})
            if event.seq in mine:
                return False
            mine[event.seq] = event
            body, of = event.body, event.key.partition("@")[0]
            if isinstance(body, Claimed):
                self._claimed[event.key] = body.nominal
                self._open.add(event.key)
                self._last[of] = max(body.nominal, self._last.get(of, body.nominal))
            if isinstance(body, Ended):
                self._open.discard(event.key)
            return True

    def read(self, key: str) -> tuple[ScheduleEvent, ...]:
        """See the port."""
        with self._lock:
            return tuple(event for _, event in sorted(self._events.get(key, {}).items()))

    def last_claimed(self, of: str) -> datetime | None:
        """See the port."""
        with self._lock:
            return self._last.get(of)

    def open_keys(self) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            return tuple(sorted(self._open, key=self._place))

    def keys(self, since: datetime, until: datetime) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            found = [key for key, at in self._claimed.items() if since <= at <= until]
            return tuple(sorted(found, key=self._place))

    def schedules(self) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            found = [key for key, events in self._events.items() if any(_is(e, Adopted) for e in events.values())]
        return tuple(sorted(found))

    def _place(self, key: str) -> tuple[datetime, str]:
        return self._claimed[key], key


def _is(event: ScheduleEvent, kind: type) -> bool:
    return isinstance(event.body, kind)


class FakePresence:
    """A process that says who it is, among those in ``alive`` (shared by all processes of one machine)."""

    def __init__(self, pid: int, alive: set[int], host: str = "testhost") -> None:
        self._me = Process(host=host, pid=pid, started=pid)
        self._alive = alive
        alive.add(pid)

    def myself(self) -> Process:
        """See the port."""
        return self._me

    def lives(self, process: Process) -> bool | None:
        """See the port."""
        return process.pid in self._alive if process.host == self._me.host else None
