"""The schedule's instants as the stream ``schedule`` of the event store: whoever writes the claim of one has it.

One stream for all of them, so that a look reads only what is new, however many schedules and instants there are.
"""

from __future__ import annotations

import json
from datetime import datetime
from threading import RLock
from typing import cast

from drorch.core.codec import plain, read
from drorch.core.ids import canonical_json
from drorch.core.stream import Draft, EventStore, Record, until_first, verified
from drorch.schedules.events import Adopted, Body, Claimed, Ended, ScheduleEvent
from drorch.schedules.ports import ScheduleStore

STREAM = "schedule"


class _Taken(Exception):
    """Somebody else has written this event of the key."""


class ScheduleLog(ScheduleStore):
    """See the port. Keeps what it has read; safe for several threads."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._lock = RLock()
        self._last: Record | None = None
        self._of: dict[str, list[Record]] = {}
        self._nominal: dict[str, datetime] = {}
        self._open: set[str] = set()
        self._latest: dict[str, datetime] = {}
        self._schedules: set[str] = set()

    def append(self, event: ScheduleEvent) -> bool:
        """See the port."""
        body = {**cast(dict[str, object], plain(event.body)), "key": event.key}
        draft = Draft(at=event.at, kind=str(body.pop("what")), body=canonical_json(body))

        def once() -> tuple[Record, ...]:
            self._read_on()
            if event.seq != len(self._of.get(event.key, ())) + 1:
                raise _Taken
            return self._store.append(STREAM, [draft], after=self._last.seq if self._last else 0)

        with self._lock:
            try:
                until_first(once)
            except _Taken:
                return False
        return True

    def read(self, key: str) -> tuple[ScheduleEvent, ...]:
        """See the port. InputInvalid when a stored event cannot be read."""
        with self._lock:
            self._read_on()
            return tuple(_event(key, seq, record) for seq, record in enumerate(self._of.get(key, ()), start=1))

    def last_claimed(self, of: str) -> datetime | None:
        """See the port."""
        with self._lock:
            self._read_on()
            return self._latest.get(of)

    def open_keys(self) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            self._read_on()
            return tuple(sorted(self._open, key=self._place))

    def keys(self, since: datetime, until: datetime) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            self._read_on()
            return tuple(sorted((key for key, at in self._nominal.items() if since <= at <= until), key=self._place))

    def schedules(self) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            self._read_on()
            return tuple(sorted(self._schedules))

    def _place(self, key: str) -> tuple[datetime, str]:
        return self._nominal[key], key

    def _read_on(self) -> None:
        last = self._last
        # The last known record is read once more: what follows is chained to it.
        records = self._store.read(STREAM, after=last.seq - 1 if last else 0)
        for record in verified(records[1:] if last else records, last):
            self._note(record)
            self._last = record

    def _note(self, record: Record) -> None:
        body = json.loads(record.body)
        key = body["key"]
        self._of.setdefault(key, []).append(record)
        if record.kind == Claimed.what:
            nominal, of = datetime.fromisoformat(body["nominal"]), key.partition("@")[0]
            self._nominal[key] = nominal
            self._open.add(key)
            self._latest[of] = max(nominal, self._latest.get(of, nominal))
        elif record.kind == Ended.what:
            self._open.discard(key)
        elif record.kind == Adopted.what:
            self._schedules.add(key)


def _event(key: str, seq: int, record: Record) -> ScheduleEvent:
    data = {**json.loads(record.body), "what": record.kind}
    del data["key"]
    where = f"{record.stream} record {record.seq}"
    body = read(cast(type[Body], Body), data, where=where, next_step="use the drorch version that wrote it")
    return ScheduleEvent(key=key, seq=seq, at=record.at, body=body)
