"""What was read of remote access, as tables of the event store's database.

The vendor keeps minutes for three days; here they stay for as long as the retention says, and their weekly peaks for
good. A minute nobody observed has no row: unknown, and never 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import BindParameter, Connection, Executable, bindparam, insert, text

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
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.tables import POLLS, READINGS
from drorch.core.codec import plain, read
from drorch.core.errors import Broken, InputInvalid

MINUTES_OF_A_WEEK = 7 * 24 * 60
_MONDAY = 3 * 1440
"""Minutes from the Monday before 1970 to its first day, a Thursday."""
_MANY = 1_000
"""Minutes of one transaction; more of them are kept in several, so that none comes near the deadline of a call."""
_KINDS: Mapping[str, type[Observed]] = MappingProxyType(
    {"gateway": GatewayReading, "pool": PoolReading, "licence": LicenceReading, "login": LoginReading}
)


class ReadingTables(ReadingArchive):
    """See the port `drorch.access.ports.ReadingArchive`."""

    def __init__(self, store: SqlStore) -> None:
        """The store stays its owner's."""
        self._store = store

    def keep(self, source: str, answer: SourceAnswer) -> int:
        """See the port. Of a minute that is told twice with different numbers the larger counts: it was there."""
        seen = [item for item in answer.minutes if item.sessions is not None]
        new = 0
        for begin in range(0, len(seen), _MANY):
            new += self._store.transaction(partial(_keep_minutes, seen[begin : begin + _MANY]), writing=True)
        rows = []
        for reading in answer.readings:
            kind, subject = _named(reading, source)
            # Without limit is Infinity, which JSON proper does not have and its readers here do.
            data = json.dumps(plain(reading))
            rows.append({"kind": kind, "subject": subject, "at": _stamp(reading.at), "data": data})
        if rows:
            self._store.transaction(lambda connection: connection.execute(_READING, rows), writing=True)
        return new

    def keep_poll(self, record: PollRecord) -> None:
        """See the port."""
        row = {
            "source": record.source,
            "at": _stamp(record.at),
            "trouble": record.trouble.value if record.trouble else None,
            # What a foreign server said may hold what a database does not.
            "text": record.text.replace("\x00", "\ufffd"),
            "mark": record.secret_mark,
        }
        self._store.transaction(lambda connection: connection.execute(_POLL, row), writing=True)

    def latest(self) -> Sequence[Observed]:
        """See the port."""
        query = "SELECT kind, data FROM readings WHERE id IN (SELECT max(id) FROM readings GROUP BY kind, subject)"
        return tuple(self._reading(kind, data) for kind, data in self._rows(query))

    def before(self, reading: GatewayReading) -> GatewayReading | None:
        """See the port."""
        query = (
            "SELECT data FROM readings WHERE kind = 'gateway' AND subject = :of AND at < :at ORDER BY id DESC LIMIT 1"
        )
        rows = self._rows(query, of=reading.gateway, at=_stamp(reading.at))
        found = self._reading("gateway", rows[0][0]) if rows else None
        return found if isinstance(found, GatewayReading) else None

    def polls(self) -> Mapping[str, tuple[PollRecord, datetime | None]]:
        """See the port."""
        last = (
            "SELECT source, at, trouble, text, mark FROM polls WHERE id IN (SELECT max(id) FROM polls GROUP BY source)"
        )
        good = "SELECT source, max(at) FROM polls WHERE trouble IS NULL GROUP BY source"
        succeeded = {source: datetime.fromisoformat(at) for source, at in self._rows(good)}
        return {
            source: (
                PollRecord(
                    source=source,
                    at=datetime.fromisoformat(at),
                    trouble=Trouble(trouble) if trouble else None,
                    text=said,
                    secret_mark=mark,
                ),
                succeeded.get(source),
            )
            for source, at, trouble, said, mark in self._rows(last)
        }

    def last_minute(self, site: str) -> datetime | None:
        """See the port."""
        found = self._rows("SELECT max(minute) FROM minutes WHERE site = :site", site=site)[0][0]
        return None if found is None else _moment(found)

    def weeks(self, sites: Sequence[str]) -> Mapping[date, int | None]:
        """See the port. Weeks that are over and did not change since are not computed again."""
        name = " ".join(sorted(sites))
        rows = self._rows("SELECT monday, peak FROM weeks WHERE sites = :name", name=name)
        known = {date.fromisoformat(day): peak for day, peak in rows}
        found = self._computed(sorted(sites), known)
        last = max(found, default=None)
        closed = [
            {"sites": name, "monday": day.isoformat(), "peak": peak}
            for day, peak in found.items()
            if day != last and day not in known
        ]
        if closed:
            self._store.transaction(lambda connection: connection.execute(_WEEK, closed), writing=True)
        return found

    def gaps(self, site: str, since: datetime, until: datetime) -> Sequence[Gap]:
        """See the port."""
        first, end = _number(since), _number(until)
        query = "SELECT minute FROM minutes WHERE site = :site AND minute >= :first AND minute < :end ORDER BY minute"
        found: list[Gap] = []
        expected = first
        for minute in (*(row[0] for row in self._rows(query, site=site, first=first, end=end)), end):
            if minute > expected:
                found.append(Gap(site=site, since=_moment(expected), until=_moment(minute)))
            expected = minute + 1
        return tuple(found)

    def forget(self, before: datetime) -> int:
        """See the port."""
        for name in self._names_of_weeks():
            self.weeks(name.split(" "))

        def drop(connection: Connection) -> int:
            at = {"at": _stamp(before)}
            drop_minutes = text("DELETE FROM minutes WHERE minute < :minute")
            dropped: int = connection.execute(drop_minutes, {"minute": _number(before)}).rowcount
            keep = "SELECT max(id) FROM readings GROUP BY kind, subject"
            connection.execute(text(f"DELETE FROM readings WHERE at < :at AND id NOT IN ({keep})"), at)
            last = "SELECT max(id) FROM polls GROUP BY source"
            keep = f"{last} UNION {last.replace('GROUP', 'WHERE trouble IS NULL GROUP')}"
            connection.execute(text(f"DELETE FROM polls WHERE at < :at AND id NOT IN ({keep})"), at)
            return dropped

        return self._store.transaction(drop, writing=True)

    def _names_of_weeks(self) -> list[str]:
        kept = [row[0] for row in self._rows("SELECT DISTINCT sites FROM weeks")]
        sites = [row[0] for row in self._rows("SELECT DISTINCT site FROM minutes")]
        return sorted({*kept, *sites, " ".join(sorted(sites))} - {""})

    def _computed(self, sites: Sequence[str], known: Mapping[date, int | None]) -> dict[date, int | None]:
        # Minutes of weeks that are known may be gone already: only the others are computed, each by itself.
        found = dict(known)
        for (number,) in self._rows(_WEEKS_SEEN, sites=sites):
            begin = number * MINUTES_OF_A_WEEK - _MONDAY
            monday = _moment(begin).date()
            if monday not in known:
                end = begin + MINUTES_OF_A_WEEK
                rows = self._rows(_SUMS, sites=sites, begin=begin, end=end, all=len(sites))
                samples = ((_moment(minute), sessions) for minute, sessions in rows)
                found[monday] = weekly_peaks(samples, expected=MINUTES_OF_A_WEEK).get(monday)
        return {day: found.get(day) for day in _mondays(min(found), max(found))} if found else {}

    def _rows(self, query: str | Executable, **values: object) -> Sequence[Any]:
        asked = text(query) if isinstance(query, str) else query
        return self._store.transaction(lambda connection: connection.execute(asked, values).all())

    def _reading(self, kind: str, data: str) -> Observed:
        where, next_step = self._store.place.where, "restore the store from its export"
        try:
            return read(_KINDS[kind], json.loads(data), where=where, next_step=next_step)
        except (KeyError, ValueError, InputInvalid) as error:
            raise Broken("a stored reading cannot be read", where=where, next_step=next_step) from error


_MINUTE = text(
    "INSERT INTO minutes VALUES (:site, :minute, :sessions, :logons, :logon_s) "
    "ON CONFLICT (site, minute) DO UPDATE SET "
    + ", ".join(
        f"{name} = CASE WHEN minutes.{name} > excluded.{name} THEN minutes.{name} ELSE excluded.{name} END"
        for name in ("sessions", "logons", "logon_s")
    )
)
_WEEK = text(
    "INSERT INTO weeks VALUES (:sites, :monday, :peak) ON CONFLICT (sites, monday) DO UPDATE SET peak = excluded.peak"
)
_OF: BindParameter[Any] = bindparam("sites", expanding=True)
_WEEKS_SEEN = text(
    f"SELECT DISTINCT (minute + {_MONDAY}) / {MINUTES_OF_A_WEEK} FROM minutes WHERE site IN :sites"
).bindparams(_OF)
_SUMS = text(
    "SELECT minute, sum(sessions) FROM minutes WHERE site IN :sites AND minute >= :begin AND minute < :end "
    "GROUP BY minute HAVING count(*) = :all"
).bindparams(_OF)
_THERE = text(
    "SELECT count(*) FROM minutes WHERE site IN :sites AND minute BETWEEN :first AND :last",
).bindparams(_OF)
_READING = insert(READINGS)
_POLL = insert(POLLS)


def _keep_minutes(minutes: Sequence[MinuteSample], connection: Connection) -> int:
    rows = [
        {
            "site": item.site,
            "minute": _number(item.minute),
            "sessions": item.sessions,
            "logons": item.logons,
            "logon_s": item.logon_s,
        }
        for item in minutes
    ]
    numbers = [_number(item.minute) for item in minutes]
    among = {"sites": sorted({item.site for item in minutes}), "first": min(numbers), "last": max(numbers)}
    before: int = connection.execute(_THERE, among).scalar_one()
    connection.execute(_MINUTE, rows)
    _forget_weeks(connection, minutes)
    after: int = connection.execute(_THERE, among).scalar_one()
    return after - before


def _forget_weeks(connection: Connection, minutes: Sequence[MinuteSample]) -> None:
    """Weekly peaks of which a minute came in are computed again, as far as their minutes are still kept."""
    days = {item.minute.astimezone(UTC).date() for item in minutes if item.sessions is not None}
    for monday in {day - timedelta(days=day.weekday()) for day in days}:
        connection.execute(text("DELETE FROM weeks WHERE monday = :monday"), {"monday": monday.isoformat()})


def _named(reading: Observed, source: str) -> tuple[str, str]:
    if isinstance(reading, GatewayReading):
        return "gateway", reading.gateway
    if isinstance(reading, PoolReading):
        return "pool", reading.pool
    if isinstance(reading, LicenceReading):
        return "licence", f"{reading.licence} {source}"
    return "login", reading.site


def _mondays(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=7)


def _number(moment: datetime) -> int:
    """Minutes since 1970 (UTC)."""
    return int(moment.timestamp() // 60)


def _moment(number: int) -> datetime:
    return datetime.fromtimestamp(number * 60, UTC)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
