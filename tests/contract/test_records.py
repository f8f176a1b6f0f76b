"""One suite for the store of records: the fake and the real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from contract.stores import kind_of_store
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.records import RecordTable
from drorch.core.records import Records, Stale
from drorch.testing.records import MemoryRecords

NOW = datetime(2013, 3, 1, 3, tzinfo=UTC)
Make = Callable[[], Records]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "records").created() as made:
        made.start()
        yield made


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    if request.param == "memory":
        yield MemoryRecords()
        return
    with kind_of_store(request.param, tmp_path, lambda: request.getfixturevalue("server")) as kind:
        store = kind.open()
        assert isinstance(store, SqlStore)
        yield RecordTable(store)


def test_what_was_put_is_there_with_its_version(records: Records) -> None:
    assert records.get("account", "ada") is None
    first = records.put("account", "ada", {"roles": ["viewer"]}, owner="it")
    second = records.put("account", "ada", {"roles": []}, owner="it", expected=first.version)
    found = records.get("account", "ada")
    assert (first.version, second.version) == (1, 2)
    assert found is not None
    assert (found.version, found.owner, dict(found.data)) == (2, "it", {"roles": []})


def test_a_stale_writer_changes_nothing(records: Records) -> None:
    records.put("account", "ada", {"n": 1}, expected=0)
    for expected in (0, 2):
        with pytest.raises(Stale):
            records.put("account", "ada", {"n": 2}, expected=expected)
    found = records.get("account", "ada")
    assert found is not None
    assert found.data == {"n": 1}


def test_kinds_and_owners_are_apart(records: Records) -> None:
    for kind, key, owner in (("token", "b", "ada"), ("token", "a", "ada"), ("token", "c", "bob"), ("x", "a", "ada")):
        records.put(kind, key, {}, owner=owner)
    assert [item.key for item in records.of("token")] == ["a", "b", "c"]
    assert [item.key for item in records.of("token", "ada")] == ["a", "b"]
    assert records.drop_all("token", "ada") == 2
    assert [item.key for item in records.of("token")] == ["c"]
    assert records.get("x", "a") is not None


def test_what_has_expired_is_purged_and_nothing_else(records: Records) -> None:
    records.put("session", "old", {}, until=NOW)
    records.put("session", "new", {}, until=NOW + timedelta(seconds=1))
    records.put("account", "ever", {})
    assert records.purge(NOW) == 1
    assert records.get("session", "old") is None
    assert records.get("session", "new") is not None
    assert records.get("account", "ever") is not None


def test_of_many_at_once_one_takes_it_and_one_makes_it(records: Records) -> None:
    records.put("code", "once", {})
    took, made = [], []

    def try_it(number: int) -> None:
        if records.drop("code", "once"):
            took.append(number)
        try:
            records.put("run", "key", {"by": number}, expected=0)
            made.append(number)
        except Stale:
            pass

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = records.get("run", "key")
    assert len(took) == 1
    assert len(made) == 1
    assert found is not None
    assert found.data == {"by": made[0]}


def test_what_was_put_survives_a_restart(tmp_path: Path) -> None:
    for put in (True, False):
        with SqlStore(tmp_path / "store.sqlite") as store:
            if put:
                RecordTable(store).put("account", "ada", {"a": 1})
            found = RecordTable(store).get("account", "ada")
            assert found is not None
            assert found.data == {"a": 1}
