"""Records in a SQLite file of their own, readable by their owner only: it holds hashes of passwords and tokens."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from drorch.core.errors import Broken
from drorch.core.ids import canonical_json
from drorch.core.records import Record, Records, Stale

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, owner TEXT NOT NULL, until TEXT,
    data TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_owner ON records (kind, owner);
"""
_COLUMNS = "kind, key, version, owner, data"


class SqlRecords(Records):
    """See the port `drorch.core.records.Records`. A connection per call: any thread may call, nothing stays open."""

    def __init__(self, path: Path, *, lock_timeout_s: float = 10.0) -> None:
        """Broken when the file cannot be used, here and in every method. It is made with mode 0600."""
        self._path, self._lock_timeout_s = path, lock_timeout_s
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
        except OSError as error:
            raise self._broken(str(error.strerror)) from error
        with self._connected() as connection:
            connection.executescript(_SCHEMA)

    def get(self, kind: str, key: str) -> Record | None:
        """See the port."""
        with self._connected() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM records WHERE kind=? AND key=?", (kind, key)).fetchone()
        return None if row is None else _record(row)

    def of(self, kind: str, owner: str | None = None) -> tuple[Record, ...]:
        """See the port."""
        where, values = ("", (kind,)) if owner is None else (" AND owner=?", (kind, owner))
        query = f"SELECT {_COLUMNS} FROM records WHERE kind=?{where} ORDER BY key"
        with self._connected() as connection:
            return tuple(_record(row) for row in connection.execute(query, values).fetchall())

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
        with self._changing() as connection:
            row = connection.execute("SELECT version FROM records WHERE kind=? AND key=?", (kind, key)).fetchone()
            present = 0 if row is None else int(row[0])
            if expected is not None and expected != present:
                what = "is there already" if expected == 0 else "was changed by somebody else"
                raise Stale(f"{kind} {key} {what}", next_step="look at it again, then decide")
            values = (kind, key, present + 1, owner, _stamp(until), canonical_json(dict(data)))
            connection.execute(
                "INSERT OR REPLACE INTO records (kind, key, version, owner, until, data) VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
        return Record(kind=kind, key=key, version=present + 1, owner=owner, data=dict(data))

    def drop(self, kind: str, key: str) -> bool:
        """See the port."""
        with self._changing() as connection:
            return connection.execute("DELETE FROM records WHERE kind=? AND key=?", (kind, key)).rowcount == 1

    def drop_all(self, kind: str, owner: str) -> int:
        """See the port."""
        with self._changing() as connection:
            return connection.execute("DELETE FROM records WHERE kind=? AND owner=?", (kind, owner)).rowcount

    def purge(self, now: datetime) -> int:
        """See the port."""
        with self._changing() as connection:
            return connection.execute("DELETE FROM records WHERE until <= ?", (_stamp(now),)).rowcount

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, timeout=self._lock_timeout_s, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._broken(str(error)) from error

    def _broken(self, why: str) -> Broken:
        return Broken(
            f"the store of accounts cannot be used: {why}",
            where=str(self._path),
            next_step="look at the file, its permissions and the free space, then try again",
        )


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def _record(row: tuple[str, str, int, str, str]) -> Record:
    kind, key, version, owner, data = row
    return Record(kind=kind, key=key, version=version, owner=owner, data=json.loads(data))
