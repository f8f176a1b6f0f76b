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
RECORDS = Table(
    "records",
    TABLES,
    Column("kind", _NAME, primary_key=True),
    Column("key", _NAME, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("until", _NAME),
    Column("data", Text, nullable=False),
)
"""Accounts, tokens, sessions, answers that may be asked for again: what has versions and may be removed."""
MINUTES = Table(
    "minutes",
    TABLES,
    Column("site", _NAME, primary_key=True),
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("sessions", Integer, nullable=False),
    Column("logons", Integer, nullable=False),
    Column("logon_s", Float(53), nullable=False),
)
"""Of remote access; ``minute`` since 1970. A minute nobody observed has no row: unknown, and never 0."""
WEEKS = Table(
    "weeks",
    TABLES,
    Column("sites", _NAME, primary_key=True),
    Column("monday", _NAME, primary_key=True),
    Column("peak", Integer),
)
READINGS = Table(
    "readings",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("kind", _NAME, nullable=False),
    Column("subject", _NAME, nullable=False),
    Column("at", _NAME, nullable=False),
    Column("data", Text, nullable=False),
)
POLLS = Table(
    "polls",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("source", _NAME, nullable=False),
    Column("at", _NAME, nullable=False),
    Column("trouble", Text),
    Column("text", Text, nullable=False),
    Column("mark", Text, nullable=False),
)
INDEXES = (
    FIRSTS,
    Index("records_owner", RECORDS.c.kind, RECORDS.c.owner),
    Index("readings_of", READINGS.c.kind, READINGS.c.subject, READINGS.c.id),
    Index("polls_of", POLLS.c.source, POLLS.c.id),
)
EXPORTED = (RECORDS, MINUTES, WEEKS, READINGS, POLLS)
"""Tables beside streams and blobs that an export holds. Checkpoints are made again from the streams."""
