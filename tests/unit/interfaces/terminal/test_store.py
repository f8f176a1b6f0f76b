"""``drorch store`` from the outside: exit codes, words, JSON."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drorch.adapters.store.events import SqlStore
from drorch.core.stream import Draft
from drorch.interfaces.terminal.main import main

AT = datetime(2013, 3, 1, 3, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DRORCH_STORE", raising=False)
    with closing(SqlStore(tmp_path / "home" / "store.sqlite")) as store:
        store.append("year", [Draft(at=AT, kind="noted", body=f'{{"n":{number}}}') for number in range(3)])
        store.put_blob(b"content")
    return tmp_path / "home"


def drorch(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command; its exit code."""
    monkeypatch.setattr("sys.argv", ["drorch", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_store_is_checked_exported_and_brought_back(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drorch(monkeypatch, "store", "check") == 0
    assert "the store holds: 1 streams, 3 records, 1 contents" in capsys.readouterr().out
    assert drorch(monkeypatch, "store", "export", str(tmp_path / "out")) == 0
    assert "1 streams, 3 records, 1 contents" in capsys.readouterr().out
    assert drorch(monkeypatch, "store", "export", str(tmp_path / "out")) == 2
    assert "exists already" in capsys.readouterr().err
    assert drorch(monkeypatch, "store", "restore", str(tmp_path / "out")) == 3
    assert "not empty" in capsys.readouterr().err
    monkeypatch.setenv("DRORCH_STORE", str(tmp_path / "other.sqlite"))
    assert drorch(monkeypatch, "store", "restore", str(tmp_path / "out"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["streams"]["year"]["records"] == 3
    assert drorch(monkeypatch, "store", "check", "--json") == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True


def test_what_does_not_hold_is_named_with_exit_code_5(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(home / "store.sqlite")) as database:
        database.execute("UPDATE events SET body = '{}' WHERE seq = 2")
        database.commit()
    assert drorch(monkeypatch, "store", "check") == 5
    said = capsys.readouterr().out
    assert "record 2 does not follow" in said
    assert "does NOT hold" in said
    assert drorch(monkeypatch, "store", "export", str(tmp_path / "out.tar")) == 5
    assert not (tmp_path / "out.tar").exists()


def test_a_store_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "nothing"))
    for command in (["check"], ["export", str(tmp_path / "out")]):
        assert drorch(monkeypatch, "store", *command) == 2
        assert "there is no store" in capsys.readouterr().err
    assert not (tmp_path / "nothing" / "store.sqlite").exists()
