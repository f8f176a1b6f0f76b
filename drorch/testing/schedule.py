"""Fakes at the schedule's ports. The store passes the same contract suite as the real one."""

from __future__ import annotations

from drorch.schedules.events import Process
from drorch.schedules.log import ScheduleLog
from drorch.testing.streams import MemoryStore


class MemoryScheduleStore(ScheduleLog):
    """A store that lasts as long as the object."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())


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
