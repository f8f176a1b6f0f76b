"""Ports of the schedule: where instants are claimed, and which process lives."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from drorch.schedules.events import Process, ScheduleEvent


class ScheduleStore(Protocol):
    """Events of nominal instants and of schedules. ``(key, seq)`` is unique: whoever writes seq 1 has the instant."""

    def append(self, event: ScheduleEvent) -> bool:
        """Durably add one event; False, with nothing written, when somebody has written this ``(key, seq)``."""
        ...

    def read(self, key: str) -> tuple[ScheduleEvent, ...]:
        """The events of a key in order; empty for an unknown one."""
        ...

    def last_claimed(self, of: str) -> datetime | None:
        """The latest nominal instant (UTC) claimed of ``of`` (`Schedule.key`); None when there is none."""
        ...

    def open_keys(self) -> tuple[str, ...]:
        """Keys of instants that were claimed and have not ended, by nominal time."""
        ...

    def keys(self, since: datetime, until: datetime) -> tuple[str, ...]:
        """Keys of claimed instants with ``since <= nominal <= until``, by nominal time."""
        ...

    def schedules(self) -> tuple[str, ...]:
        """Ids of all schedules that were ever adopted, sorted."""
        ...


class Presence(Protocol):
    """Who this process is, and whether another one lives."""

    def myself(self) -> Process:
        """This process."""
        ...

    def lives(self, process: Process) -> bool | None:
        """Whether it lives; None when it is of another machine, so that nobody here can tell."""
        ...
