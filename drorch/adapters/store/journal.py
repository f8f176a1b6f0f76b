"""The journal in a SQL database. One transaction per append; the primary key makes a second writer lose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from drorch.adapters.store.database import EVENTS, Database
from drorch.core.errors import JournalConflict
from drorch.run.codec import decode, encode
from drorch.run.events import Event
from drorch.run.ports import Journal


class SqlJournal(Journal):
    """See the port `drorch.run.ports.Journal`. Safe for use by several threads and processes."""

    def __init__(self, url_or_path: str | Path, *, lock_timeout_s: float = 10.0) -> None:
        """``url_or_path``: a SQLite file or a SQLAlchemy URL. Waits up to ``lock_timeout_s`` seconds for a lock.

        Broken when it cannot be opened, here and in every method.
        """
        self._database = Database(url_or_path, lock_timeout_s=lock_timeout_s)

    def append(self, events: Sequence[Event]) -> None:
        """See the port."""
        if not events:
            return
        rows = [
            {
                "run": event.run,
                "seq": event.seq,
                "wall": str(event.at.to_json()["wall"]),
                "data": encode(event),
            }
            for event in events
        ]
        try:
            with self._database.transaction() as connection:
                connection.execute(insert(EVENTS), rows)
        except IntegrityError:
            raise JournalConflict(
                f"another driver has written event {events[0].seq} or a later one of this run",
                where=f"run {events[0].run}",
                next_step="look at the run: the other driver has it; this one did nothing",
            ) from None

    def read(self, run: str, after: int = 0) -> tuple[Event, ...]:
        """See the port. InputInvalid when a stored event cannot be read."""
        query = select(EVENTS.c.seq, EVENTS.c.data).where(EVENTS.c.run == run, EVENTS.c.seq > after)
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(EVENTS.c.seq)).all()
        return tuple(decode(data, where=f"{self._database.where} run {run} event {seq}") for seq, data in rows)

    def first(self, run: str) -> Event | None:
        """See the port. InputInvalid when it cannot be read."""
        query = select(EVENTS.c.seq, EVENTS.c.data).where(EVENTS.c.run == run).order_by(EVENTS.c.seq).limit(1)
        with self._database.transaction() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else decode(row.data, where=f"{self._database.where} run {run} event {row.seq}")

    def runs(self) -> tuple[str, ...]:
        """See the port."""
        query = select(EVENTS.c.run).group_by(EVENTS.c.run).order_by(func.min(EVENTS.c.wall), EVENTS.c.run)
        with self._database.transaction() as connection:
            return tuple(connection.execute(query).scalars())

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> SqlJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
