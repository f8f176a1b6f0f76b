"""The file of a hash-chained log: appended under a lock, on disk before it counts."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from drorch.core.errors import Broken, InputInvalid
from drorch.programme.chain import Chain, Entry, to_the_second

B = TypeVar("B")


class ChainedLog(Generic[B]):
    """One file. A last line without its end was never acknowledged (its writer died): it is no event."""

    def __init__(self, path: Path, chain: Chain[B]) -> None:
        self._path, self._chain = path, chain

    def read(self) -> tuple[Entry[B], ...]:
        """All events. InputInvalid with ``file:line`` when the file was damaged or edited; Broken when unreadable."""
        try:
            return self._chain.read(_whole_lines(self._path.read_bytes(), self._path), str(self._path))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._broken(error) from error

    def append(
        self, at: datetime, decide: Callable[[tuple[Entry[B], ...]], tuple[tuple[str, str, B], ...]]
    ) -> tuple[Entry[B], ...]:
        """Write what ``decide`` makes of the events so far: person, reason, body of each. Nobody writes in between.

        What ``decide`` raises is passed on; nothing is written then.
        """
        with self._locked() as stream:
            text = _whole_lines(stream.read(), self._path)
            events = self._chain.read(text, str(self._path))
            before = events[-1].chain if events else self._chain.genesis
            made: list[Entry[B]] = []
            for person, reason, body in decide(events):
                seq = len(events) + len(made) + 1
                entry = Entry(seq=seq, at=to_the_second(at), person=person, reason=reason, body=body)
                made.append(self._chain.linked(made[-1].chain if made else before, entry))
            if made:
                self._write(stream, len(text.encode()), "".join(self._chain.line(entry) for entry in made))
        return tuple(made)

    def _write(self, stream: BinaryIO, end: int, lines: str) -> None:
        try:
            stream.truncate(end)
            stream.seek(0, os.SEEK_END)
            stream.write(lines.encode())
            stream.flush()
            os.fsync(stream.fileno())
        except OSError as error:
            raise self._broken(error) from error

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
            f"the log cannot be used: {error.strerror}",
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
