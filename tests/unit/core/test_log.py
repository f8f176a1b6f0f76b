"""Typed streams over the store: see `drorch.core.log`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from drorch.core.clock import Instant
from drorch.core.errors import Broken, InputInvalid, JournalConflict, Refused
from drorch.core.log import Entry, FoldedLog, Log
from drorch.core.stream import Record
from drorch.testing.streams import MemoryStore

AT = datetime(2013, 3, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A body."""

    title: str


@dataclass(frozen=True, kw_only=True)
class Closed:
    """Another."""

    number: int


def to_plain(body: Opened | Closed) -> tuple[str, Mapping[str, object]]:
    return type(body).__name__.lower(), vars(body)


def from_plain(kind: str, plain: object, where: str) -> Opened | Closed:
    if kind not in ("opened", "closed") or not isinstance(plain, dict):
        raise InputInvalid(f"unknown kind {kind}", where=where)
    return Opened(**plain) if kind == "opened" else Closed(**plain)


class Counting(MemoryStore):
    """Remembers how many records were read, and can lose some."""

    records_read = 0

    def read(self, stream: str, after: int = 0, limit: int | None = None) -> tuple[Record, ...]:
        found = super().read(stream, after, limit)
        self.records_read += len(found)
        return found

    def change(self, stream: str, *records: Record) -> None:
        self._streams[stream] = records


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def log(store: Counting) -> Log[Opened | Closed]:
    return Log[Opened | Closed](store, "case/", to_plain, from_plain, reasons=True)


def test_what_is_appended_is_read_as_values(log: Log[Opened | Closed], store: Counting) -> None:
    made = log.add("1", [Opened(title="é")], at=Instant(mono=1.5, wall=AT), person="Ada", reason="why", epoch=2)
    again = Log[Opened | Closed](store, "case/", to_plain, from_plain, reasons=True)
    assert again.read("1") == made == log.read("1")
    assert made == (
        Entry(
            stream="case/1",
            seq=1,
            at=AT,
            mono=1.5,
            epoch=2,
            person="Ada",
            reason="why",
            body=Opened(title="é"),
            hash=store.read("case/1")[0].hash,
        ),
    )
    assert json.loads(store.read("case/1")[0].body) == {"title": "é", "reason": "why"}
    assert log.ids() == ("1",)


def test_a_decision_sees_all_and_is_made_again_when_another_was_first(log: Log[Opened | Closed]) -> None:
    log.add("1", [Opened(title="a")], at=AT)
    seen: list[int] = []

    def decide(entries: tuple[Entry[Opened | Closed], ...]) -> list[Opened | Closed]:
        seen.append(len(entries))
        if len(seen) == 1:
            log.add("1", [Opened(title="the other")], at=AT)
        return [Closed(number=len(entries))]

    (made,) = log.append("1", decide, at=AT)
    assert (seen, made.seq, made.body) == ([1, 2], 3, Closed(number=2))


def test_a_refused_decision_writes_nothing(log: Log[Opened | Closed]) -> None:
    def refuse(entries: tuple[Entry[Opened | Closed], ...]) -> list[Opened | Closed]:
        raise Refused("no")

    with pytest.raises(Refused):
        log.append("1", refuse, at=AT)
    assert log.read("1") == ()


def test_a_writer_that_expects_another_end_writes_nothing(log: Log[Opened | Closed]) -> None:
    log.add("1", [Opened(title="a")], at=AT, after=0)
    with pytest.raises(JournalConflict):
        log.add("1", [Opened(title="b")], at=AT, after=0)
    assert len(log.read("1")) == 1


def test_reading_again_reads_only_what_is_new(log: Log[Opened | Closed], store: Counting) -> None:
    for number in range(20):
        log.add("1", [Closed(number=number)], at=AT)
    assert len(log.read("1")) == 20
    store.records_read = 0
    log.append("1", lambda entries: [Closed(number=len(entries))], at=AT)
    assert len(log.read("1")) == 21
    assert store.records_read == 3


@pytest.mark.parametrize("known", [True, False])
def test_a_changed_record_is_named(log: Log[Opened | Closed], store: Counting, known: bool) -> None:
    log.add("1", [Closed(number=number) for number in range(4)], at=AT)
    first, second, third, fourth = store.read("case/1")
    if known:
        store.change("case/1", first, second)
        log.read("1")
    store.change("case/1", first, second, third._replace(body='{"number":7,"reason":""}'), fourth)
    with pytest.raises(Broken, match="record 3 does not follow") as raised:
        log.read("1")
    assert raised.value.where == "case/1 record 3"


def test_a_stream_that_lost_its_end_is_noticed(log: Log[Opened | Closed], store: Counting) -> None:
    log.add("1", [Closed(number=number) for number in range(4)], at=AT)
    log.read("1")
    store.change("case/1", *store.read("case/1")[:2])
    with pytest.raises(Broken, match="rolled back or replaced"):
        log.read("1")


def test_a_kind_or_a_reason_that_is_missing_is_named(store: Counting) -> None:
    Log[Opened | Closed](store, "case/", lambda body: ("other", {}), from_plain).add("1", [Closed(number=1)], at=AT)
    with pytest.raises(InputInvalid) as raised:
        Log[Opened | Closed](store, "case/", to_plain, from_plain).read("1")
    assert raised.value.where == "case/1 record 1"
    with pytest.raises(InputInvalid, match="the reason is missing"):
        Log[Opened | Closed](store, "case/", to_plain, from_plain, reasons=True).read("1")


def total(state: int, entry: Entry[Opened | Closed]) -> int:
    if isinstance(entry.body, Opened):
        raise Refused(f"record {entry.seq} of {entry.stream} opens nothing")
    return state + entry.body.number


def test_a_folded_log_folds_only_what_is_new(log: Log[Opened | Closed]) -> None:
    seen: list[int] = []

    def step(state: int, entry: Entry[Opened | Closed]) -> int:
        seen.append(entry.seq)
        return total(state, entry)

    folded = FoldedLog(log, 0, step)
    assert folded.state("1") == 0
    log.add("1", [Closed(number=number) for number in (1, 2)], at=AT)
    assert folded.state("1") == 3
    log.add("1", [Closed(number=4)], at=AT)
    assert (folded.state("1"), folded.state("1"), seen) == (7, 7, [1, 2, 3])


def test_a_folded_log_decides_by_its_state_and_writes_nothing_that_cannot_follow(log: Log[Opened | Closed]) -> None:
    folded = FoldedLog(log, 0, total)
    folded.append("1", lambda state: [Closed(number=state + 5)], at=AT, person="Ada", reason="why")
    with pytest.raises(Refused, match="record 3 of case/1"):
        folded.append("1", lambda state: [Closed(number=state), Opened(title="x")], at=AT)
    assert folded.append("1", lambda _: [], at=AT) == ()
    assert [(entry.body, entry.person) for entry in log.read("1")] == [(Closed(number=5), "Ada")]
