"""The audit log of the web: every change and every denied one, append-only, each line chained to the one before."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from drorch.core.clock import Clock
from drorch.core.errors import Broken
from drorch.core.ids import canonical_json
from drorch.core.redact import redact

LOG_NAME = "audit.jsonl"
GENESIS = "0" * 64
_TAIL = 65_536
_LONGEST_VALUE = 500


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing somebody did, or was not let do."""

    act: str
    """What was asked for, like ``POST /api/v1/runs/{run}/approve``."""
    subject: str
    """On what: the path that was asked for."""
    outcome: str
    """``done``, ``denied`` (no right to), or ``failed`` (a right to, but it was wrong or refused)."""
    status: int
    person: str = ""
    login: str = ""
    via: str = ""
    address: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, object]:
        """Bounded, without what looks like a secret."""
        texts = ("act", "subject", "outcome", "person", "login", "via", "address", "detail")
        found = {name: str(redact(getattr(self, name)))[:_LONGEST_VALUE] for name in texts}
        return {**found, "status": self.status}


class AuditLog:
    """``audit.jsonl``, mode 0600. Several processes may append. Only what is on disk counts as written."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._path, self._clock = home / LOG_NAME, clock

    def append(self, entry: Entry) -> None:
        """Write it. Broken when that is not possible."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+b") as stream:
                fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
                number, chain = _last(stream)
                wall = self._clock.now().wall_text
                data = {"number": number + 1, "at": wall, **entry.to_json()}
                line = canonical_json({**data, "chain": _link(chain, data)})
                stream.write(line.encode("utf-8", "replace") + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise Broken(
                f"the audit log cannot be written: {error.strerror}",
                where=str(self._path),
                next_step="free space or permissions, then repeat",
            ) from error

    def read(self, after: int = 0, limit: int | None = None) -> tuple[dict[str, object], ...]:
        """Entries behind number ``after``, oldest first."""
        found: list[dict[str, object]] = []
        for data in self._entries():
            number = data.get("number")
            if isinstance(number, int) and number > after:
                found.append(data)
            if limit is not None and len(found) >= limit:
                break
        return tuple(found)

    def first_break(self) -> int | None:
        """The line at which the chain breaks (1 is the first); None when it holds."""
        chain, line = GENESIS, 0
        for line, data in enumerate(self._entries(), start=1):
            said = data.pop("chain", None)
            if data.get("number") != line or said != _link(chain, data):
                return line
            chain = str(said)
        return None

    def _entries(self) -> Iterator[dict[str, object]]:
        try:
            with self._path.open("rb") as stream:
                for raw in stream:
                    if raw.endswith(b"\n"):  # a last line without its end was never acknowledged
                        yield _decoded(raw)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Broken(f"cannot be read: {error.strerror}", where=str(self._path), next_step="permissions") from error


def _decoded(raw: bytes) -> dict[str, object]:
    try:
        data = json.loads(raw)
    except ValueError:
        return {"damaged": True}
    return data if isinstance(data, dict) else {"damaged": True}


def _link(chain: str, data: dict[str, object]) -> str:
    return hashlib.sha256(f"{chain}\n{canonical_json(data)}".encode("utf-8", "replace")).hexdigest()


def _last(stream: BinaryIO) -> tuple[int, str]:
    """Number and chain of the last whole line; leaves the stream at its end and cuts what a dying writer left."""
    size = stream.seek(0, os.SEEK_END)
    begin = max(0, size - _TAIL)
    stream.seek(begin)
    tail = stream.read()
    whole = tail.rfind(b"\n") + 1
    stream.truncate(begin + whole)
    stream.seek(0, os.SEEK_END)
    lines = tail[:whole].splitlines()
    if not lines:
        return 0, GENESIS
    data = _decoded(lines[-1])
    number = data.get("number")
    return (number if isinstance(number, int) else 0), str(data.get("chain", GENESIS))
