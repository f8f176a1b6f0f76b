"""The database of the event store: made or opened, and known again after it was deleted, replaced or rolled back."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.schema import CreateIndex, CreateTable

from drorch.adapters.store.tables import EVENT_STORE_SCHEMA, INDEXES, STORE, TABLES
from drorch.core.errors import Broken, InputInvalid, NotFound

SETTING = "DRORCH_STORE"
WRITING = "drorch_writing"
"""Execution option: the transaction takes the lock for writing at once."""
_MAKING_TABLES = 7_263_918_205
"""Any number of our own: PostgreSQL's advisory lock while the tables are made."""
_KEEP = "keep what is there, find out who did it, and restore the store from its export if records are missing"


class Place:
    """Where a store is, and which one it was when this object first saw it."""

    def __init__(self, url_or_path: str | Path, lock_timeout_s: float) -> None:
        """InputInvalid for what is no URL. Nothing is opened yet."""
        self._url = _url(str(url_or_path))
        self.sqlite = self._url.get_backend_name() == "sqlite"
        self.path = Path(self._url.database) if self.sqlite and self._url.database else None
        self.where = (
            str(self.path)
            if self.path
            else self._url.set(drivername="postgresql", password=None, query={}).render_as_string()
        )
        self.engine = _engine(self._url, lock_timeout_s)
        self.identity = ""
        self._inode: tuple[int, int] | None = None

    def make(self, *, new: bool) -> None:
        """Make the file of a ``new`` SQLite store, its owner's only. Broken when that is impossible."""
        if self.path is None:
            return
        if not new and not self.path.exists():
            raise self._nothing()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._inode = _inode(self.path)
        except OSError as error:
            what, next_step = (
                f"the store cannot be opened: {error.strerror}",
                "give this user the rights to write there",
            )
            raise Broken(what, where=self.where, next_step=next_step) from error

    def open(self, connection: Connection, *, new: bool) -> None:
        """Look at an open database; an empty one gets what a ``new`` one needs. Broken for one not ours to use."""
        tables = set(inspect(connection).get_table_names())
        if STORE.name not in tables:
            self._refuse_foreign(tables)
            if not new:
                raise self._nothing()
            tables = _lock(connection)
            if STORE.name not in tables:
                _make_tables(connection)
        schema = connection.execute(select(STORE.c.schema)).scalar()
        if schema != EVENT_STORE_SCHEMA:
            age = "newer than" if (schema or 0) > EVENT_STORE_SCHEMA else "older than"
            raise Broken(
                f"the store has schema {schema}, {age} this drorch, which knows {EVENT_STORE_SCHEMA}",
                where=self.where,
                next_step="use the drorch version that wrote it; nothing was changed",
            )
        self.identity = connection.execute(select(STORE.c.identity)).scalar_one()

    def verify_file(self) -> None:
        """Broken when the file was deleted or replaced by another one."""
        if self.path is None or self._inode is None:
            return
        try:
            now = _inode(self.path)
        except FileNotFoundError:
            raise Broken("the store's file was deleted under this process", where=self.where, next_step=_KEEP) from None
        except OSError as error:
            raise Broken(f"the store's file: {error.strerror}", where=self.where, next_step=_KEEP) from error
        if self.identity and self.path.stat().st_size == 0:
            what = "the store's file was emptied under this process"
            raise Broken(what, where=self.where, next_step=_KEEP)
        if now != self._inode:
            what = "the store's file was replaced by another one under this process"
            raise Broken(what, where=self.where, next_step=_KEEP)

    def verify_identity(self, connection: Connection, *, again: bool = False) -> None:
        """Broken when the database is another one than it was. ``again``: ask it in any case."""
        # A server ends the connections of a database that goes; a file can change under an open one.
        if not (self.sqlite or again) and connection.info.get(_KNOWN) == self.identity:
            return
        found = connection.execute(_IDENTITY).scalar()
        if found != self.identity:
            raise Broken(
                f"the store was replaced by another one under this process: {found or 'an empty one'} "
                f"in the place of {self.identity}",
                where=self.where,
                next_step=_KEEP,
            )
        connection.info[_KNOWN] = found

    def rolled_back(self, stream: str, seq: int) -> Broken:
        """What is said when a record that was seen is not there any more."""
        return Broken(
            f"the store was rolled back or replaced under this process: record {seq} of {stream} was there before "
            "and is not any more",
            where=self.where,
            next_step=_KEEP,
        )

    def _nothing(self) -> NotFound:
        return NotFound("there is no store", where=self.where, next_step=f"name the right one with {SETTING}")

    def _refuse_foreign(self, tables: set[str]) -> None:
        if tables:
            raise Broken(
                f"the database is somebody else's: it has tables ({', '.join(sorted(tables)[:3])}) and none of drorch",
                where=self.where,
                next_step=f"give drorch an empty database of its own in {SETTING}; nothing was changed",
            )


_IDENTITY = select(STORE.c.identity)
_KNOWN = "drorch_identity"


def _lock(connection: Connection) -> set[str]:
    """Nobody else makes tables until our transaction ends; the tables there are now."""
    if connection.dialect.name == "postgresql":
        # "if not exists" does not keep two processes from making one table at once.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING_TABLES})
    fresh = inspect(connection)
    fresh.clear_cache()
    return set(fresh.get_table_names())


def _make_tables(connection: Connection) -> None:
    for table in TABLES.sorted_tables:
        connection.execute(CreateTable(table))
    for index in INDEXES:
        connection.execute(CreateIndex(index))
    connection.execute(insert(STORE).values(schema=EVENT_STORE_SCHEMA, identity=secrets.token_hex(16)))


def _inode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _url(given: str) -> URL:
    # People write postgresql://; the driver that comes with drorch is psycopg.
    if given.startswith("postgresql://"):
        given = f"postgresql+psycopg://{given.partition('://')[2]}"
    try:
        url = make_url(given) if "://" in given else URL.create("sqlite", database=given)
        why = _why_not(url)
        if why is None:
            return url
    except (ArgumentError, ValueError) as error:
        why = type(error).__name__
    # The URL may hold a password: it is not repeated.
    raise InputInvalid(
        f"not the URL of a database drorch can use ({why})",
        where=SETTING,
        next_step="write a path, or postgresql://user@host:port/database, the password in a file that PGPASSFILE names",
    )


def _why_not(url: URL) -> str | None:
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        return "neither SQLite nor PostgreSQL"
    if not url.database:
        return "it names no database"
    if any("pass" in name.lower() for name in url.query):
        return "a password stands among its parameters, where every program shows it"
    if "@" in (url.host or ""):
        return "an @ too many: one in a name or password is written %40"
    if url.port is not None and not 0 < url.port < 65_536:
        return "a port is a number from 1 to 65535"
    return None


def _engine(url: URL, lock_timeout_s: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        return _postgresql(url, lock_timeout_s)
    # Never made by opening: a store that was deleted must not come back empty.
    file = URL.create("sqlite", database=f"file:{_quoted(url.database or '')}", query={"mode": "rw", "uri": "true"})
    engine = create_engine(file, pool_timeout=lock_timeout_s)

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
        writing = connection.get_execution_options().get(WRITING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _postgresql(url: URL, lock_timeout_s: float) -> Engine:
    limit = int(lock_timeout_s * 1000)
    options = f"-c lock_timeout={limit} -c statement_timeout={limit} -c idle_in_transaction_session_timeout={2 * limit}"
    arguments = {"connect_timeout": max(2, int(lock_timeout_s)), "options": options, "application_name": "drorch"}
    return create_engine(url, connect_args=arguments, pool_timeout=lock_timeout_s)
