"""Opening the database of the journal, and saying in words what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, Text, create_engine, event, insert, select
from sqlalchemy import text as text_of
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from drorch.core.errors import Broken, InputInvalid

STORE_SCHEMA = 1
_MAKING_TABLES = 7_263_918_205
"""Any number of our own: PostgreSQL's advisory lock while the tables are made."""

METADATA = MetaData()
VERSION = Table("drorch_store", METADATA, Column("schema", Integer, primary_key=True, autoincrement=False))
EVENTS = Table(
    "events",
    METADATA,
    Column("run", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("wall", Text, nullable=False),
    Column("data", Text, nullable=False),
)
REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    sqlite_autoincrement=True,
)
SCHEDULE_EVENTS = Table(
    "schedule_events",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("schedule", Text, nullable=False),
    Column("nominal", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("wall", Text, nullable=False),
    Column("data", Text, nullable=False),
)

_SAID = {
    "SQLITE_BUSY": (
        "the journal is locked by another process",
        "find the process that holds it (a copy or a backup under way) and try again",
    ),
    "SQLITE_LOCKED": ("the journal is locked by another process", "try again when it has ended"),
    "SQLITE_NOTADB": ("the file is not a journal", "move it away, or name the right state folder with DRORCH_HOME"),
    "SQLITE_CORRUPT": ("the journal file is damaged", "keep it, and restore the journal from its copy"),
    "SQLITE_READONLY": ("the journal cannot be written", "give this user write permission on the file and its folder"),
    "SQLITE_CANTOPEN": ("the journal cannot be opened", "make the state folder and give this user permission on it"),
    "SQLITE_FULL": ("the disk is full", "make room, then continue the run: nothing was written by halves"),
    "SQLITE_IOERR": (
        "the disk does not take the journal",
        "look at the disk and its free space, then continue the run",
    ),
}


class Database:
    """An open database: SQLite (WAL, every commit on disk before it returns) by path, or any SQLAlchemy URL."""

    def __init__(self, url_or_path: str | Path, *, lock_timeout_s: float = 10.0) -> None:
        """Broken when it cannot be opened or was written by a newer drorch."""
        text = str(url_or_path)
        url = text if "://" in text else f"sqlite:///{text}"
        self.where = text if "://" not in text else url.split("://")[0]
        self._engine = _engine(url, lock_timeout_s)
        with self.transaction() as connection:
            if connection.dialect.name == "postgresql":
                # "if not exists" does not keep two processes from making one table at once.
                connection.execute(text_of("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING_TABLES})
            for table in METADATA.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            versions = connection.execute(select(VERSION.c.schema)).scalars().all()
            if not versions:
                connection.execute(insert(VERSION).values(schema=STORE_SCHEMA))
        if versions and versions != [STORE_SCHEMA]:
            self.close()
            raise Broken(
                f"the journal's tables have schema {versions[0]}, this drorch knows {STORE_SCHEMA}",
                where=self.where,
                next_step="use the drorch version that wrote it",
            )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing. Broken in words for whatever the database says, IntegrityError as it is."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Let go of the file or server."""
        self._engine.dispose()

    def _broken(self, error: SQLAlchemyError) -> Broken:
        original: Any = error.orig if isinstance(error, DBAPIError) else None
        name = getattr(original, "sqlite_errorname", "") or ""
        for prefix, (what, next_step) in _SAID.items():
            if name.startswith(prefix):
                return Broken(what, where=self.where, next_step=next_step)
        reason = str(original or error).splitlines()[0]
        return Broken(
            f"the journal's database failed: {reason}",
            where=self.where,
            next_step="look at the database, then try again",
        )


def _engine(url: str, lock_timeout_s: float) -> Engine:
    # People write postgresql://; the driver that comes with drorch is psycopg.
    url = f"postgresql+psycopg://{url.partition('://')[2]}" if url.startswith("postgresql://") else url
    try:
        engine = create_engine(url)
    except (ArgumentError, ImportError, ValueError) as error:
        # The URL may hold a password: it is not repeated.
        raise InputInvalid(
            f"not the URL of a database drorch can use ({type(error).__name__})",
            where="DRORCH_JOURNAL",
            next_step="write postgresql://user@host:port/database, with the password in a file that PGPASSFILE names",
        ) from None
    if engine.dialect.name != "sqlite":
        return engine

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: drorch says when (see _begin).
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(lock_timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
