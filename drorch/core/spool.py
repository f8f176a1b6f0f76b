"""An observer's own file of lines, for while the store is away: written here at once, shipped later, each line once.

A folder with one identity and segments ``NUMBER.spool`` (the number of their first line). A line is the CRC of its
text, a blank, the text. What a kill or a power cut tore stands at the end; it is cut when the spool is opened.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from drorch.core.clock import Clock
from drorch.core.errors import Broken
from drorch.core.ids import canonical_json
from drorch.core.stream import Draft, EventStore, Record, until_first

KIND = "spooled"
_SEGMENT_LINES = 5_000
"""The most lines of one segment, and of one batch in the store."""


class Spool:
    """One writer's lines, numbered from 1. Not for several threads.

    ``new_identity`` names a new spool: two spools never share one, so that numbers are never mistaken.
    """

    def __init__(self, folder: Path, new_identity: Callable[[], str], *, sync_every: int = 50) -> None:
        """Opens or makes it. Broken when the folder cannot be used. ``sync_every``: lines until they are on disk."""
        self._folder, self._sync_every = folder, sync_every
        self._unsynced = self._read_to = self._shipped = 0
        self.cut_bytes = 0
        """What was torn and is gone; the observer says so."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.identity = self._identified(new_identity)
            segments = self._segments()
            first = _number(segments[-1]) if segments else 1
            self._last = first - 1 + (self._cut(segments[-1]) if segments else 0)
            self._first, self._stream = first, self._opened(first)
        except OSError as error:
            raise self._broken(error) from error

    def append(self, texts: Sequence[str]) -> int:
        """Add lines without line ends; the number of the last one. They outlive this process at once."""
        lines = b"".join(_line(text) for text in texts)
        try:
            self._stream.write(lines)
            self._stream.flush()
        except OSError as error:
            raise self._broken(error) from error
        self._last += len(texts)
        self._unsynced += len(texts)
        if self._unsynced >= self._sync_every:
            self.sync()
        if self._last - self._first + 1 >= _SEGMENT_LINES:
            self._begin_segment()
        return self._last

    def sync(self) -> None:
        """Let the lines outlive the machine too."""
        try:
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._broken(error) from error
        self._unsynced = 0

    def ship(self, store: EventStore, stream: str, clock: Clock, person: str = "") -> int:
        """Bring all lines that are not there yet into the store: a blob for each batch, and one record that names it.

        How many lines. Exactly once, also when the store went away in the middle: what it holds decides what is sent.
        """
        self.sync()
        sent = 0
        while records := self._ship_batch(store, stream, clock, person):
            sent += sum(int(json.loads(record.body)["lines"]) for record in records)
        self._forget_shipped()
        return sent

    def close(self) -> None:
        """Let go of the file; everything is on disk."""
        self.sync()
        self._stream.close()

    def _ship_batch(self, store: EventStore, stream: str, clock: Clock, person: str) -> tuple[Record, ...]:
        def once() -> tuple[Record, ...]:
            self._look(store, stream)
            texts = self._after(self._shipped)
            if not texts:
                return ()
            body = {
                "blob": store.put_blob(("\n".join(texts) + "\n").encode()),
                "first": self._shipped + 1,
                "lines": len(texts),
                "spool": self.identity,
            }
            now = clock.now()
            draft = Draft(at=now.wall, mono=now.mono, kind=KIND, person=person, body=canonical_json(body))
            return store.append(stream, [draft], after=self._read_to)

        return until_first(once)

    def _look(self, store: EventStore, stream: str) -> None:
        for record in store.read(stream, self._read_to):
            self._read_to = record.seq
            body = json.loads(record.body) if record.kind == KIND else {}
            if body.get("spool") == self.identity:
                self._shipped = max(self._shipped, body["first"] + body["lines"] - 1)

    def _after(self, number: int) -> list[str]:
        """The lines behind a number, those of one segment."""
        for segment in self._segments():
            texts, _ = _texts(segment)
            first = _number(segment)
            if first + len(texts) - 1 > number:
                return texts[max(0, number + 1 - first) :]
        return []

    def _forget_shipped(self) -> None:
        segments = self._segments()
        for segment, following in pairwise(segments):
            if _number(following) - 1 <= self._shipped:
                segment.unlink()
        if self._first <= self._last == self._shipped:
            # The last one stays: its name tells the next number.
            done = segments[-1]
            self._begin_segment()
            done.unlink()

    def _begin_segment(self) -> None:
        self.sync()
        self._stream.close()
        self._first = self._last + 1
        try:
            self._stream = self._opened(self._first)
        except OSError as error:
            raise self._broken(error) from error

    def _opened(self, first: int) -> BinaryIO:
        name = self._folder / f"{first:016d}.spool"
        return os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("*.spool"))

    def _cut(self, segment: Path) -> int:
        """Cut what is torn at the end of the last segment; how many lines are left."""
        texts, good = _texts(segment)
        self.cut_bytes = segment.stat().st_size - good
        if self.cut_bytes:
            os.truncate(segment, good)
        return len(texts)

    def _identified(self, new_identity: Callable[[], str]) -> str:
        file = self._folder / "identity"
        if not file.exists():
            draft = file.with_suffix(f".{os.getpid()}")
            draft.write_text(new_identity(), encoding="utf-8")
            draft.rename(file)
        return file.read_text(encoding="utf-8")

    def _broken(self, error: OSError) -> Broken:
        what = f"the spool cannot be written: {error.strerror}"
        return Broken(what, where=str(self._folder), next_step="make room or give this user the rights there")


def _line(text: str) -> bytes:
    content = text.encode()
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _texts(segment: Path) -> tuple[list[str], int]:
    """The whole lines from the beginning on, and how many bytes they are."""
    content, texts, good = segment.read_bytes(), list[str](), 0
    for line in _whole(content):
        crc, _, text = line.partition(b" ")
        if crc != b"%08x" % zlib.crc32(text):
            break
        texts.append(text.decode())
        good += len(line) + 1
    return texts, good


def _whole(content: bytes) -> Iterator[bytes]:
    return iter(content.split(b"\n")[:-1])


def _number(segment: Path) -> int:
    return int(segment.stem)
