"""The one event store, as a port: streams of chained records, and blobs named by their content.

A stream is a text such as ``run/<id>``, ``year`` or ``audit``. Its records are only ever appended. Each record fixes
itself and everything before it in its stream:

    hash = "sha256:" + hex(sha256(prev + "\\n" + line))
    line = canonical JSON of {at, body, epoch, kind, mono, person, seq, stream}

``prev`` is the hash of the record before, `GENESIS` for the first. ``at`` is UTC text with microseconds. This is the
only chain formula of drorch; ``tools/verify_evidence.py`` holds it once more, to check records without drorch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from math import isfinite
from typing import NamedTuple, Protocol

from drorch.core.errors import Broken, InputInvalid, JournalConflict, StoreAway
from drorch.core.ids import canonical_json

GENESIS = "sha256:" + "0" * 64
_OTHER_COPY = "take another copy of the export"
_MOST_TRIES = 50
"""So often `decide` begins again because somebody else was first; more means that something never lets us."""


class Record(NamedTuple):
    """One record of a stream. A tuple: a take-up reads 20,000, and a frozen dataclass costs six times as much.

    ``body`` is canonical JSON text, kept as it was written.
    """

    stream: str
    seq: int
    """From 1, without a gap."""
    at: datetime
    """UTC, to the microsecond."""
    mono: float | None
    """Seconds of the monotonic clock of the machine that wrote it; None where nothing is measured."""
    epoch: int
    """Of the writer's lease; 0 where there is none. Never lower than that of the record before."""
    person: str
    kind: str
    body: str
    prev: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a writer gives; the store makes it a `Record` by its place in the stream."""

    at: datetime
    kind: str
    body: str
    """Canonical JSON text (`drorch.core.ids.canonical_json`)."""
    person: str = ""
    mono: float | None = None


@dataclass(frozen=True, kw_only=True)
class Append:
    """Drafts for one stream. ``after``: the sequence number they follow; None: wherever the stream ends."""

    stream: str
    drafts: Sequence[Draft]
    after: int | None = None
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Break:
    """The first place where a chain does not hold."""

    stream: str
    seq: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a stream folds to behind its record ``seq``: a blob, worth something only while that record has ``hash``."""

    stream: str
    seq: int
    hash: str
    blob: str


class Unsettled(StoreAway):
    """The store went away while it wrote ``records``: they stand there wholly, or none does. Ask `EventStore.holds`."""

    def __init__(self, records: Sequence[Record], *, where: str | None = None) -> None:
        super().__init__(
            "the store went away while it wrote: nobody knows yet whether it did",
            where=where,
            next_step="look at what is there before anything is written again",
        )
        self.records = tuple(records)


class EventStore(Protocol):
    """Streams and blobs. Every method may be called from any thread, and gives control back within its deadline.

    All raise StoreAway when the store does not answer in time, Broken when it is damaged, was deleted, replaced or
    rolled back since this object first saw it.
    """

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        """Durably append to one or several streams, all or nothing; the new records of each.

        JournalConflict when ``after`` is not where a stream ends, or ``epoch`` is lower than that of its last record.
        Unsettled when the store went away so late that it may have written.
        """
        ...

    def read(self, stream: str, after: int = 0, limit: int | None = None) -> tuple[Record, ...]:
        """Records with ``seq > after``, in order, at most ``limit``. Empty for an unknown stream. Chain not checked."""
        ...

    def tail(self, stream: str) -> Record | None:
        """The last record."""
        ...

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """Names that begin so, in the order of their first records."""
        ...

    def holds(self, records: Sequence[Record]) -> bool:
        """Whether exactly these stand in the store. Waits for the end of any append to their streams under way.

        After False they never will by the append that was unsettled.
        """
        ...

    def put_blob(self, content: bytes) -> str:
        """Durably keep it; its id ``sha256:<hex>``. What is there already is kept once."""
        ...

    def blob(self, blob_id: str) -> bytes:
        """The content, compared with its id. NotFound; Broken when it was changed."""
        ...

    def has_blob(self, blob_id: str) -> bool:
        """Whether it is there."""
        ...

    def blobs(self) -> tuple[str, ...]:
        """Ids of all, sorted."""
        ...

    def checkpoint(self, stream: str) -> Checkpoint | None:
        """The kept one, when its record still has its hash and its blob is there. A cache: never exported."""
        ...

    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep it instead of the one before. The blob must be there."""
        ...

    def identity(self) -> str:
        """The random id the store got when it was made."""
        ...

    def verify_place(self) -> None:
        """Broken when the store was deleted, replaced or rolled back since this object first saw it."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def append(
        self, stream: str, drafts: Sequence[Draft], *, after: int | None = None, epoch: int = 0
    ) -> tuple[Record, ...]:
        """`write` to one stream."""
        return self.write(Append(stream=stream, drafts=drafts, after=after, epoch=epoch))[0]

    def decide(
        self, stream: str, make: Callable[[Record | None], Sequence[Draft]], *, epoch: int = 0
    ) -> tuple[Record, ...]:
        """Append what ``make`` makes of the last record; nobody writes in between.

        ``make`` is called again when somebody was first: it must only compute. What it raises is passed on.
        """

        def once() -> tuple[Record, ...]:
            last = self.tail(stream)
            return self.append(stream, make(last), after=last.seq if last else 0, epoch=epoch)

        return until_first(once)


def until_first(once: Callable[[], tuple[Record, ...]]) -> tuple[Record, ...]:
    """Call ``once`` until nobody else was first. JournalConflict when that never happens."""
    for _ in range(_MOST_TRIES):
        try:
            return once()
        except JournalConflict as conflict:
            last = conflict
    raise last


def line_of(record: Record, *, whole: bool = False) -> str:
    """The canonical JSON that is hashed; with ``whole`` that of all fields, as an export has it.

    Keys are sorted, and ``body`` stands in it as it was written.
    """
    mono = "null" if record.mono is None else repr(record.mono)
    own, prev = (f'"hash":"{record.hash}",', f'"prev":"{record.prev}",') if whole else ("", "")
    return (
        f'{{"at":"{stamp(record.at)}","body":{record.body},"epoch":{record.epoch},{own}'
        f'"kind":{encode_basestring(record.kind)},"mono":{mono},"person":{encode_basestring(record.person)},{prev}'
        f'"seq":{record.seq},"stream":{encode_basestring(record.stream)}}}'
    )


def record_of(line: str, where: str) -> Record:
    """The record of one line of an export. InputInvalid for anything else; the hash is not compared."""
    try:
        fields = json.loads(line)
        body = canonical_json(fields.pop("body"))
        at = datetime.fromisoformat(fields.pop("at"))
        record = Record(**fields, at=at, body=body)
        if not _is_record(record):
            raise TypeError("a field has another type")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputInvalid(f"this is no record of an export ({error})", where=where, next_step=_OTHER_COPY) from None
    return record


def _is_record(record: Record) -> bool:
    texts = (record.stream, record.person, record.kind, record.prev, record.hash)
    numbers = (record.seq, record.epoch)
    return (
        all(isinstance(value, str) for value in texts)
        and all(type(value) is int for value in numbers)
        and (record.mono is None or type(record.mono) is float)
        and record.at.utcoffset() == timedelta(0)
    )


def hash_of(record: Record) -> str:
    """What ``hash`` has to be; the record's own is not looked at."""
    return chained(record.prev, line_of(record))


def chained(prev: str, line: str) -> str:
    """The hash behind ``prev`` of a record whose canonical JSON is ``line``."""
    return "sha256:" + hashlib.sha256(f"{prev}\n{line}".encode()).hexdigest()


def blob_id(content: bytes) -> str:
    """The name of a blob."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=1024)  # what is written together has one time, and making its text is a third of making a line
def stamp(at: datetime) -> str:
    """An instant as it stands in a record: UTC, microseconds."""
    return at.isoformat("T", "microseconds")


def link(append: Append, last: Record | None) -> tuple[Record, ...]:
    """The records that follow ``last``. JournalConflict when they cannot, InputInvalid for what cannot be kept."""
    seq, prev, epoch = (last.seq, last.hash, last.epoch) if last else (0, GENESIS, 0)
    if append.after is not None and append.after != seq:
        raise JournalConflict(
            f"another writer was first: record {seq} is the last, not {append.after}",
            where=append.stream,
            next_step="look at what the other one wrote; this one wrote nothing",
        )
    if append.epoch < epoch:
        raise JournalConflict(
            f"the lease with epoch {append.epoch} has ended: epoch {epoch} writes here now",
            where=append.stream,
            next_step="look at who took over; this one wrote nothing",
        )
    made: list[Record] = []
    for number, draft in enumerate(append.drafts, start=seq + 1):
        record = _draft_at(draft, append, number, prev)
        prev = record.hash
        made.append(record)
    return tuple(made)


def first_break(records: Iterable[Record], after: Record | Checkpoint | None = None) -> Break | None:
    """Where the chain of one stream breaks; None when it holds. From the first record on, or behind ``after``."""
    seq, prev, stream = (0, GENESIS, None) if after is None else (after.seq, after.hash, after.stream)
    epoch = after.epoch if isinstance(after, Record) else 0
    for record in records:
        seq += 1
        stream = record.stream if stream is None else stream
        if record.seq != seq:
            return Break(stream=stream, seq=seq, reason=f"record {seq} is missing, found {record.seq}")
        if record.stream != stream:
            return Break(stream=stream, seq=seq, reason=f"record {seq} belongs to {record.stream}")
        if record.prev != prev or hash_of(record) != record.hash:
            return Break(stream=stream, seq=seq, reason=f"record {seq} does not follow from the ones before it")
        if record.epoch < epoch:
            return Break(stream=stream, seq=seq, reason=f"record {seq} was written under an epoch that had ended")
        prev, epoch = record.hash, record.epoch
    return None


def verified(records: Sequence[Record], after: Record | Checkpoint | None = None) -> Sequence[Record]:
    """``records`` as they are. Broken, naming stream and record, when their chain does not hold."""
    broken = first_break(records, after)
    if broken is not None:
        raise Broken(
            f"the store was changed: {broken.reason}",
            where=f"{broken.stream} record {broken.seq}",
            next_step="keep it as it is, restore the store from its export, and find out who changed it",
        )
    return records


def _draft_at(draft: Draft, append: Append, seq: int, prev: str) -> Record:
    if draft.at.tzinfo is None:
        raise InputInvalid("an instant without a time zone", where=append.stream, next_step="give an aware datetime")
    mono = None if draft.mono is None else round(float(draft.mono), 6)
    record = Record(
        stream=append.stream,
        seq=seq,
        at=draft.at if draft.at.tzinfo is UTC else draft.at.astimezone(UTC),
        mono=mono,
        epoch=append.epoch,
        person=draft.person,
        kind=draft.kind,
        body=draft.body,
        prev=prev,
        hash="",
    )
    names = record.stream + record.kind + record.person
    # PostgreSQL keeps no NUL; a body has none, for canonical JSON escapes it.
    if "\x00" in names or not record.stream or not record.kind or not isfinite(mono or 0.0):
        raise InputInvalid("a stream, kind, person or time that cannot be kept", where=repr(append.stream))
    try:
        return record._replace(hash=hash_of(record))
    except UnicodeEncodeError as error:
        what = f"text that no file can hold (a lone surrogate at {error.start})"
        raise InputInvalid(what, where=append.stream, next_step="correct the text") from None
