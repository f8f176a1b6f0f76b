"""Typed streams: what a product appends and reads, each record a frozen value instead of JSON text."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

from drorch.core.clock import Instant
from drorch.core.errors import Broken, InputInvalid
from drorch.core.gc_pause import cycles_not_searched
from drorch.core.ids import canonical_json
from drorch.core.stream import Append, Draft, EventStore, Record, until_first, verified

B = TypeVar("B")
S = TypeVar("S")
ToPlain = Callable[[B], tuple[str, Mapping[str, object]]]
"""The kind of a body and its plain JSON data."""
FromPlain = Callable[[str, object, str], B]
"""The body of a kind from its plain data; the last one is where it stands, for InputInvalid."""
_KEPT = 16
"""Streams whose entries a `Log` keeps, so that reading them again reads only what is new."""


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[B]):
    """One record with its body. ``reason`` is empty in logs that were made without reasons.

    ``hash`` is empty only while it is asked whether an entry may follow.
    """

    stream: str = ""
    seq: int
    at: datetime
    mono: float | None = None
    epoch: int = 0
    person: str = ""
    reason: str = ""
    body: B
    hash: str = ""


class Log(Generic[B]):
    """The streams of one product: ``prefix`` alone (``year``), or ``prefix`` and an id (``run/`` + id).

    ``reasons``: every entry carries the reason a person gave; it stands in the JSON beside the fields of the body.
    Safe for several threads.
    """

    def __init__(
        self, store: EventStore, prefix: str, to_plain: ToPlain[B], from_plain: FromPlain[B], *, reasons: bool = False
    ) -> None:
        self.store, self._prefix, self._reasons = store, prefix, reasons
        self._to_plain, self._from_plain = to_plain, from_plain
        self._kept: OrderedDict[str, tuple[Record, tuple[Entry[B], ...]]] = OrderedDict()
        self._lock = Lock()

    def ids(self) -> tuple[str, ...]:
        """Of all streams, oldest first."""
        return tuple(name.removeprefix(self._prefix) for name in self.store.streams(self._prefix))

    def read(self, of: str = "") -> tuple[Entry[B], ...]:
        """All entries, chain and sequence checked.

        Broken when the chain does not hold, or a stream is shorter than it was; InputInvalid, naming stream and record,
        for a kind or field this drorch does not know.
        """
        stream = self._prefix + of
        with self._lock:
            last, before = self._kept.get(stream, (None, ()))
        # The last known record is read once more: so a stream that was replaced is noticed.
        records = self.store.read(stream, after=last.seq - 1 if last else 0)
        if last is not None:
            if not records or records[0] != last:
                raise Broken(
                    f"record {last.seq} was there before and is not any more: the store was rolled back or replaced",
                    where=stream,
                    next_step="find out who changed the store, then start again",
                )
            records = records[1:]
        if not records:
            return before
        with cycles_not_searched():
            verified(records, last)
            entries = (*before, *map(self._entry, records))
        with self._lock:
            self._kept[stream] = (records[-1], entries)
            self._kept.move_to_end(stream)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return entries

    def add(
        self,
        of: str,
        bodies: Sequence[B],
        *,
        at: Instant | datetime,
        person: str = "",
        reason: str = "",
        after: int | None = None,
        epoch: int = 0,
    ) -> tuple[Entry[B], ...]:
        """Append without reading the stream; the new entries. JournalConflict as `EventStore.write`.

        ``at``: an `Instant` where durations matter, else the wall time alone.
        """
        append = self.prepared(of, bodies, at=at, person=person, reason=reason, after=after, epoch=epoch)
        (records,) = self.store.write(append)
        return tuple(self._with(record, body, reason) for record, body in zip(records, bodies, strict=True))

    def append(
        self,
        of: str,
        decide: Callable[[tuple[Entry[B], ...]], Sequence[B]],
        *,
        at: Instant | datetime,
        person: str = "",
        reason: str = "",
    ) -> tuple[Entry[B], ...]:
        """Append what ``decide`` makes of all entries; nobody writes in between. The new entries.

        ``decide`` is called again when somebody was first: it must only compute. What it raises is passed on.
        """
        made: list[tuple[Entry[B], ...]] = []

        def once() -> tuple[Record, ...]:
            entries = self.read(of)
            made.append(self.add(of, decide(entries), at=at, person=person, reason=reason, after=len(entries)))
            return ()

        until_first(once)
        return made[-1]

    def prepared(
        self,
        of: str,
        bodies: Sequence[B],
        *,
        at: Instant | datetime,
        person: str = "",
        reason: str = "",
        after: int | None = None,
        epoch: int = 0,
    ) -> Append:
        """For `EventStore.write` together with appends of other logs, all or nothing."""
        wall, mono = (at.wall, at.mono) if isinstance(at, Instant) else (at, None)
        drafts: list[Draft] = []
        for body in bodies:
            kind, plain = self._to_plain(body)
            plain = {**plain, "reason": reason} if self._reasons else plain
            drafts.append(Draft(at=wall, mono=mono, kind=kind, person=person, body=canonical_json(plain)))
        return Append(stream=self._prefix + of, drafts=drafts, after=after, epoch=epoch)

    def name_of(self, of: str = "") -> str:
        """The whole name of a stream."""
        return self._prefix + of

    def _entry(self, record: Record) -> Entry[B]:
        where = f"{record.stream} record {record.seq}"
        plain = json.loads(record.body)
        reason: object = ""
        if self._reasons:
            reason = plain.pop("reason", None) if isinstance(plain, dict) else None
        if not isinstance(reason, str):
            raise InputInvalid("the reason is missing", where=where, next_step="use the drorch that wrote it")
        return self._with(record, self._from_plain(record.kind, plain, where), reason)

    def _with(self, record: Record, body: B, reason: str) -> Entry[B]:
        return Entry(
            stream=record.stream,
            seq=record.seq,
            at=record.at,
            mono=record.mono,
            epoch=record.epoch,
            person=record.person,
            reason=reason,
            body=body,
            hash=record.hash,
        )


class FoldedLog(Generic[B, S]):
    """A `Log` and what each of its streams folds to. Only what is new since the last look is read and folded.

    ``step`` makes the next state of a state and an entry; it raises for an entry that cannot follow.
    """

    def __init__(self, log: Log[B], start: S, step: Callable[[S, Entry[B]], S]) -> None:
        self.log, self._start, self._step = log, start, step
        self._kept: OrderedDict[str, tuple[tuple[Entry[B], ...], S]] = OrderedDict()
        self._lock = Lock()

    def state(self, of: str = "") -> S:
        """What the stream folds to. Raises as `Log.read`, and as ``step``."""
        return self._folded(of, self.log.read(of))

    def append(
        self, of: str, decide: Callable[[S], Sequence[B]], *, at: datetime, person: str = "", reason: str = ""
    ) -> tuple[Entry[B], ...]:
        """As `Log.append`, ``decide`` being given the state. What ``step`` refuses is not written."""

        def bodies(entries: tuple[Entry[B], ...]) -> Sequence[B]:
            state, stream = self._folded(of, entries), self.log.name_of(of)
            made = tuple(decide(state))
            for seq, body in enumerate(made, start=len(entries) + 1):
                entry = Entry(stream=stream, seq=seq, at=at, person=person, reason=reason, body=body)
                state = self._step(state, entry)
            return made

        return self.log.append(of, bodies, at=at, person=person, reason=reason)

    def _folded(self, of: str, entries: tuple[Entry[B], ...]) -> S:
        with self._lock:
            known, state = self._kept.get(of, ((), self._start))
        if known and (len(entries) < len(known) or entries[len(known) - 1] is not known[-1]):
            known, state = (), self._start
        for entry in entries[len(known) :]:
            state = self._step(state, entry)
        if not entries:
            return state
        with self._lock:
            self._kept[of] = (entries, state)
            self._kept.move_to_end(of)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return state
