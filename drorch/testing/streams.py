"""The event store in memory: the contract suite runs over it and over the real ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine, text

from drorch.core.errors import Broken, NotFound
from drorch.core.stream import Append, Checkpoint, EventStore, Record, blob_id, link


class MemoryStore(EventStore):
    """Lasts as long as the object."""

    def __init__(self, identity: str = "memory") -> None:
        self._identity = identity
        self._lock = threading.Lock()
        self._streams: dict[str, tuple[Record, ...]] = {}
        self._blobs: dict[str, bytes] = {}
        self._checkpoints: dict[str, Checkpoint] = {}

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        """See the port."""
        with self._lock:
            changed: dict[str, tuple[Record, ...]] = {}
            made: list[tuple[Record, ...]] = []
            for append in appends:
                before = changed.get(append.stream, self._streams.get(append.stream, ()))
                records = link(append, before[-1] if before else None)
                if records:
                    changed[append.stream] = (*before, *records)
                made.append(records)
            self._streams.update(changed)
        return tuple(made)

    def read(self, stream: str, after: int = 0, limit: int | None = None) -> tuple[Record, ...]:
        """See the port."""
        return self._streams.get(stream, ())[max(after, 0) :][:limit]

    def tail(self, stream: str) -> Record | None:
        """See the port."""
        return next(iter(self._streams.get(stream, ())[-1:]), None)

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            firsts = [records[0] for name, records in self._streams.items() if name.startswith(prefix)]
        return tuple(first.stream for first in sorted(firsts, key=lambda first: (first.at, first.stream)))

    def holds(self, records: Sequence[Record]) -> bool:
        """See the port."""
        return all(self.read(record.stream, record.seq - 1, 1) == (record,) for record in records)

    def put_blob(self, content: bytes) -> str:
        """See the port."""
        name = blob_id(content)
        self._blobs.setdefault(name, content)
        return name

    def blob(self, blob_id: str) -> bytes:
        """See the port."""
        if blob_id not in self._blobs:
            raise NotFound(f"there is no content {blob_id}")
        return self._blobs[blob_id]

    def has_blob(self, blob_id: str) -> bool:
        """See the port."""
        return blob_id in self._blobs

    def blobs(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(sorted(self._blobs))

    def checkpoint(self, stream: str) -> Checkpoint | None:
        """See the port."""
        kept = self._checkpoints.get(stream)
        if kept is None or [item.hash for item in self.read(stream, kept.seq - 1, 1)] != [kept.hash]:
            return None
        return kept

    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        if checkpoint.blob not in self._blobs:
            raise Broken(f"the content {checkpoint.blob} of a checkpoint is not there", where=checkpoint.stream)
        self._checkpoints[checkpoint.stream] = checkpoint

    def identity(self) -> str:
        """See the port."""
        return self._identity

    def replace_by_hand(self, stream: str, *records: Record) -> None:
        """What somebody does who writes into the tables."""
        self._streams[stream] = records

    def verify_place(self) -> None:
        """Nobody else can reach it."""

    def edit(self, stream: str, seq: int, old: str, new: str) -> None:
        """Change the body of a record as somebody does who wants nobody to see it."""
        records = self._streams[stream]
        changed = records[seq - 1]._replace(body=records[seq - 1].body.replace(old, new))
        assert changed != records[seq - 1], "nothing was changed"
        self._streams[stream] = (*records[: seq - 1], changed, *records[seq:])

    def close(self) -> None:
        """Nothing to let go of."""


def edit_file(database: Path, stream: str, seq: int, old: str, new: str) -> None:
    """As `MemoryStore.edit`, in the file of a SQLite store."""
    engine = create_engine(f"sqlite:///{database}")
    change = "UPDATE events SET body = replace(body, :old, :new) WHERE stream = :stream AND seq = :seq"
    with engine.begin() as connection:
        values = {"old": old, "new": new, "stream": stream, "seq": seq}
        changed = connection.execute(text(f"{change} AND instr(body, :old) > 0"), values).rowcount
    engine.dispose()
    assert changed == 1, "nothing was changed"
