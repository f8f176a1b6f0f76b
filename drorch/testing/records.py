"""A fake of `drorch.core.records.Records` that lasts as long as the object."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from drorch.core.records import Record, Records, Stale


class MemoryRecords(Records):
    """See the port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[tuple[str, str], tuple[Record, datetime | None]] = {}

    def get(self, kind: str, key: str) -> Record | None:
        """See the port."""
        with self._lock:
            found = self._records.get((kind, key))
            return found[0] if found else None

    def of(self, kind: str, owner: str | None = None) -> tuple[Record, ...]:
        """See the port."""
        with self._lock:
            found = [record for record, _ in self._records.values() if record.kind == kind]
            return tuple(sorted((r for r in found if owner in (None, r.owner)), key=lambda record: record.key))

    def put(
        self,
        kind: str,
        key: str,
        data: Mapping[str, object],
        *,
        owner: str = "",
        expected: int | None = None,
        until: datetime | None = None,
    ) -> Record:
        """See the port."""
        with self._lock:
            found = self._records.get((kind, key))
            present = found[0].version if found else 0
            if expected is not None and expected != present:
                raise Stale(f"{kind} {key} has version {present}, not {expected}", next_step="look at it again")
            record = Record(kind=kind, key=key, version=present + 1, owner=owner, data=dict(data))
            self._records[kind, key] = (record, until)
            return record

    def drop(self, kind: str, key: str) -> bool:
        """See the port."""
        with self._lock:
            return self._records.pop((kind, key), None) is not None

    def drop_all(self, kind: str, owner: str) -> int:
        """See the port."""
        with self._lock:
            gone = [name for name, (r, _) in self._records.items() if r.kind == kind and r.owner == owner]
            for name in gone:
                del self._records[name]
            return len(gone)

    def purge(self, now: datetime) -> int:
        """See the port."""
        with self._lock:
            gone = [name for name, (_, until) in self._records.items() if until is not None and until <= now]
            for name in gone:
                del self._records[name]
            return len(gone)
