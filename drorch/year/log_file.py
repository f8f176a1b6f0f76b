"""The file of the year's log: one event a line, appended under a lock, on disk before it counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from drorch.core.line_file import LineFile
from drorch.year.codec import GENESIS, event_to_line, events_from_text, linked, utc
from drorch.year.log import YearBody, YearBook, YearEvent, after, fold_year


class YearLog:
    """``year.jsonl``. A last line without its end was never acknowledged (its writer died): it is no event."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = LineFile(path, "the log of the year")

    def read(self) -> tuple[YearEvent, ...]:
        """All events. InputInvalid with ``file:line`` when the file was damaged or edited; Broken when unreadable."""
        return events_from_text(self._file.read(), str(self._path))

    def book(self) -> YearBook:
        """What the log says."""
        return fold_year(self.read())

    def append(self, at: datetime, person: str, reason: str, decide: Callable[[YearBook], YearBody]) -> YearEvent:
        """Write what ``decide`` makes of the book; nobody else writes in between.

        What ``decide`` raises is passed on, and so is the fold's refusal; nothing is written then.
        """
        written: list[YearEvent] = []

        def made(text: str) -> str:
            events = events_from_text(text, str(self._path))
            book = fold_year(events)
            new = YearEvent(seq=len(events) + 1, at=utc(at), person=person, reason=reason, body=decide(book))
            event = linked(events[-1].chain if events else GENESIS, new)
            after(book, event)
            written.append(event)
            return event_to_line(event)

        self._file.append(made)
        return written[0]
