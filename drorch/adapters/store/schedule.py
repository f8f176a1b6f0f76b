"""The schedule's instants in the same database as the journal: the primary key decides who has one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from drorch.adapters.store.database import SCHEDULE_EVENTS, Database
from drorch.schedules.events import Adopted, Claimed, ScheduleEvent, body_from_text, body_to_text
from drorch.schedules.model import stamp

_T = SCHEDULE_EVENTS.c


class SqlScheduleStore:
    """See the port `drorch.schedules.ports.ScheduleStore`."""

    def __init__(self, url_or_path: str | Path, *, lock_timeout_s: float = 10.0) -> None:
        """As `SqlJournal`."""
        self._database = Database(url_or_path, lock_timeout_s=lock_timeout_s)

    def append(self, event: ScheduleEvent) -> bool:
        """See the port."""
        body = event.body
        row = {
            "key": event.key,
            "seq": event.seq,
            "schedule": event.key.partition("@")[0],
            "nominal": stamp(body.nominal) if isinstance(body, Claimed) else "",
            "what": body.what,
            "wall": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "data": body_to_text(body),
        }
        try:
            with self._database.transaction() as connection:
                connection.execute(insert(SCHEDULE_EVENTS), [row])
        except IntegrityError:
            return False
        return True

    def read(self, key: str) -> tuple[ScheduleEvent, ...]:
        """See the port. InputInvalid when a stored event cannot be read."""
        query = select(_T.seq, _T.wall, _T.data).where(_T.key == key).order_by(_T.seq)
        with self._database.transaction() as connection:
            rows = connection.execute(query).all()
        return tuple(
            ScheduleEvent(
                key=key,
                seq=seq,
                at=datetime.fromisoformat(wall),
                body=body_from_text(data, f"{self._database.where} {key} event {seq}"),
            )
            for seq, wall, data in rows
        )

    def last_claimed(self, of: str) -> datetime | None:
        """See the port."""
        query = select(func.max(_T.nominal)).where(_T.schedule == of, _T.what == Claimed.what)
        with self._database.transaction() as connection:
            found = connection.execute(query).scalar()
        return datetime.fromisoformat(found) if found else None

    def open_keys(self) -> tuple[str, ...]:
        """See the port."""
        ended = select(_T.key).where(_T.what == "ended")
        query = select(_T.key).where(_T.what == Claimed.what, _T.key.not_in(ended)).order_by(_T.nominal, _T.key)
        with self._database.transaction() as connection:
            return tuple(connection.execute(query).scalars())

    def keys(self, since: datetime, until: datetime) -> tuple[str, ...]:
        """See the port."""
        query = select(_T.key).where(_T.what == Claimed.what, _T.nominal.between(stamp(since), stamp(until)))
        with self._database.transaction() as connection:
            return tuple(connection.execute(query.order_by(_T.nominal, _T.key)).scalars())

    def schedules(self) -> tuple[str, ...]:
        """See the port."""
        query = select(_T.key).where(_T.what == Adopted.what).distinct().order_by(_T.key)
        with self._database.transaction() as connection:
            return tuple(connection.execute(query).scalars())

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
