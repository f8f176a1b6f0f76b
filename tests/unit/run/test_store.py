"""A journal file that cannot be used gives one clear error with a next step, never a traceback."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from drorch.adapters.store.inbox import SqlInbox
from drorch.adapters.store.journal import SqlJournal
from drorch.core.errors import Broken, InputInvalid
from drorch.run import events as ev
from drorch.testing.runs import RUN, events_of
from tests.machine import folder_of_an_ordinary_user

EVENTS = events_of(*(ev.StepUnknown(step="a/x", attempt=number, reason="r" * 500) for number in range(200)))


def refused(path: Path, said: str) -> None:
    """Opening the path is refused in words."""
    with pytest.raises(Broken, match=said) as caught:
        SqlJournal(path, lock_timeout_s=0.1)
    assert caught.value.where == str(path)
    assert caught.value.next_step


def test_every_commit_is_forced_to_disk(tmp_path: Path) -> None:
    with SqlJournal(tmp_path / "j") as journal, journal._database.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.parametrize("content", [b"not a database at all" * 100, os.urandom(8192)])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(content)
    refused(path, "not a journal")
    assert path.read_bytes() == content


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with SqlJournal(path) as journal:
        journal.append(EVENTS)
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(Broken, match=r"damaged|not a journal"):
        SqlJournal(path).read(RUN)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere" / "j", "cannot be opened")


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be opened")


def test_a_folder_that_cannot_be_written() -> None:
    with folder_of_an_ordinary_user() as folder:
        SqlJournal(folder / "while-it-can").close()
        folder.chmod(0o500)
        refused(folder / "j", r"cannot be (opened|written)")


def test_a_file_opened_for_reading_only(tmp_path: Path) -> None:
    SqlJournal(tmp_path / "j").close()
    with pytest.raises(Broken, match="cannot be written"):
        SqlJournal(f"sqlite:///file:{tmp_path / 'j'}?mode=ro&uri=true").append(EVENTS[:1])


def test_a_journal_locked_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = SqlJournal(path, lock_timeout_s=0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Broken, match="locked"):
        journal.append(EVENTS[:1])
    holder.execute("COMMIT")
    journal.append(EVENTS[:1])
    assert journal.read(RUN) == EVENTS[:1]
    holder.close()
    journal.close()


def test_a_full_disk_writes_nothing_by_halves(tmp_path: Path) -> None:
    def small_disk(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 12")

    event.listen(Engine, "connect", small_disk)
    try:
        journal = SqlJournal(tmp_path / "j")
        journal.append(EVENTS[:2])
        with pytest.raises(Broken, match="disk is full"):
            journal.append(EVENTS[2:])
        assert journal.read(RUN) == EVENTS[:2]
        journal.close()
    finally:
        event.remove(Engine, "connect", small_disk)


def test_tables_of_a_newer_drorch(tmp_path: Path) -> None:
    path = tmp_path / "j"
    SqlJournal(path).close()
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE drorch_store SET schema = 99")
    plain.close()
    refused(path, "schema 99")


def test_an_unreadable_event_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with SqlJournal(path) as journal:
        journal.append(EVENTS[:3])
        with sqlite3.connect(path) as plain:
            plain.execute("UPDATE events SET data = replace(data, 'step-unknown', 'step-exploded') WHERE seq = 2")
        plain.close()
        with pytest.raises(InputInvalid, match="step-exploded") as caught:
            journal.read(RUN)
    assert caught.value.where == f"{path} run {RUN} event 2"


def test_only_a_persons_requests_go_into_the_inbox(tmp_path: Path) -> None:
    inbox = SqlInbox(tmp_path / "j")
    with pytest.raises(InputInvalid, match="run-started"):
        inbox.put(RUN, ev.RunStarted())  # type: ignore[arg-type]
    inbox.close()
