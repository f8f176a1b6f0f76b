"""The archive of what was read: a SQLite file of its own (WAL, every commit on disk before it returns).

The vendor keeps minutes for three days; here they stay for as long as the retention says, and their weekly peaks for
good. A minute nobody observed has no row: unknown, and never 0.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from drorch.access.ports import (
    Gap,
    GatewayReading,
    LicenceReading,
    LoginReading,
    MinuteSample,
    Observed,
    PollRecord,
    PoolReading,
    ReadingArchive,
    SourceAnswer,
    Trouble,
)
from drorch.access.trend import weekly_peaks
from drorch.core.codec import plain, read
from drorch.core.errors import Broken, InputInvalid

MINUTES_OF_A_WEEK = 7 * 24 * 60
ARCHIVE_SCHEMA = 1
_MONDAY = 3 * 1440
"""Minutes from the Monday before 1970 to its first day, a Thursday."""
_TABLES = """
CREATE TABLE IF NOT EXISTS archive (schema INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS minutes (
    site TEXT NOT NULL, minute INTEGER NOT NULL, sessions INTEGER NOT NULL, logons INTEGER NOT NULL,
    logon_s REAL NOT NULL,
    PRIMARY KEY (site, minute)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS weeks (
    sites TEXT NOT NULL, monday TEXT NOT NULL, peak INTEGER, PRIMARY KEY (sites, monday)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readings (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS readings_of ON readings (kind, subject, id);
CREATE TABLE IF NOT EXISTS polls (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, at TEXT NOT NULL, trouble TEXT, text TEXT NOT NULL,
    mark TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS polls_of ON polls (source, id);
"""
_KINDS: Mapping[str, type[Observed]] = MappingProxyType(
    {"gateway": GatewayReading, "pool": PoolReading, "licence": LicenceReading, "login": LoginReading}
)


class PeakArchive(ReadingArchive):
    """See the port `drorch.access.ports.ReadingArchive`. Safe for several processes."""

    def __init__(self, path: Path, *, lock_timeout_s: float = 10.0) -> None:
        """Broken when it cannot be opened or was written by a newer drorch."""
        self._path = path
        self._timeout_s = lock_timeout_s
        with self._open() as connection:
            connection.executescript(_TABLES)
            found = connection.execute("SELECT schema FROM archive").fetchall()
            if not found:
                connection.execute("INSERT INTO archive VALUES (?)", (ARCHIVE_SCHEMA,))
        if found and found != [(ARCHIVE_SCHEMA,)]:
            what = f"the archive has schema {found[0][0]}, this drorch knows {ARCHIVE_SCHEMA}"
            raise Broken(what, where=str(path), next_step="use the drorch version that wrote it")

    def keep(self, source: str, answer: SourceAnswer) -> int:
        """See the port. Of a minute that is told twice with different numbers the larger counts: it was there."""
        rows = [
            (item.site, _number(item.minute), item.sessions, item.logons, item.logon_s)
            for item in answer.minutes
            if item.sessions is not None
        ]
        with self._open() as connection:
            before = _count(connection)
            connection.executemany(
                "INSERT INTO minutes VALUES (?, ?, ?, ?, ?) ON CONFLICT (site, minute) DO UPDATE SET "
                "sessions = max(sessions, excluded.sessions), logons = max(logons, excluded.logons), "
                "logon_s = max(logon_s, excluded.logon_s)",
                rows,
            )
            _forget_weeks(connection, answer.minutes)
            for reading in answer.readings:
                kind, subject = _named(reading, source)
                # Without limit is Infinity, which JSON proper does not have and its readers here do.
                data = json.dumps(plain(reading))
                row = (kind, subject, reading.at.astimezone(UTC).isoformat(), data)
                connection.execute("INSERT INTO readings (kind, subject, at, data) VALUES (?, ?, ?, ?)", row)
            return _count(connection) - before

    def keep_poll(self, record: PollRecord) -> None:
        """See the port."""
        trouble = record.trouble.value if record.trouble else None
        row = (record.source, record.at.astimezone(UTC).isoformat(), trouble, record.text, record.secret_mark)
        with self._open() as connection:
            connection.execute("INSERT INTO polls (source, at, trouble, text, mark) VALUES (?, ?, ?, ?, ?)", row)

    def latest(self) -> Sequence[Observed]:
        """See the port."""
        query = "SELECT kind, data FROM readings WHERE id IN (SELECT max(id) FROM readings GROUP BY kind, subject)"
        with self._open() as connection:
            return tuple(self._reading(kind, data) for kind, data in connection.execute(query).fetchall())

    def before(self, reading: GatewayReading) -> GatewayReading | None:
        """See the port."""
        query = "SELECT data FROM readings WHERE kind = 'gateway' AND subject = ? AND at < ? ORDER BY id DESC LIMIT 1"
        with self._open() as connection:
            row = connection.execute(query, (reading.gateway, reading.at.astimezone(UTC).isoformat())).fetchone()
        found = self._reading("gateway", row[0]) if row else None
        return found if isinstance(found, GatewayReading) else None

    def polls(self) -> Mapping[str, tuple[PollRecord, datetime | None]]:
        """See the port."""
        last = (
            "SELECT source, at, trouble, text, mark FROM polls WHERE id IN (SELECT max(id) FROM polls GROUP BY source)"
        )
        good = "SELECT source, max(at) FROM polls WHERE trouble IS NULL GROUP BY source"
        with self._open() as connection:
            succeeded = dict(connection.execute(good).fetchall())
            return {
                source: (
                    PollRecord(
                        source=source,
                        at=datetime.fromisoformat(at),
                        trouble=Trouble(trouble) if trouble else None,
                        text=text,
                        secret_mark=mark,
                    ),
                    datetime.fromisoformat(succeeded[source]) if source in succeeded else None,
                )
                for source, at, trouble, text, mark in connection.execute(last).fetchall()
            }

    def last_minute(self, site: str) -> datetime | None:
        """See the port."""
        with self._open() as connection:
            (found,) = connection.execute("SELECT max(minute) FROM minutes WHERE site = ?", (site,)).fetchone()
        return None if found is None else _moment(found)

    def weeks(self, sites: Sequence[str]) -> Mapping[date, int | None]:
        """See the port. Weeks that are over and did not change since are not computed again."""
        name = " ".join(sorted(sites))
        with self._open() as connection:
            known = {
                date.fromisoformat(day): peak
                for day, peak in connection.execute(
                    "SELECT monday, peak FROM weeks WHERE sites = ?", (name,)
                ).fetchall()
            }
            found = self._computed(connection, sorted(sites), known)
            last = max(found, default=None)
            closed = [(name, day.isoformat(), peak) for day, peak in found.items() if day != last and day not in known]
            connection.executemany("INSERT OR REPLACE INTO weeks VALUES (?, ?, ?)", closed)
        return found

    def gaps(self, site: str, since: datetime, until: datetime) -> Sequence[Gap]:
        """See the port."""
        first, end = _number(since), _number(until)
        query = "SELECT minute FROM minutes WHERE site = ? AND minute >= ? AND minute < ? ORDER BY minute"
        with self._open() as connection:
            seen = [row[0] for row in connection.execute(query, (site, first, end)).fetchall()]
        found: list[Gap] = []
        expected = first
        for minute in (*seen, end):
            if minute > expected:
                found.append(Gap(site=site, since=_moment(expected), until=_moment(minute)))
            expected = minute + 1
        return tuple(found)

    def forget(self, before: datetime) -> int:
        """See the port."""
        names = self._names_of_weeks()
        for name in names:
            self.weeks(name.split(" "))
        text = before.astimezone(UTC).isoformat()
        with self._open() as connection:
            dropped = connection.execute("DELETE FROM minutes WHERE minute < ?", (_number(before),)).rowcount
            keep = "SELECT max(id) FROM readings GROUP BY kind, subject"
            connection.execute(f"DELETE FROM readings WHERE at < ? AND id NOT IN ({keep})", (text,))
            last = "SELECT max(id) FROM polls GROUP BY source"
            keep = f"{last} UNION {last.replace('GROUP', 'WHERE trouble IS NULL GROUP')}"
            connection.execute(f"DELETE FROM polls WHERE at < ? AND id NOT IN ({keep})", (text,))
        return dropped

    def _names_of_weeks(self) -> list[str]:
        with self._open() as connection:
            kept = [row[0] for row in connection.execute("SELECT DISTINCT sites FROM weeks").fetchall()]
            sites = [row[0] for row in connection.execute("SELECT DISTINCT site FROM minutes").fetchall()]
        return sorted({*kept, *sites, " ".join(sorted(sites))} - {""})

    def _computed(
        self, connection: sqlite3.Connection, sites: Sequence[str], known: Mapping[date, int | None]
    ) -> dict[date, int | None]:
        # Minutes of weeks that are known may be gone already: only the others are computed.
        marks = ", ".join("?" * len(sites))
        weeks = f"SELECT DISTINCT (minute + {_MONDAY}) / {MINUTES_OF_A_WEEK} FROM minutes WHERE site IN ({marks})"
        query = (
            f"SELECT minute, sum(sessions) FROM minutes WHERE site IN ({marks}) AND minute >= ? AND minute < ? "
            "GROUP BY minute HAVING count(*) = ?"
        )
        found = dict(known)
        for (number,) in connection.execute(weeks, sites).fetchall():
            begin = number * MINUTES_OF_A_WEEK - _MONDAY
            monday = _moment(begin).date()
            if monday not in known:
                rows = connection.execute(query, (*sites, begin, begin + MINUTES_OF_A_WEEK, len(sites))).fetchall()
                samples = ((_moment(minute), sessions) for minute, sessions in rows)
                found[monday] = weekly_peaks(samples, expected=MINUTES_OF_A_WEEK).get(monday)
        return {day: found.get(day) for day in _mondays(min(found), max(found))} if found else {}

    def _reading(self, kind: str, data: str) -> Observed:
        try:
            return read(_KINDS[kind], json.loads(data), where=str(self._path), next_step=None)
        except (KeyError, ValueError, InputInvalid) as error:
            what = "a stored reading cannot be read"
            raise Broken(what, where=str(self._path), next_step="restore the archive from its copy") from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction on a connection of its own."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=self._timeout_s)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                with connection:
                    yield connection
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            raise Broken(
                f"the archive of remote access cannot be used: {error}",
                where=str(self._path),
                next_step="free space or permissions, or restore it from its copy",
            ) from error


def _forget_weeks(connection: sqlite3.Connection, minutes: Sequence[MinuteSample]) -> None:
    """Weekly peaks of which a minute came in are computed again, as far as their minutes are still kept."""
    days = {item.minute.astimezone(UTC).date() for item in minutes if item.sessions is not None}
    for monday in {day - timedelta(days=day.weekday()) for day in days}:
        connection.execute("DELETE FROM weeks WHERE monday = ?", (monday.isoformat(),))


def _named(reading: Observed, source: str) -> tuple[str, str]:
    if isinstance(reading, GatewayReading):
        return "gateway", reading.gateway
    if isinstance(reading, PoolReading):
        return "pool", reading.pool
    if isinstance(reading, LicenceReading):
        return "licence", f"{reading.licence} {source}"
    return "login", reading.site


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM minutes").fetchone()[0])


def _mondays(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=7)


def _number(moment: datetime) -> int:
    """Minutes since 1970 (UTC)."""
    return int(moment.timestamp() // 60)


def _moment(number: int) -> datetime:
    return datetime.fromtimestamp(number * 60, UTC)
