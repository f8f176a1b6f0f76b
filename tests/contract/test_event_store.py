"""What every event store does, the fake and the real ones: see `drorch.core.stream`."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from contract.stores import KINDS, Kind, kind_of_store
from drorch.core.errors import Broken, InputInvalid, JournalConflict, NotFound
from drorch.core.ids import canonical_json
from drorch.core.stream import Append, Checkpoint, Draft, EventStore, Record, first_break

AT = datetime(2013, 3, 1, 3, 4, 5, 678901, tzinfo=UTC)
FACTS = {
    "text": "Généralités 事務局 العربية \u0000 \u2028",
    "number": 1.5,
    "list": [1, None, True],
    "object": {"a": {}},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "store").created() as made:
        made.start()
        yield made


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    """Each kind of store in turn."""
    with kind_of_store(request.param, tmp_path, lambda: request.getfixturevalue("server")) as made:
        yield made


def draft(number: int = 1, **more: object) -> Draft:
    """A record with facts of every JSON type and text of several scripts."""
    body = canonical_json({**FACTS, "n": number, **more})
    return Draft(
        at=AT + timedelta(seconds=number), kind="noted", body=body, person="Zoë \u0301", mono=number + 0.1234567
    )


def drafts(count: int) -> list[Draft]:
    """Several."""
    return [draft(number) for number in range(1, count + 1)]


def test_what_is_appended_is_read_back_equal_by_another_process(kind: Kind) -> None:
    written = kind.open().append("run/a", drafts(2))
    written += kind.open().append("run/a", drafts(3))
    found = kind.open().read("run/a")
    assert found == written
    assert [record.seq for record in found] == [1, 2, 3, 4, 5]
    assert first_break(found) is None
    assert found[0].at == AT + timedelta(seconds=1)
    assert found[0].mono == 1.123457
    assert found[0].person == "Zoë \u0301"


def test_the_chain_is_the_one_documented_formula(kind: Kind) -> None:
    kind.open().append("year", [draft(1), Draft(at=AT, kind="k", body="{}")], epoch=2)
    prev = "sha256:" + "0" * 64
    for record in kind.open().read("year"):
        said = {
            "at": record.at.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"),
            "body": json.loads(record.body),
            "epoch": 2,
            "kind": record.kind,
            "mono": record.mono,
            "person": record.person,
            "seq": record.seq,
            "stream": "year",
        }
        line = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = "sha256:" + hashlib.sha256(f"{prev}\n{line}".encode()).hexdigest()
        assert record.hash == prev


def test_reading_can_start_behind_a_number_and_end_early(kind: Kind) -> None:
    written = kind.open().append("run/a", drafts(5))
    assert kind.open().read("run/a", after=3) == written[3:]
    assert kind.open().read("run/a", after=1, limit=2) == written[1:3]
    assert kind.open().read("run/a", after=5) == ()
    assert kind.open().tail("run/a") == written[-1]


def test_an_unknown_stream_is_empty(kind: Kind) -> None:
    assert kind.open().read("nobody") == ()
    assert kind.open().tail("nobody") is None
    assert kind.open().streams() == ()


def test_streams_are_kept_apart_and_listed_by_prefix_oldest_first(kind: Kind) -> None:
    store = kind.open()
    for number, name in enumerate(("run/zulu", "year", "run/alpha", "run%", "RUN/x")):
        store.append(name, [draft(number)])
    store.append("run/zulu", [draft(9)])
    assert kind.open().streams("run/") == ("run/zulu", "run/alpha")
    assert kind.open().streams("run%") == ("run%",)
    assert kind.open().streams() == ("run/zulu", "year", "run/alpha", "run%", "RUN/x")
    assert [record.stream for record in store.read("run/alpha")] == ["run/alpha"]


def test_a_number_is_taken_only_once_and_the_first_writer_wins(kind: Kind) -> None:
    first, second = kind.open(), kind.open()
    written = first.append("run/a", drafts(2), after=0)
    with pytest.raises(JournalConflict):
        second.append("run/a", [draft(7)], after=1)
    with pytest.raises(JournalConflict):
        second.append("run/a", [draft(7)], after=3)
    assert kind.open().read("run/a") == written
    assert second.append("run/a", [draft(3)], after=2)[0].prev == written[-1].hash


def test_an_older_epoch_does_not_write_any_more(kind: Kind) -> None:
    store = kind.open()
    store.append("run/a", drafts(1), epoch=1)
    store.append("run/a", drafts(1), epoch=3)
    with pytest.raises(JournalConflict, match="epoch 2 has ended"):
        kind.open().append("run/a", drafts(1), epoch=2)
    assert store.append("run/a", drafts(1), epoch=3)[0].epoch == 3
    assert first_break(store.read("run/a")) is None


def test_several_streams_are_written_wholly_or_not_at_all(kind: Kind) -> None:
    store = kind.open()
    made = store.write(
        Append(stream="run/a", drafts=drafts(2), after=0),
        Append(stream="requests/a", drafts=drafts(1)),
        Append(stream="run/a", drafts=drafts(1), after=2),
    )
    assert [[record.seq for record in records] for records in made] == [[1, 2], [1], [3]]
    with pytest.raises(JournalConflict):
        store.write(Append(stream="year", drafts=drafts(1)), Append(stream="run/a", drafts=drafts(1), after=2))
    assert store.read("year") == ()
    assert len(kind.open().read("run/a")) == 3


def test_an_empty_append_is_nothing(kind: Kind) -> None:
    assert kind.open().append("run/a", []) == ()
    assert kind.open().streams() == ()


def test_of_two_writers_at_once_exactly_one_writes_each_number(kind: Kind) -> None:
    conflicts, gate, count = list[int](), threading.Barrier(2), 20

    def write(store: EventStore) -> None:
        gate.wait(10)
        for number in range(count):
            try:
                store.append("run/a", [draft(number)], after=number)
            except JournalConflict:
                conflicts.append(number)

    _together(*[partial(write, kind.open()) for _ in range(2)])
    assert [record.seq for record in kind.open().read("run/a")] == list(range(1, count + 1))
    assert sorted(conflicts) == list(range(count))


def test_many_threads_of_several_processes_append_without_loss(kind: Kind) -> None:
    stores = [kind.open(), kind.open()]

    def write(number: int) -> None:
        for turn in range(10):
            stores[number % 2].append(f"run/{number % 3}", [draft(number * 100 + turn)])
            stores[number % 2].append("audit", [draft(number * 100 + turn)])

    _together(*[partial(write, number) for number in range(8)])
    audit = kind.open().read("audit")
    assert sorted(int(record.mono or 0) for record in audit) == sorted(n * 100 + t for n in range(8) for t in range(10))
    assert first_break(audit) is None
    assert sum(len(kind.open().read(f"run/{number}")) for number in range(3)) == 80


def test_nobody_writes_between_looking_and_deciding(kind: Kind) -> None:
    def count(last: Record | None) -> list[Draft]:
        return [Draft(at=AT, kind="n", body=str(int(last.body) + 1 if last else 1))]

    def write(store: EventStore) -> None:
        for _ in range(10):
            store.decide("counter", count)

    _together(*[partial(write, kind.open()) for _ in range(3)])
    assert [record.body for record in kind.open().read("counter")] == [str(n) for n in range(1, 31)]


def test_what_a_decision_raises_is_passed_on_and_nothing_is_written(kind: Kind) -> None:
    def refuse(last: Record | None) -> list[Draft]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kind.open().decide("year", refuse)
    assert kind.open().streams() == ()


@pytest.mark.parametrize(
    "bad",
    [
        Draft(at=datetime(2013, 3, 1), kind="k", body="{}"),  # noqa: DTZ001
        Draft(at=AT, kind="", body="{}"),
        Draft(at=AT, kind="k", body="{}", person="a\x00b"),
        Draft(at=AT, kind="k", body='"\ud800"'),
        Draft(at=AT, kind="k", body="{}", mono=float("nan")),
    ],
)
def test_what_no_store_can_keep_is_refused_and_others_are_written(kind: Kind, bad: Draft) -> None:
    store = kind.open()
    with pytest.raises(InputInvalid):
        store.append("year", [draft(1), bad])
    assert store.read("year") == ()
    assert len(store.append("year", [draft(1)])) == 1


def test_a_time_of_another_zone_is_the_same_instant(kind: Kind) -> None:
    there = AT.astimezone(timezone(timedelta(hours=9)))
    (record,) = kind.open().append("year", [Draft(at=there, kind="k", body="{}")])
    assert record.at == AT
    assert kind.open().read("year") == (record,)


def test_it_holds_exactly_what_was_written(kind: Kind) -> None:
    first = kind.open().append("run/a", drafts(2))
    second = kind.open().append("year", drafts(1))
    assert kind.open().holds([*first, *second])
    other = first[1]._replace(hash=first[0].hash)
    assert not kind.open().holds([first[0], other])
    assert not kind.open().holds([first[1]._replace(seq=3)])


def test_blobs_are_named_by_their_content(kind: Kind) -> None:
    store = kind.open()
    name = store.put_blob(b"a\x00b" * 100_000)
    assert store.put_blob(b"a\x00b" * 100_000) == name
    empty = store.put_blob(b"")
    assert kind.open().blob(name) == b"a\x00b" * 100_000
    assert kind.open().blob(empty) == b""
    assert kind.open().has_blob(name)
    assert not kind.open().has_blob("sha256:0")
    assert kind.open().blobs() == tuple(sorted([name, empty]))
    with pytest.raises(NotFound):
        kind.open().blob("sha256:0")


def test_a_checkpoint_holds_as_long_as_its_record(kind: Kind) -> None:
    store = kind.open()
    records = store.append("run/a", drafts(3))
    for record in records[:2]:
        kept = Checkpoint(stream="run/a", seq=record.seq, hash=record.hash, blob=store.put_blob(record.hash.encode()))
        store.keep_checkpoint(kept)
        assert kind.open().checkpoint("run/a") == kept
    assert first_break(store.read("run/a", after=2), kept) is None
    assert kind.open().checkpoint("run/b") is None
    with pytest.raises(Broken):
        store.keep_checkpoint(Checkpoint(stream="run/a", seq=3, hash=records[2].hash, blob="sha256:0"))
    store.keep_checkpoint(Checkpoint(stream="run/a", seq=3, hash=records[1].hash, blob=kept.blob))
    assert store.checkpoint("run/a") is None


def test_a_store_is_known_by_one_identity(kind: Kind) -> None:
    store = kind.open()
    assert store.identity()
    assert kind.open().identity() == store.identity()
    store.append("year", drafts(1))
    store.verify_place()


def _together(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
