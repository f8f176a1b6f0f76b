"""The one thread of a process that writes to the event store: appends of several threads share one commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from drorch.adapters.store.bounded import IDLE_S, Abandoned, Held
from drorch.adapters.store.words import is_lost
from drorch.core.errors import Broken, DrorchError, JournalConflict, StoreAway
from drorch.core.stream import Append, Record, Unsettled, link

_MOST_RECORDS = 2_000
"""A commit with more would keep the first of its callers waiting for the others."""


@dataclass(kw_only=True, eq=False)
class Job:
    """What one caller wants to be written."""

    appends: tuple[Append, ...] = ()
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    records: tuple[tuple[Record, ...], ...] = ()
    """Set just before they are sent: from then on the outcome is unknown until the commit answers."""
    answer: Future[tuple[tuple[Record, ...], ...]] = field(default_factory=Future)

    def fail(self, error: BaseException) -> None:
        """Nothing of it was written."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Statements:
    """What the writer needs of the database. The store gives it."""

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        tails: Callable[[Connection, Sequence[str]], dict[str, Record | None]],
        insert: Callable[[Connection, Sequence[Record], Mapping[str, bytes]], None],
        written: Callable[[Sequence[Record]], None],
        broken: Callable[[SQLAlchemyError], Broken],
    ) -> None:
        self.connect, self.tails, self.insert, self.written, self.broken = connect, tails, insert, written, broken


class Writer:
    """Takes jobs of all threads and commits as many as are there at once."""

    def __init__(self, statements: Statements, deadline_s: float, late: Callable[[], StoreAway], where: str) -> None:
        self._do, self._deadline_s, self._late, self._where = statements, deadline_s, late, where
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._batch: list[Job] = []
        self._held = Held()
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def write(self, job: Job) -> tuple[tuple[Record, ...], ...]:
        """Its records, when they are on disk. At the deadline StoreAway, or Unsettled when they were sent already."""
        with self._changed:
            if self._closed:
                raise Broken("the store was closed", where=self._where, next_step="open it again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="drorch-store-writer", daemon=True)
                self._thread.start()
            self._waiting.append(job)
            self._changed.notify_all()
        try:
            return job.answer.result(self._deadline_s)
        except Late:
            return self._leave(job)

    def close(self) -> None:
        """Write what waits, then let go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(self._deadline_s)

    def _leave(self, job: Job) -> tuple[tuple[Record, ...], ...]:
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                raise self._late()
            if job.answer.done():
                return job.answer.result()
            self._held.abandon()
            sent = [record for records in job.records for record in records]
        raise Unsettled(sent, where=self._where) if sent else self._late()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed, IDLE_S)
                if not self._waiting:
                    # Under the lock: the next thread must not find a connection that is being closed.
                    self._let_go()
                    self._thread = None
                    return
                self._held, self._batch = Held(), self._taken()
            try:
                self._commit(self._batch)
            except BaseException as error:  # the callers get it; this thread must go on
                for job in self._batch:
                    job.fail(error)
            with self._changed:
                self._batch = []

    def _taken(self) -> list[Job]:
        jobs, records = [self._waiting.popleft()], 0
        while self._waiting and records < _MOST_RECORDS:
            jobs.append(self._waiting.popleft())
            records += sum(len(append.drafts) for append in jobs[-1].appends)
        return jobs

    def _commit(self, jobs: list[Job]) -> None:
        stale = self._connection is not None
        while True:
            try:
                self._once(jobs)
                return
            except (SQLAlchemyError, Abandoned) as error:
                sent = any(job.records for job in jobs)
                self._let_go()
                if stale and not sent and isinstance(error, SQLAlchemyError) and is_lost(error):
                    # The server was restarted since the last append: nothing of this one was sent yet.
                    stale = False
                    continue
                self._fail(jobs, error)
                return
            except DrorchError as error:
                self._let_go()
                for job in jobs:
                    job.fail(error)
                return

    def _once(self, jobs: list[Job]) -> None:
        connection = self._connected()
        with connection.begin():
            names = sorted({append.stream for job in jobs for append in job.appends})
            tails = self._do.tails(connection, names)
            linked = [(job, records) for job in jobs if (records := _linked(job, tails)) is not None]
            flat = [record for _, made in linked for records in made for record in records]
            blobs = {name: content for job, _ in linked for name, content in job.blobs.items()}
            with self._changed:
                self._held.take(connection)
                for job, made in linked:
                    job.records = made
            if flat or blobs:
                self._do.insert(connection, flat, blobs)
        self._held.release()
        self._do.written(flat)
        for job, made in linked:
            job.answer.set_result(made)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._do.connect()
        self._held.take(self._connection)
        return self._connection

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        """Say what is known: when the connection went after records were sent, nobody knows."""
        lost = isinstance(error, Abandoned) or (isinstance(error, SQLAlchemyError) and is_lost(error))
        for job in jobs:
            sent = [record for records in job.records for record in records]
            if isinstance(error, IntegrityError) and sent:
                job.fail(_first_was_another(sent[0]))
            elif lost and sent:
                job.fail(Unsettled(sent, where=self._where))
            elif isinstance(error, SQLAlchemyError):
                job.fail(self._do.broken(error))
            else:
                job.fail(self._late())

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()
            connection.close()


def _linked(job: Job, tails: dict[str, Record | None]) -> tuple[tuple[Record, ...], ...] | None:
    """The records of a job; None, with the job answered, when they cannot follow. ``tails`` moves on with them."""
    moved: dict[str, Record | None] = {}
    made: list[tuple[Record, ...]] = []
    try:
        for append in job.appends:
            records = link(append, moved.get(append.stream, tails[append.stream]))
            if records:
                moved[append.stream] = records[-1]
            made.append(records)
    except DrorchError as error:
        job.fail(error)
        return None
    tails.update(moved)
    return tuple(made)


def _first_was_another(record: Record) -> JournalConflict:
    return JournalConflict(
        f"another writer was first: record {record.seq} is there already",
        where=record.stream,
        next_step="look at what the other one wrote; this one wrote nothing",
    )
