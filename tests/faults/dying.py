"""A journal at the port that lets its driver die at a chosen append."""

from __future__ import annotations

from collections.abc import Sequence

from drorch.run.events import Event
from drorch.run.ports import Journal


class Killed(BaseException):
    """Stands for kill -9: nothing of the driver runs after it."""


class DyingJournal(Journal):
    """Passes on to a real journal and dies at the append that would bring the number of events beyond ``last``.

    ``written`` False: the batch is lost with the driver. True: the batch is durable, and then the driver dies.
    """

    def __init__(self, journal: Journal, *, last: int, written: bool) -> None:
        self._journal, self._last, self._written = journal, last, written

    def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """See the port."""
        if events[-1].seq <= self._last:
            return self._journal.append(events)
        if self._written:
            self._journal.append(events)
        raise Killed

    def read(self, run: str, after: int = 0) -> tuple[Event, ...]:
        """See the port."""
        return self._journal.read(run, after)

    def first(self, run: str) -> Event | None:
        """See the port."""
        return self._journal.first(run)

    def runs(self) -> tuple[str, ...]:
        """See the port."""
        return self._journal.runs()

    def verify_place(self) -> None:
        """See the port."""
        self._journal.verify_place()
