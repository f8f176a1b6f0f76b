"""The event store when it is killed, stopped, restarted, taken away or full: what was acknowledged stays, once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import pytest
from contract.postgres import NOBODY, Postgres, programs
from contract.stores import new_database

from drorch.adapters.clock import SystemClock
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.records import RecordTable
from drorch.core.errors import Broken, DrorchError, InputInvalid, StoreAway
from drorch.core.integrity import check_store
from drorch.core.patient import Patience, PatientStore
from drorch.core.stream import Draft, EventStore, first_break

WRITER = Path(__file__).parent / "store_writer.py"
AT = datetime(2013, 3, 1, 3, tzinfo=UTC)
BACK_WITHIN_S = 6.0
"""What the operator was promised: so long a call may take whatever the store does."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "faults").created() as made:
        made.start()
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store is made, by kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return new_database(request.getfixturevalue("server"))


def note(token: str = "t") -> Draft:
    """A record with something to find again."""
    return Draft(at=AT, kind="token", body=json.dumps({"token": token}))


def tokens(store: EventStore, stream: str) -> list[str]:
    """Of all records, the chain checked."""
    records = store.read(stream)
    assert first_break(records) is None
    return [json.loads(record.body)["token"] for record in records]


def test_a_killed_writer_loses_nothing_that_was_acknowledged(place: str, tmp_path: Path) -> None:
    chance, said = random.Random(20261201), tmp_path / "acknowledged"
    with closing(SqlStore(place)) as store:
        for _ in range(6):
            with said.open("ab") as out:
                child = subprocess.Popen([sys.executable, str(WRITER), place, "year"], stdout=out)
            before, ends = said.stat().st_size, time.monotonic() + 60
            while said.stat().st_size == before and time.monotonic() < ends:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 0.3))
            child.send_signal(signal.SIGKILL)
            child.wait(30)
            store.verify_place()
        found = tokens(store, "year")
    acknowledged = said.read_text().split()
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
    # Each thread has at most one that nobody heard of.
    assert len(found) - len(acknowledged) <= 6 * 3


def test_a_server_that_stands_still_gives_control_back_and_nothing_is_written_twice(server: Postgres) -> None:
    url = new_database(server)
    with closing(SqlStore(url)) as store:
        store.append("year", [note("before")])
        name = store.put_blob(b"content")
        calls: dict[str, Callable[[], object]] = {
            "append": lambda: store.append("year", [note("during")]),
            "append too": lambda: store.append("audit", [note("during")]),
            "read": lambda: store.read("year"),
            "tail": lambda: store.tail("year"),
            "streams": store.streams,
            "blob": lambda: store.blob(name),
            "put": lambda: store.put_blob(b"other"),
            "place": store.verify_place,
            "open": lambda: SqlStore(url),
        }
        answers: Queue[tuple[str, object]] = Queue()
        with server.paused():
            threads = [threading.Thread(target=_tell, args=(answers, *item), daemon=True) for item in calls.items()]
            for thread in threads:
                thread.start()
            ends = time.monotonic() + BACK_WITHIN_S
            for thread in threads:
                thread.join(max(0.0, ends - time.monotonic()))
            assert [name for name, thread in zip(calls, threads, strict=True) if thread.is_alive()] == []
        told = dict(answers.get_nowait() for _ in calls)
        assert {name: answer for name, answer in told.items() if not isinstance(answer, StoreAway)} == {}
        store.append("year", [note("after")])
        found = tokens(store, "year")
        assert found.count("before") == found.count("after") == 1
        assert found.count("during") <= 1


def test_an_operator_is_told_of_a_server_that_stands_still_and_the_work_goes_on_after(server: Postgres) -> None:
    told: Queue[tuple[float, str]] = Queue()
    patience = Patience(SystemClock(), limit_s=60.0, on_wait=lambda seconds, why: told.put((seconds, why)))
    with closing(PatientStore(SqlStore(new_database(server)), patience)) as store:
        store.append("year", [note("before")])
        writers = [threading.Thread(target=store.append, args=("year", [note(f"{n}")])) for n in range(4)]
        with server.paused():
            for writer in writers:
                writer.start()
            _, why = told.get(timeout=BACK_WITHIN_S)
        assert "did not answer" in why or "went away" in why
        for writer in writers:
            writer.join(60)
        assert sorted(tokens(store, "year")) == ["0", "1", "2", "3", "before"]
        assert patience.take_waits()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restarted_server_doubles_nothing_and_loses_nothing(server: Postgres, mode: str) -> None:
    chance = random.Random(mode)
    patience = Patience(SystemClock(), limit_s=60.0, on_wait=lambda seconds, why: None, pause_s=0.1)
    with closing(PatientStore(SqlStore(new_database(server)), patience)) as store:
        ended, acknowledged, problems = threading.Event(), list[str](), list[Exception]()

        def write(number: int) -> None:
            turn = 0
            while not ended.is_set():
                turn += 1
                try:
                    store.append(f"run/{number % 2}", [note(f"{number}-{turn}")])
                except Exception as error:  # told below
                    problems.append(error)
                    return
                acknowledged.append(f"{number}-{turn}")

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        for _ in range(3):
            time.sleep(chance.uniform(0.05, 0.4))
            server.restart(mode, pause_s=0.3)
        time.sleep(0.2)
        ended.set()
        for writer in writers:
            writer.join(60)
        found = tokens(store, "run/0") + tokens(store, "run/1")
    assert problems == []
    assert sorted(found) == sorted(acknowledged)
    assert patience.take_waits()


def _deleted(file: Path, copy: Path) -> None:
    file.unlink()


def _folder_deleted(file: Path, copy: Path) -> None:
    shutil.rmtree(file.parent)


def _replaced(file: Path, copy: Path) -> None:
    other = file.with_name("other.sqlite")
    SqlStore(other).close()
    other.rename(file)


def _rolled_back(file: Path, copy: Path) -> None:
    copy.rename(file)


def _rolled_back_in_place(file: Path, copy: Path) -> None:
    """By the database itself, as `sqlite3 .restore` does it: same file, older content."""
    with closing(sqlite3.connect(copy)) as old, closing(sqlite3.connect(file)) as now:
        old.backup(now)


def _emptied_in_place(file: Path, copy: Path) -> None:
    other = file.with_name("other.sqlite")
    SqlStore(other).close()
    _rolled_back_in_place(file, other)


def _truncated(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(file, file.stat().st_size // 2)


def _cut_to_nothing(file: Path, copy: Path) -> None:
    _truncated(file, copy)
    os.truncate(file, 0)


def _overwritten(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = file.stat().st_size
    file.write_bytes(b"this is no database" * (size // 19))


TAKEN_AWAY = {
    _deleted: "was deleted",
    _folder_deleted: "was deleted",
    _replaced: "was replaced",
    _rolled_back: "was replaced",
    _rolled_back_in_place: "rolled back",
    _emptied_in_place: "was replaced",
    _truncated: "damaged|rolled back|failed",
    _cut_to_nothing: "was emptied",
    _overwritten: "not a store|damaged",
}


@pytest.mark.parametrize("how", TAKEN_AWAY, ids=lambda how: how.__name__[1:])
@pytest.mark.parametrize("noticed_by", ["append", "verify_place", "read"])
def test_a_store_taken_away_under_a_living_process_is_noticed(
    tmp_path: Path, how: Callable[[Path, Path], None], noticed_by: str
) -> None:
    file, copy = tmp_path / "home" / "store.sqlite", tmp_path / "copy.sqlite"
    with closing(SqlStore(file)) as store:
        store.append("year", [note(f"{number}{'x' * 500}") for number in range(40)])
        with closing(sqlite3.connect(file)) as now, closing(sqlite3.connect(copy)) as old:
            now.backup(old)
        store.append("year", [note(f"{number}{'x' * 500}") for number in range(40)])
        how(file, copy)
        calls: dict[str, Callable[[], object]] = {
            "append": lambda: store.append("year", [note("later")]),
            "verify_place": store.verify_place,
            "read": lambda: store.read("year"),
        }
        with pytest.raises(Broken, match=TAKEN_AWAY[how]) as raised:
            calls[noticed_by]()
        assert not isinstance(raised.value, StoreAway)
        assert raised.value.exit_code == 5
        assert raised.value.next_step


def test_a_content_that_was_made_text_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    with closing(SqlStore(file)) as store:
        name = store.put_blob(b"a plan")
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE blobs SET content = 'another plan'")
        with pytest.raises(Broken, match="changed"):
            store.blob(name)


def test_a_database_rolled_back_on_the_server_is_noticed(server: Postgres) -> None:
    """As when a standby that lacked the last commits was promoted."""
    with closing(SqlStore(new_database(server))) as store:
        store.append("year", [note("1"), note("2")])
        with store.place.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM events WHERE seq = 2")
        for call in (lambda: store.append("year", [note("3")]), store.verify_place, lambda: store.read("year")):
            with pytest.raises(Broken, match="rolled back"):
                call()
        store.append("audit", [note()])


def test_a_full_disk_is_said_in_words_and_nothing_is_written_by_halves(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    for limit in (40_000, 80_000, 200_000):
        command = [sys.executable, str(WRITER), str(file), "year", str(limit)]
        child = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert child.returncode == 5, child.stderr
        assert "the disk" in child.stderr
        assert "next:" in child.stderr
        assert "Traceback" not in child.stderr
        with closing(SqlStore(file)) as store:
            assert set(child.stdout.split()) <= set(tokens(store, "year"))
    with closing(SqlStore(file)) as store:
        store.append("year", [note("there is room again")])


def test_a_locked_store_is_said_in_words_and_may_be_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    with closing(SqlStore(file, deadline_s=1.0)) as store, closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreAway, match=r"locked|did not answer"):
            store.append("year", [note()])
        assert store.read("year") == ()
        other.execute("ROLLBACK")
        store.append("year", [note()])
        assert len(store.read("year")) == 1


def _newer(place: str) -> None:
    with closing(SqlStore(place)) as store, store.place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE drorch_store SET schema = 99")


def _foreign(place: str) -> None:
    with closing(SqlStore(place)) as store, store.place.engine.begin() as connection:
        for table in ("drorch_store", "events", "blobs", "checkpoints"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("CREATE TABLE payroll (id INTEGER)")


@pytest.mark.parametrize(
    ("made", "said"), [(_newer, "has schema 99, newer than"), (_foreign, "somebody else's.*payroll")]
)
def test_a_store_that_is_not_ours_to_use_is_refused_unchanged(
    place: str, made: Callable[[str], None], said: str
) -> None:
    made(place)
    with pytest.raises(Broken, match=said) as raised:
        SqlStore(place)
    assert not isinstance(raised.value, StoreAway)
    assert raised.value.next_step


def test_a_file_that_is_no_database_is_refused_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    file.write_text("this is no database, and longer than a header of one would be" * 20, encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(Broken, match="not a store"):
        SqlStore(file)
    assert file.read_bytes() == before


def test_a_user_without_rights_is_told_so(server: Postgres) -> None:
    """The tables are another role's."""
    url = new_database(server)
    at, name = server.endpoint, url.rpartition("/")[2]
    with closing(SqlStore(url)) as store, store.place.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE stranger_{name} LOGIN")
    with pytest.raises(Broken, match="may not use the store's tables"):
        SqlStore(f"postgresql://stranger_{name}@{at.address}:{at.port}/{name}")
    with pytest.raises(Broken, match="does not know this user"):
        SqlStore(f"postgresql://nobody_{name}@{at.address}:{at.port}/{name}")
    with pytest.raises(Broken, match="no such database"):
        SqlStore(f"postgresql://drorch@{at.address}:{at.port}/nothing_{name}")


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of an ordinary user, who we are meanwhile: root may do everything."""
    folder, user = Path(tempfile.mkdtemp(prefix="drorch-store-")), os.geteuid()
    try:
        if user == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


@pytest.mark.parametrize("file_mode", [0o400, 0o000])
def test_a_file_without_rights_is_told_so(file_mode: int) -> None:
    with ordinary_user() as folder:
        file = folder / "store.sqlite"
        SqlStore(file).close()
        file.chmod(file_mode)
        with pytest.raises(Broken, match=r"cannot be opened|cannot be written") as raised:
            SqlStore(file)
        assert not isinstance(raised.value, StoreAway)
        folder.chmod(0o500)
        file.chmod(0o600)
        with pytest.raises(Broken, match="cannot be opened"):
            SqlStore(folder / "other.sqlite")
        folder.chmod(0o700)


@pytest.mark.parametrize("given", ["mysql://x/y", "postgresql://host", "://", "sqlite://"])
def test_what_is_no_url_of_a_store_is_refused(given: str) -> None:
    with pytest.raises(InputInvalid, match="not the URL"):
        SqlStore(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("postgresql://u@127.0.0.1:1/db?password=SEKRET", "a password stands among its parameters"),
        ("postgresql://u@127.0.0.1:1/db?sslpassword=SEKRET", "a password stands among its parameters"),
        ("postgresql://u:SEK@RET@127.0.0.1:1/db", "an @ too many"),
        ("postgresql://u@127.0.0.1:99999/db", "a port is a number"),
        ("mysql://u:SEKRET@x/y", "neither SQLite nor PostgreSQL"),
    ],
)
def test_a_url_is_refused_without_repeating_a_password(given: str, said: str) -> None:
    with pytest.raises(InputInvalid, match=said) as raised:
        SqlStore(given)
    assert "RET" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM events WHERE seq = 1", "record 1 is missing"),
        ("UPDATE events SET seq = 7 WHERE seq = 1", "record 1 is missing"),
        ("UPDATE events SET at = 'garbage' WHERE seq = 1", "no time"),
    ],
)
def test_a_stream_whose_beginning_was_taken_away_is_still_seen(tmp_path: Path, change: str, said: str) -> None:
    file = tmp_path / "store.sqlite"
    with closing(SqlStore(file)) as store:
        store.append("year", [note("1"), note("2")])
        store.append("audit", [note("3")])
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"{change} AND stream = 'year'")
    with closing(SqlStore(file)) as store:
        assert sorted(store.streams()) == ["audit", "year"]
        try:
            told = "; ".join(finding.message for finding in check_store(store, lambda _: None).findings)
        except Broken as broken:
            told = broken.what
    assert said in told


def test_an_account_that_was_edited_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    with closing(SqlStore(file)) as store:
        RecordTable(store).put("account", "ada", {})
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE records SET data = 'nonsense'")
        with pytest.raises(Broken, match="damaged"):
            RecordTable(store).of("account")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "store.sqlite")
    store.close()
    with pytest.raises(Broken, match="was closed"):
        store.append("year", [note()])


def _tell(answers: Queue[tuple[str, object]], name: str, call: Callable[[], object]) -> None:
    try:
        answers.put((name, call()))
    except DrorchError as error:
        answers.put((name, error))
