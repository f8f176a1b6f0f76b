"""Journals and operators' requests of runs as streams of the event store: ``run/<id>`` and ``requests/<id>``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from drorch.core.clock import Instant
from drorch.core.errors import InputInvalid, JournalConflict
from drorch.core.ids import canonical_json
from drorch.core.stream import Append, Draft, EventStore, Record, verified
from drorch.run.codec import body_from_json, body_to_json, kind_of
from drorch.run.events import Body, Event, RequestSettled, RunCreated
from drorch.run.ports import Journal, OperatorBody, OperatorInbox, OperatorRequest

RUNS = "run/"
REQUESTS = "requests/"
_SETTLED = "settled"
"""Kind of the records that take requests out; every other record of ``requests/<id>`` is a request."""


class RunJournal(Journal):
    """See the port. It reads records itself instead of through a `Log`: a take-up reads 20,000 of them."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """See the port."""
        if not events:
            return ()
        run, first = events[0].run, events[0].seq
        appends = [
            Append(stream=RUNS + run, drafts=[_draft(event.body, event.at) for event in events], after=first - 1)
        ]
        settled = [event.body.request for event in events if isinstance(event.body, RequestSettled)]
        if settled:
            appends.append(_settling(run, settled, events[-1].at))
        try:
            records = self.store.write(*appends)[0]
        except JournalConflict:
            raise JournalConflict(
                f"another driver has written event {first} or a later one of this run",
                where=f"run {run}",
                next_step="look at the run: the other driver has it; this one did nothing",
            ) from None
        return tuple(_event(run, record, event.body) for record, event in zip(records, events, strict=True))

    def read(self, run: str, after: int = 0) -> tuple[Event, ...]:
        """See the port."""
        # The record before is read once more: what follows is chained to it.
        records = self.store.read(RUNS + run, max(after - 1, 0))
        before = records[0] if records and after > 0 else None
        found = verified(records[1:] if before else records, before)
        return tuple(_event(run, record, _body(record)) for record in found)

    def first(self, run: str) -> Event | None:
        """See the port."""
        found = verified(self.store.read(RUNS + run, 0, 1))
        return next((_event(run, record, _body(record)) for record in found), None)

    def runs(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(name.removeprefix(RUNS) for name in self.store.streams(RUNS))

    def records(self, run: str) -> tuple[Record, ...]:
        """The records of a run as they are, chain checked."""
        return tuple(verified(self.store.read(RUNS + run)))

    def verify_place(self) -> None:
        """See the port."""
        self.store.verify_place()


class RunRequests(OperatorInbox):
    """See the port. The number of a request is that of its record."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    def put(self, run: str, body: OperatorBody, *, asked: Instant) -> None:
        """See the port. InputInvalid for a body that is not a person's to write."""
        if not isinstance(body, OperatorBody):
            raise InputInvalid(f"{kind_of(body)} is not a request a person can make")
        self.store.append(REQUESTS + run, [_draft(body, asked)])

    def pending(self, run: str) -> tuple[OperatorRequest, ...]:
        """See the port."""
        waiting: dict[int, OperatorRequest] = {}
        for record in verified(self.store.read(REQUESTS + run)):
            if record.kind == _SETTLED:
                for number in json.loads(record.body)["requests"]:
                    waiting.pop(number, None)
                continue
            body = _body(record)
            if isinstance(body, OperatorBody):
                waiting[record.seq] = OperatorRequest(id=record.seq, body=body, asked=_instant(record))
        return tuple(waiting.values())

    def settle(self, run: str, ids: Sequence[int], *, at: Instant) -> None:
        """See the port."""
        self.store.write(_settling(run, ids, at))


def _settling(run: str, ids: Sequence[int], at: Instant) -> Append:
    body = canonical_json({"requests": list(ids)})
    return Append(stream=REQUESTS + run, drafts=[Draft(at=at.wall, mono=at.mono, kind=_SETTLED, body=body)])


def _draft(body: Body, at: Instant) -> Draft:
    person = body.operator if isinstance(body, RunCreated) else getattr(body, "person", "")
    text = canonical_json(body_to_json(body))
    return Draft(at=at.wall, mono=at.mono, kind=kind_of(body), person=person, body=text)


def _event(run: str, record: Record, body: Body) -> Event:
    return Event(run=run, seq=record.seq, at=_instant(record), body=body, chain=record.hash)


def _instant(record: Record) -> Instant:
    return Instant(mono=record.mono or 0.0, wall=record.at)


def _body(record: Record) -> Body:
    return body_from_json(record.kind, json.loads(record.body), f"{record.stream} record {record.seq}")
