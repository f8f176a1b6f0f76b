"""The file of the year's log: one event a line, appended under a lock, on disk before it counts."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from drorch.core.errors import Broken, InputInvalid
from drorch.programme.codec import GENESIS, event_to_line, events_from_text, linked, utc
from drorch.programme.log import YearBody, YearBook, YearEvent, after, fold_year


class YearLog:
    """``year.jsonl``. A last line without its end was never acknowledged (its writer died): it is no event."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[YearEvent, ...]:
        """All events. InputInvalid with ``file:line`` when the file was damaged or edited; Broken when unreadable."""
        try:
            return events_from_text(_whole_lines(self._path.read_bytes(), self._path), str(self._path))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._broken(error) from error

    def book(self) -> YearBook:
        """What the log says."""
        return fold_year(self.read())

    def append(self, at: datetime, person: str, reason: str, decide: Callable[[YearBook], YearBody]) -> YearEvent:
        """Write what ``decide`` makes of the book; nobody else writes in between.

        What ``decide`` raises is passed on, and so is the fold's refusal; nothing is written then.
        """
        with self._locked() as stream:
            content = stream.read()
            text = _whole_lines(content, self._path)
            events = events_from_text(text, str(self._path))
            book = fold_year(events)
            made = YearEvent(seq=len(events) + 1, at=utc(at), person=person, reason=reason, body=decide(book))
            event = linked(events[-1].chain if events else GENESIS, made)
            after(book, event)
            try:
                stream.truncate(len(text.encode()))
                stream.seek(0, os.SEEK_END)
                stream.write(event_to_line(event).encode())
                stream.flush()
                os.fsync(stream.fileno())
            except OSError as error:
                raise self._broken(error) from error
        return event

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._broken(error) from error
        with os.fdopen(descriptor, "r+b") as stream:
            # Released by closing, also when this process is killed.
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
            yield stream

    def _broken(self, error: OSError) -> Broken:
        return Broken(
            f"the log of the year cannot be used: {error.strerror}",
            where=str(self._path),
            next_step="free space or permissions, then repeat",
        )


def _whole_lines(content: bytes, path: Path) -> str:
    whole = content[: content.rfind(b"\n") + 1]
    try:
        return whole.decode("utf-8")
    except UnicodeDecodeError as error:
        line = whole.count(b"\n", 0, error.start) + 1
        raise InputInvalid("not UTF-8", where=f"{path}:{line}", next_step="restore the log from a copy") from None
