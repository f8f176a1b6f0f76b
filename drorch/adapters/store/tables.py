"""The tables of the event store, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

EVENT_STORE_SCHEMA = 2
"""1 was the journal's own database."""

TABLES = MetaData()
# Order and comparison by code point everywhere: a server's language would sort and search otherwise.
_NAME = Text().with_variant(Text(collation="C"), "postgresql")

STORE = Table(
    "drorch_store",
    TABLES,
    Column("schema", Integer, primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False),
)
EVENTS = Table(
    "events",
    TABLES,
    Column("stream", _NAME, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", _NAME, nullable=False),
    Column("mono", Float(53)),
    Column("epoch", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_with_rowid=False,
)
FIRSTS = Index(
    "events_first",
    EVENTS.c.at,
    EVENTS.c.stream,
    sqlite_where=EVENTS.c.seq == 1,
    postgresql_where=EVENTS.c.seq == 1,
)
"""The streams in the order of their first records, without looking at the others."""
BLOBS = Table("blobs", TABLES, Column("id", _NAME, primary_key=True), Column("content", LargeBinary, nullable=False))
CHECKPOINTS = Table(
    "checkpoints",
    TABLES,
    Column("stream", _NAME, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("blob", Text, nullable=False),
)
