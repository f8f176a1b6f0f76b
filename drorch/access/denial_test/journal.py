"""The journal of a denial-of-access test: an event a line, chained, appended under a lock, on disk before it counts."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from drorch.core.errors import Broken, InputInvalid
from drorch.core.ids import canonical_json

GENESIS = "sha256:" + "0" * 64
Data = Mapping[str, object]
_TAIL = 65_536


class AccessJournal:
    """``journal.jsonl`` of one test. A last line without its end was never acknowledged: it is no event."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Sequence[Data]:
        """All events. InputInvalid with the line when the chain does not hold; Broken when unreadable."""
        try:
            return events_of(self._path.read_bytes(), str(self._path))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._broken(error) from error

    def append(self, at: datetime, kind: str, body: Data) -> Data:
        """Write one event behind those that are there."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+b") as stream:
                fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
                end, last = _tail(stream)
                seq = 1 if last is None else int(str(last["seq"])) + 1
                event: dict[str, object] = {
                    "seq": seq,
                    "at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
                    "kind": kind,
                    "body": dict(body),
                }
                event["chain"] = chained(GENESIS if last is None else str(last["chain"]), event)
                stream.truncate(end)
                stream.seek(end)
                stream.write((canonical_json(event) + "\n").encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise self._broken(error) from error
        return event

    def _broken(self, error: OSError) -> Broken:
        what = f"the journal of the test cannot be used: {error.strerror}"
        return Broken(what, where=str(self._path), next_step="free space or permissions, then repeat")


def events_of(content: bytes, source: str) -> Sequence[Data]:
    """The events of a journal's bytes. InputInvalid names the line that does not follow from those before it."""
    found: list[Data] = []
    previous = GENESIS
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        event = _parsed(line)
        if event is None or event.get("seq") != number or event.get("chain") != chained(previous, event):
            what = "this event does not follow from the ones before it: the journal was changed"
            raise InputInvalid(what, where=f"{source}:{number}", next_step="restore it from a copy")
        previous = str(event["chain"])
        found.append(event)
    return found


def chained(previous: str, event: Data) -> str:
    """The chain value of an event; its own is not looked at."""
    content = {name: value for name, value in event.items() if name != "chain"}
    return "sha256:" + hashlib.sha256(f"{previous}\n{canonical_json(content)}".encode()).hexdigest()


def _tail(stream: BinaryIO) -> tuple[int, Data | None]:
    """Where the last whole event ends, and that event. Reads the end of the file first, all of it only if it must."""
    size = stream.seek(0, os.SEEK_END)
    for length in (_TAIL, size):
        offset = max(0, size - length)
        stream.seek(offset)
        content = stream.read()
        end = content.rfind(b"\n") + 1
        if offset == 0 or content.rfind(b"\n", 0, max(0, end - 1)) >= 0:
            break
    return (0, None) if end == 0 else _last_event(content, end, offset)


def _last_event(content: bytes, end: int, offset: int) -> tuple[int, Data | None]:
    begin = content.rfind(b"\n", 0, end - 1) + 1
    last = _parsed(content[begin:end])
    if last is None:
        raise InputInvalid("the last event cannot be read", next_step="restore the journal from a copy")
    return offset + end, last


def _parsed(line: bytes) -> Data | None:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) and isinstance(data.get("body"), dict) else None
