"""The audit log of the web: every change and every denied one, a record of the stream ``audit`` each."""

from __future__ import annotations

import json
from dataclasses import dataclass

from drorch.core.clock import Clock
from drorch.core.ids import canonical_json
from drorch.core.redact import redact
from drorch.core.stream import Draft, EventStore, Record, first_break, stamp

STREAM = "audit"
_LONGEST_VALUE = 500
_AT_ONCE = 5_000
"""Records read at once to look at the chain: the log of years does not have to fit in memory."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing somebody did, or was not let do."""

    act: str
    """What was asked for, like ``POST /api/v1/runs/{run}/approve``."""
    subject: str
    """On what: the path that was asked for."""
    outcome: str
    """``done``, ``denied`` (no right to), or ``failed`` (a right to, but it was wrong or refused)."""
    status: int
    person: str = ""
    login: str = ""
    via: str = ""
    address: str = ""
    detail: str = ""


class AuditLog:
    """The log in an event store. Several processes may append. Only what is in the store counts as written."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def append(self, entry: Entry) -> None:
        """Write it, bounded and without what looks like a secret. Broken when that is not possible."""
        names = ("act", "subject", "login", "via", "address", "detail")
        body = {name: _kept(getattr(entry, name)) for name in names}
        draft = Draft(
            at=self._clock.now().wall,
            kind=entry.outcome,
            person=_kept(entry.person).replace("\x00", "\ufffd"),
            body=canonical_json({**body, "status": entry.status}),
        )
        self._store.append(STREAM, [draft])

    def read(self, after: int = 0, limit: int | None = None) -> tuple[dict[str, object], ...]:
        """Entries behind number ``after``, oldest first. The chain is not looked at: see `first_break`."""
        return tuple(_shown(record) for record in self._store.read(STREAM, after, limit))

    def last(self, count: int) -> tuple[dict[str, object], ...]:
        """The last entries, oldest first."""
        tail = self._store.tail(STREAM)
        return self.read(max(0, tail.seq - count)) if tail else ()

    def first_break(self) -> int | None:
        """The number of the entry at which the chain breaks; None when it holds."""
        last: Record | None = None
        while records := self._store.read(STREAM, last.seq if last else 0, _AT_ONCE):
            broken = first_break(records, last)
            if broken is not None:
                return broken.seq
            last = records[-1]
        return None


def _kept(text: str) -> str:
    return str(redact(text))[:_LONGEST_VALUE]


def _shown(record: Record) -> dict[str, object]:
    body = json.loads(record.body)
    head = {"number": record.seq, "at": stamp(record.at), "outcome": record.kind, "person": record.person}
    return {**head, **body, "hash": record.hash}
