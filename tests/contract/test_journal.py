"""What every journal and every inbox does, the fake and the real ones: see `drorch.run.ports`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from drorch.adapters.store.events import SqlStore
from drorch.core.errors import InputInvalid, JournalConflict
from drorch.run import events as ev
from drorch.run.journal import RunJournal, RunRequests
from drorch.run.ports import Journal, OperatorInbox
from drorch.testing.clock import HandClock
from drorch.testing.runs import RUN, events_of
from drorch.testing.streams import MemoryStore

NUMBERS = itertools.count(1)
AT = HandClock().now()


@dataclass
class Stores:
    """One kind of store. ``journal()`` and ``inbox()`` give what another process would open."""

    journal: Callable[[], Journal]
    inbox: Callable[[], OperatorInbox]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "journal").created() as made:
        made.start()
        yield made


def new_database(server: Postgres) -> str:
    """A SQLAlchemy URL of a new, empty database."""
    name, at = f"journal_{next(NUMBERS)}", server.endpoint
    server.run("createdb", "-h", at.address, "-p", str(at.port), "-U", "drorch", name)
    return f"postgresql+psycopg://drorch@{at.address}:{at.port}/{name}"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Each kind of store in turn."""
    if request.param == "memory":
        one = MemoryStore()
        yield Stores(journal=lambda: RunJournal(one), inbox=lambda: RunRequests(one))
        return
    sqlite = request.param == "sqlite"
    place = str(tmp_path / "store.sqlite") if sqlite else new_database(request.getfixturevalue("server"))
    opened: list[SqlStore] = []

    def open_store() -> SqlStore:
        opened.append(made := SqlStore(place))
        return made

    yield Stores(journal=lambda: RunJournal(open_store()), inbox=lambda: RunRequests(open_store()))
    for store in opened:
        store.close()


def some(count: int) -> tuple[ev.Event, ...]:
    """Events with facts of every JSON type and text of several scripts."""
    facts = {"text": "Généralités 事務局 العربية \u0000", "number": 1.5, "list": (1, None, True), "object": {"a": {}}}
    bodies = [ev.StepSucceeded(step="a/x", attempt=number, facts=facts) for number in range(count)]
    return events_of(*bodies)


def test_what_is_appended_is_read_back_equal_by_another_process(stores: Stores) -> None:
    events = some(5)
    stores.journal().append(events[:2])
    stores.journal().append(events[2:])
    assert stores.journal().read(RUN) == events


def test_reading_can_start_behind_a_number(stores: Stores) -> None:
    events = some(5)
    stores.journal().append(events)
    assert stores.journal().read(RUN, after=3) == events[3:]
    assert stores.journal().read(RUN, after=5) == ()


def test_an_unknown_run_is_empty(stores: Stores) -> None:
    assert stores.journal().read("nobody") == ()
    assert stores.journal().runs() == ()


def test_runs_are_kept_apart_and_listed_oldest_first(stores: Stores) -> None:
    events = some(2)
    for name, event in zip(("zulu", "alpha"), events, strict=True):
        stores.journal().append([replace(event, run=name, seq=1)])
    assert stores.journal().runs() == ("zulu", "alpha")
    assert [event.run for event in stores.journal().read("alpha")] == ["alpha"]


def test_a_number_is_taken_only_once_and_the_first_writer_wins(stores: Stores) -> None:
    events = some(3)
    first, second = stores.journal(), stores.journal()
    first.append(events[:2])
    other = replace(events[1], body=ev.RunStarted())
    with pytest.raises(JournalConflict):
        second.append([other])
    assert stores.journal().read(RUN) == events[:2]


def test_a_batch_is_written_wholly_or_not_at_all(stores: Stores) -> None:
    events = some(4)
    stores.journal().append(events[:2])
    for batch in (events[1:], events[3:]):
        with pytest.raises(JournalConflict, match="another driver"):
            stores.journal().append(batch)
    assert stores.journal().read(RUN) == events[:2]


def test_an_empty_batch_is_nothing(stores: Stores) -> None:
    stores.journal().append([])
    assert stores.journal().runs() == ()


def test_of_two_writers_at_once_exactly_one_writes_each_number(stores: Stores) -> None:
    events, conflicts, gate = some(20), list[int](), threading.Barrier(2)

    def write(journal: Journal) -> None:
        gate.wait(10)
        for event in events:
            try:
                journal.append([event])
            except JournalConflict:
                conflicts.append(event.seq)

    threads = [threading.Thread(target=write, args=(stores.journal(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert stores.journal().read(RUN) == events
    assert sorted(conflicts) == [event.seq for event in events]


REQUESTS = (
    ev.Paused(person="p", reason="é"),
    ev.Resumed(person="p", reason=""),
    ev.RetryRequested(step="a/x", person="p", reason="r"),
    ev.StepSkipped(step="a/x", person="p", reason="r"),
    ev.StepResolved(step="a/x", person="p", reason="r", evidence="e"),
    ev.StopRequested(person="p", reason="r"),
)


def test_requests_wait_in_order_until_they_are_settled(stores: Stores) -> None:
    for body in REQUESTS:
        stores.inbox().put(RUN, body, asked=AT)
    found = stores.inbox().pending(RUN)
    assert tuple(request.body for request in found) == REQUESTS
    assert stores.inbox().pending(RUN) == found
    stores.inbox().settle(RUN, [found[0].id, found[2].id, 999999], at=AT)
    assert stores.inbox().pending(RUN) == (found[1], *found[3:])


def test_a_request_is_taken_out_with_its_event_or_not_at_all(stores: Stores) -> None:
    first = some(2)
    stores.journal().append(first)
    for body in REQUESTS[:2]:
        stores.inbox().put(RUN, body, asked=AT)
    one, two = stores.inbox().pending(RUN)
    settled = replace(first[1], body=ev.RequestSettled(request=one.id, problem=""))
    with pytest.raises(JournalConflict):
        stores.journal().append([settled])
    assert stores.inbox().pending(RUN) == (one, two)
    stores.journal().append([replace(settled, seq=3)])
    assert stores.inbox().pending(RUN) == (two,)
    assert (two.asked, two.body) == (AT, REQUESTS[1])


def test_only_a_persons_requests_go_into_the_inbox(stores: Stores) -> None:
    with pytest.raises(InputInvalid, match="run-started"):
        stores.inbox().put(RUN, ev.RunStarted(), asked=AT)  # type: ignore[arg-type]
    assert stores.inbox().pending(RUN) == ()


def test_requests_of_other_runs_are_not_seen_and_not_settled(stores: Stores) -> None:
    stores.inbox().put(RUN, REQUESTS[0], asked=AT)
    stores.inbox().put("other", REQUESTS[1], asked=AT)
    (mine,) = stores.inbox().pending(RUN)
    (foreign,) = stores.inbox().pending("other")
    stores.inbox().settle(RUN, [mine.id, foreign.id], at=AT)
    assert stores.inbox().pending("other") == (foreign,)


def test_numbers_of_requests_are_not_used_again(stores: Stores) -> None:
    stores.inbox().put(RUN, REQUESTS[0], asked=AT)
    (first,) = stores.inbox().pending(RUN)
    stores.inbox().settle(RUN, [first.id], at=AT)
    stores.inbox().put(RUN, REQUESTS[0], asked=AT)
    (second,) = stores.inbox().pending(RUN)
    assert second.id != first.id
