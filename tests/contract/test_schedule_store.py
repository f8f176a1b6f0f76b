"""What every store of the schedule's instants does: the fake, SQLite and PostgreSQL."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from drorch.adapters.store.events import SqlStore
from drorch.schedules.events import (
    Adopted,
    Body,
    Chosen,
    Claimed,
    Driven,
    Dropped,
    Ended,
    GaveWay,
    Outcome,
    Process,
    ScheduleEvent,
    TakenOver,
)
from drorch.schedules.log import ScheduleLog
from drorch.schedules.model import Part
from drorch.schedules.ports import ScheduleStore
from drorch.testing.schedule import MemoryScheduleStore
from tests.unit.schedules.test_instants import every, schedule, wall

AT = datetime(2013, 3, 10, 7, 0, 0, 250, tzinfo=UTC)
ME = Process(host="testhost", pid=1, started=2)
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "schedule").created() as made:
        made.start()
        yield made


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], ScheduleStore]]:
    """Each kind in turn; a call gives what another process would open."""
    if request.param == "memory":
        one = MemoryScheduleStore()
        yield lambda: one
        return
    place = str(tmp_path / "store.sqlite")
    if request.param == "postgresql":
        made: Postgres = request.getfixturevalue("server")
        name, at = f"schedule_{next(NUMBERS)}", made.endpoint
        made.run("createdb", "-h", at.address, "-p", str(at.port), "-U", "drorch", name)
        place = f"postgresql://drorch@{at.address}:{at.port}/{name}"
    opened: list[SqlStore] = []

    def again() -> ScheduleStore:
        opened.append(found := SqlStore(place))
        return ScheduleLog(found)

    yield again
    for found in opened:
        found.close()


def claim(of: str, hours: int) -> ScheduleEvent:
    """The claim of an instant."""
    nominal = AT.replace(microsecond=0) + timedelta(hours=hours)
    body = Claimed(schedule=of, part=Part.MAIN, nominal=nominal, late_s=0.5, by=ME)
    return ScheduleEvent(key=f"{of}@{nominal:%Y-%m-%dT%H:%M:%SZ}", seq=1, at=AT, body=body)


def test_what_is_appended_is_read_back_equal(store: Callable[[], ScheduleStore]) -> None:
    bodies: list[Body] = [
        claim("a", 0).body,
        TakenOver(by=ME),
        Chosen(do="run", run="r", reason="Généralités 事務局 \u0000"),
        Driven(run="r"),
        GaveWay(to_run="f"),
        Ended(outcome=Outcome.INTERRUPTED, reason="why"),
    ]
    events = tuple(ScheduleEvent(key="a@x", seq=seq, at=AT, body=body) for seq, body in enumerate(bodies, start=1))
    for event in events:
        assert store().append(event)
    assert store().read("a@x") == events
    assert store().read("b@x") == ()


def test_a_key_is_claimed_once(store: Callable[[], ScheduleStore]) -> None:
    assert store().append(claim("a", 0))
    assert not store().append(claim("a", 0))
    assert len(store().read(claim("a", 0).key)) == 1


def test_of_many_that_claim_at_once_one_has_it(store: Callable[[], ScheduleStore]) -> None:
    won: list[int] = []
    gate = threading.Barrier(6)

    def try_it(number: int) -> None:
        mine = store()
        gate.wait(30)
        for hours in range(10):
            if mine.append(claim("a", hours)):
                won.append(hours)

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(10))


def test_open_instants_and_those_of_a_time_are_found(store: Callable[[], ScheduleStore]) -> None:
    here = store()
    for event in (claim("b", 2), claim("a", 1), claim("a", 3)):
        here.append(event)
    ended = Ended(outcome=Outcome.PASSED, reason="")
    here.append(ScheduleEvent(key=claim("a", 1).key, seq=2, at=AT, body=ended))
    assert here.open_keys() == (claim("b", 2).key, claim("a", 3).key)
    begin = AT.replace(microsecond=0)
    assert here.keys(begin + timedelta(hours=1), begin + timedelta(hours=2)) == (claim("a", 1).key, claim("b", 2).key)
    assert here.last_claimed("a") == begin + timedelta(hours=3)
    assert here.last_claimed("c") is None


def test_schedules_that_were_ever_adopted(store: Callable[[], ScheduleStore]) -> None:
    item = schedule(every("FREQ=DAILY", wall(2013, 1, 1, 6, 0)))
    store().append(ScheduleEvent(key="s", seq=1, at=AT, body=Adopted(schedule=item)))
    store().append(ScheduleEvent(key="s", seq=2, at=AT, body=Dropped()))
    store().append(claim("s", 0))
    assert store().schedules() == ("s",)
    found = store().read("s")[0].body
    assert isinstance(found, Adopted)
    assert found.schedule == item
