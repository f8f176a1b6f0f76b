"""The event store in a SQL database: SQLite by a path, PostgreSQL by a URL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from drorch.adapters.store.bounded import Abandoned, Bounded, Held
from drorch.adapters.store.place import WRITING, Place
from drorch.adapters.store.tables import BLOBS, CHECKPOINTS, EVENTS
from drorch.adapters.store.words import is_lost, said
from drorch.adapters.store.writer import Job, Statements, Writer
from drorch.core.errors import Broken, NotFound, StoreAway
from drorch.core.stream import Append, Checkpoint, EventStore, Record, blob_id, stamp

T = TypeVar("T")
Seen = tuple[int, str]
"""Number and hash of a record."""
NOTHING: Seen = (0, "")
DEADLINE_S = 5.0
DISK_S = 30.0
"""A write to a local file may take so long: a disk cannot be cut off as a server can, and giving up early only leaves
the outcome open. Its locks are given up as early as a server's."""
_E = EVENTS.c
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(CAST(:names AS text[])) AS name")


class SqlStore(EventStore):
    """See the port. Several threads and processes may use one database."""

    def __init__(self, url_or_path: str | Path, *, deadline_s: float = DEADLINE_S, new: bool = True) -> None:
        """Makes the tables of an empty database. InputInvalid for what is no URL; StoreAway and Broken as every method.

        ``deadline_s``: the longest a call may take. Locks are waited for a little less. ``new`` False: NotFound where
        there is no store yet.
        """
        self.place = Place(url_or_path, deadline_s * 0.8)
        self._bounded = Bounded(deadline_s, self.place.where)
        self._writing_s = max(deadline_s, DISK_S) if self.place.sqlite else deadline_s
        self._seen: dict[str, Seen] = {}
        """Of each stream the last record this object knows: it must not go away again."""
        self._seeing = threading.Lock()
        statements = Statements(
            connect=self._connect,
            tails=self._locked_tails,
            insert=_insert,
            written=self._see,
            broken=self._broken,
        )
        self._writer = Writer(statements, self._writing_s, self._late, self.place.where)
        try:
            self.place.make(new=new)
            self.transaction(partial(self.place.open, new=new), writing=True, known=False)
        except BaseException:
            self.close()
            raise

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        """See the port."""
        if not any(append.drafts for append in appends):
            return tuple(() for _ in appends)
        return self._writer.write(Job(appends=appends))

    def read(self, stream: str, after: int = 0, limit: int | None = None) -> tuple[Record, ...]:
        """See the port."""
        query = select(EVENTS).where(_E.stream == stream, _E.seq > after).order_by(_E.seq).limit(limit)
        seen = self._known([stream])[stream]
        records = tuple(map(_record, self.transaction(lambda connection: connection.execute(query).all())))
        self._compare(stream, records, seen, whole=after < seen[0] and limit is None)
        return records

    def tail(self, stream: str) -> Record | None:
        """See the port."""
        seen = self._known([stream])
        return self.transaction(lambda connection: self._tails(connection, seen))[stream]

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """See the port."""
        of_prefix = func.substr(_E.stream, 1, len(prefix)) == prefix
        first = select(_E.stream).where(_E.seq == 1, of_prefix).order_by(_E.at, _E.stream)
        # A stream whose first record was taken away is one all the same: whoever reads it says what is missing.
        every = select(_E.stream).where(of_prefix).distinct().order_by(_E.stream)

        def ask(connection: Connection) -> tuple[str, ...]:
            return tuple(
                dict.fromkeys(name for query in (first, every) for name in connection.execute(query).scalars())
            )

        return self.transaction(ask)

    def holds(self, records: Sequence[Record]) -> bool:
        """See the port."""
        names = sorted({record.stream for record in records})

        def look(connection: Connection) -> bool:
            lock(connection, names)
            there = select(_E.hash)
            return all(
                connection.execute(there.where(_E.stream == one.stream, _E.seq == one.seq)).scalar() == one.hash
                for one in records
            )

        return self.transaction(look, writing=True)

    def put_blob(self, content: bytes) -> str:
        """See the port."""
        name = blob_id(content)
        if not self.has_blob(name):
            self._writer.write(Job(blobs={name: content}))
        return name

    def blob(self, blob_id: str) -> bytes:
        """See the port."""
        query = select(BLOBS.c.content).where(BLOBS.c.id == blob_id)
        found = self.transaction(lambda connection: connection.execute(query).scalar())
        if found is None:
            next_step = "restore the store from its export, or name something that is there"
            raise NotFound(f"there is no content {blob_id} in the store", where=self.place.where, next_step=next_step)
        # A column of SQLite takes whatever somebody writes into it, also text.
        return self._unchanged(blob_id, found.encode() if isinstance(found, str) else bytes(found))

    def has_blob(self, blob_id: str) -> bool:
        """See the port."""
        query = select(BLOBS.c.id).where(BLOBS.c.id == blob_id)
        return self.transaction(lambda connection: connection.execute(query).scalar()) is not None

    def blobs(self) -> tuple[str, ...]:
        """See the port."""
        query = select(BLOBS.c.id).order_by(BLOBS.c.id)
        return self.transaction(lambda connection: tuple(connection.execute(query).scalars()))

    def checkpoint(self, stream: str) -> Checkpoint | None:
        """See the port."""
        kept = CHECKPOINTS.c
        same = (_E.stream == kept.stream) & (_E.seq == kept.seq) & (_E.hash == kept.hash)
        query = select(CHECKPOINTS).join(EVENTS, same).join(BLOBS, BLOBS.c.id == kept.blob).where(kept.stream == stream)
        row = self.transaction(lambda connection: connection.execute(query).first())
        return None if row is None else Checkpoint(stream=row.stream, seq=row.seq, hash=row.hash, blob=row.blob)

    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        if not self.has_blob(checkpoint.blob):
            raise Broken(f"the content {checkpoint.blob} of a checkpoint is not there", where=checkpoint.stream)
        row = {"stream": checkpoint.stream, "seq": checkpoint.seq, "hash": checkpoint.hash, "blob": checkpoint.blob}

        def keep(connection: Connection) -> None:
            connection.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.stream == checkpoint.stream))
            connection.execute(insert(CHECKPOINTS), [row])

        self.transaction(keep, writing=True)

    def identity(self) -> str:
        """See the port."""
        return self.place.identity

    def verify_place(self) -> None:
        """See the port."""
        seen = self._known(list(self._seen))
        self.transaction(lambda connection: self._tails(connection, seen))

    def close(self) -> None:
        """See the port."""
        self._writer.close()
        self._bounded.close()
        self.place.engine.dispose()

    def __enter__(self) -> SqlStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def transaction(self, work: Callable[[Connection], T], *, writing: bool = False, known: bool = True) -> T:
        """What ``work`` returns, within the deadline. For the other tables of this database.

        ``writing``: all or nothing; nobody else writes to a SQLite store meanwhile. ``known``: it was opened before.
        """
        begun: list[bool] = []

        def once(held: Held) -> T:
            with self._open(held, writing) as connection:
                if known:
                    self.place.verify_identity(connection, again=writing)
                begun.append(writing)
                return work(connection)

        def within(held: Held) -> T:
            try:
                return once(held)
            except SQLAlchemyError as error:
                if not is_lost(error) or held.abandoned or any(begun):
                    raise
                # The server was restarted since this connection was used, and no change was sent.
                return once(held)

        try:
            self.place.verify_file()
            return self._bounded.call(within, self._writing_s if writing else None)
        except Abandoned:
            raise self._late() from None
        except SQLAlchemyError as error:
            raise self._broken(error) from error

    def _late(self) -> StoreAway:
        return self._bounded.late(self._writing_s)

    def _broken(self, error: SQLAlchemyError) -> Broken:
        """A file that went away cannot be read any more: the cause is said, not the effect."""
        try:
            self.place.verify_file()
        except Broken as cause:
            return cause
        return said(error, self.place.where)

    @contextmanager
    def _open(self, held: Held, writing: bool) -> Iterator[Connection]:
        with self.place.engine.connect() as connection:
            held.take(connection)
            if not writing and not self.place.sqlite:
                # One question, one round trip.
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
            else:
                with connection.execution_options(**{WRITING: writing}).begin():
                    yield connection
            held.release()

    def _connect(self) -> Connection:
        """For the writer, which keeps it."""
        return self.place.engine.connect().execution_options(**{WRITING: True})

    def _locked_tails(self, connection: Connection, streams: Sequence[str]) -> dict[str, Record | None]:
        """The last record of each stream; nobody else appends until the transaction ends."""
        self.place.verify_file()
        lock(connection, streams)
        self.place.verify_identity(connection)
        return self._tails(connection, self._known(streams))

    def _tails(self, connection: Connection, known: Mapping[str, Seen]) -> dict[str, Record | None]:
        """The last record of each stream. ``known``: as it was before the transaction began."""
        tails: dict[str, Record | None] = {}
        for stream, seen in known.items():
            row = connection.execute(_TAIL, {"stream": stream}).first()
            tails[stream] = tail = None if row is None else _record(row)
            if seen != NOTHING and (tail is None or (tail.seq, tail.hash) != seen):
                self._still_there(connection, stream, *seen)
            if tail is not None:
                self._see([tail])
        return tails

    def _still_there(self, connection: Connection, stream: str, seq: int, hash_: str) -> None:
        if connection.execute(_HASH, {"stream": stream, "seq": seq}).scalar() != hash_:
            raise self.place.rolled_back(stream, seq)

    def _compare(self, stream: str, records: Sequence[Record], seen: Seen, *, whole: bool) -> None:
        """What was read against what is known. Only what the answer itself shows: a read costs no second question."""
        seq, hash_ = seen
        place = seq - records[0].seq if records else -1
        gone = whole and not 0 <= place < len(records)
        if gone or (0 <= place < len(records) and records[place].hash != hash_):
            raise self.place.rolled_back(stream, seq)
        self._see(records[-1:])

    def _known(self, streams: Sequence[str]) -> dict[str, Seen]:
        with self._seeing:
            return {stream: self._seen.get(stream, NOTHING) for stream in streams}

    def _see(self, records: Sequence[Record]) -> None:
        with self._seeing:
            for record in records:
                if record.seq > self._seen.get(record.stream, NOTHING)[0]:
                    self._seen[record.stream] = (record.seq, record.hash)

    def _unchanged(self, name: str, content: bytes) -> bytes:
        if blob_id(content) != name:
            raise Broken(
                f"the content {name} was changed in the store",
                where=self.place.where,
                next_step="keep the store as it is, and restore it from its export",
            )
        return content


_TAIL = select(EVENTS).where(_E.stream == bindparam("stream")).order_by(_E.seq.desc()).limit(1)
_HASH = select(_E.hash).where(_E.stream == bindparam("stream"), _E.seq == bindparam("seq"))
_MAKE_BLOB: Mapping[str, Any] = {
    "sqlite": sqlite.insert(BLOBS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(BLOBS).on_conflict_do_nothing(),
}


def lock(connection: Connection, names: Sequence[str]) -> None:
    """Wait until nobody else holds these names (streams) for writing. SQLite's transaction has locked all already."""
    if connection.dialect.name == "postgresql" and names:
        # In one order, so that two writers cannot wait for each other.
        connection.execute(_LOCK, {"names": sorted(names)})


def _insert(connection: Connection, records: Sequence[Record], blobs: Mapping[str, bytes]) -> None:
    if blobs:
        rows = [{"id": name, "content": content} for name, content in sorted(blobs.items())]
        connection.execute(_MAKE_BLOB[connection.dialect.name], rows)
    if records:
        connection.execute(insert(EVENTS), rows_of(records))


def rows_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Rows of the table of events."""
    return [{**record._asdict(), "at": stamp(record.at)} for record in records]


def _record(row: Any) -> Record:
    stream, seq, at, mono, epoch, person, kind, body, prev, hash_ = row
    try:
        return Record(stream, seq, datetime.fromisoformat(at), mono, epoch, person, kind, body, prev, hash_)
    except (TypeError, ValueError):
        raise Broken(
            "the store was changed: the time of a record is no time",
            where=f"{stream} record {seq}",
            next_step="keep it as it is, restore the store from its export, and find out who changed it",
        ) from None
