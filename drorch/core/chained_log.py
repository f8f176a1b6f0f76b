"""A hash-chained log in a file: its events read, and new ones decided on with nobody writing in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from drorch.core.chain import Chain, Entry, to_the_second
from drorch.core.line_file import LineFile

B = TypeVar("B")


class ChainedLog(Generic[B]):
    """One file of one kind of events."""

    def __init__(self, path: Path, chain: Chain[B]) -> None:
        self._file, self._chain = LineFile(path, "the log"), chain

    def read(self) -> tuple[Entry[B], ...]:
        """All events. InputInvalid with ``file:line`` when the file was damaged or edited; Broken when unreadable."""
        return self._chain.read(self._file.read(), str(self._file.path))

    def append(
        self, at: datetime, decide: Callable[[tuple[Entry[B], ...]], tuple[tuple[str, str, B], ...]]
    ) -> tuple[Entry[B], ...]:
        """Write what ``decide`` makes of the events so far: person, reason, body of each.

        What ``decide`` raises is passed on; nothing is written then.
        """
        made: list[Entry[B]] = []

        def lines(text: str) -> str:
            events = self._chain.read(text, str(self._file.path))
            before = events[-1].chain if events else self._chain.genesis
            for person, reason, body in decide(events):
                seq = len(events) + len(made) + 1
                entry = Entry(seq=seq, at=to_the_second(at), person=person, reason=reason, body=body)
                made.append(self._chain.linked(made[-1].chain if made else before, entry))
            return "".join(self._chain.line(entry) for entry in made)

        self._file.append(lines)
        return tuple(made)
