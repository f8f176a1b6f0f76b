"""Records with versions as a table of the event store's database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, delete, insert, select

from drorch.adapters.store.events import SqlStore, lock
from drorch.adapters.store.tables import RECORDS
from drorch.core.errors import Broken
from drorch.core.ids import canonical_json
from drorch.core.records import Record, Records, Stale

_R = RECORDS.c


class RecordTable(Records):
    """See the port `drorch.core.records.Records`."""

    def __init__(self, store: SqlStore) -> None:
        """The store stays its owner's."""
        self._store = store

    def get(self, kind: str, key: str) -> Record | None:
        """See the port."""
        found = self._read(_R.kind == kind, _R.key == key)
        return found[0] if found else None

    def of(self, kind: str, owner: str | None = None) -> tuple[Record, ...]:
        """See the port."""
        return self._read(_R.kind == kind, *(() if owner is None else (_R.owner == owner,)))

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
        text = canonical_json(dict(data))

        def write(connection: Connection) -> int:
            lock(connection, [f"records/{kind}/{key}"])
            present = connection.execute(select(_R.version).where(_R.kind == kind, _R.key == key)).scalar() or 0
            if expected is not None and expected != present:
                what = "is there already" if expected == 0 else "was changed by somebody else"
                raise Stale(f"{kind} {key} {what}", next_step="look at it again, then decide")
            connection.execute(delete(RECORDS).where(_R.kind == kind, _R.key == key))
            row = {"kind": kind, "key": key, "version": present + 1, "owner": owner, "until": _stamp(until)}
            connection.execute(insert(RECORDS).values(**row, data=text))
            return present + 1

        version = self._store.transaction(write, writing=True)
        return Record(kind=kind, key=key, version=version, owner=owner, data=dict(data))

    def drop(self, kind: str, key: str) -> bool:
        """See the port."""
        return self._remove(_R.kind == kind, _R.key == key) == 1

    def drop_all(self, kind: str, owner: str) -> int:
        """See the port."""
        return self._remove(_R.kind == kind, _R.owner == owner)

    def purge(self, now: datetime) -> int:
        """See the port."""
        return self._remove(_R.until <= _stamp(now))

    def _read(self, *where: ColumnElement[bool]) -> tuple[Record, ...]:
        query = select(_R.kind, _R.key, _R.version, _R.owner, _R.data).where(*where).order_by(_R.key)
        rows: Sequence[Any] = self._store.transaction(lambda connection: connection.execute(query).all())
        return tuple(
            Record(kind=kind, key=key, version=version, owner=owner, data=_object(data, f"{kind} {key}"))
            for kind, key, version, owner, data in rows
        )

    def _remove(self, *where: ColumnElement[bool]) -> int:
        def remove(connection: Connection) -> int:
            done: CursorResult[Any] = connection.execute(delete(RECORDS).where(*where))
            return done.rowcount

        return self._store.transaction(remove, writing=True)


def _object(text: str, where: str) -> Mapping[str, object]:
    try:
        data = json.loads(text)
    except (TypeError, ValueError):
        data = None
    if not isinstance(data, dict):
        next_step = "keep the store as it is, restore it from its export, and find out who changed it"
        raise Broken("this record of the store is damaged", where=where, next_step=next_step)
    return data


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")
