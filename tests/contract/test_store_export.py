"""The whole store as files and back (`drorch.adapters.store.export`); the stand-alone verifier reads the same files."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from contract.stores import Kind, kind_of_store
from drorch.access.ports import MinuteSample, PollRecord, SourceAnswer, Trouble
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.export import MANIFEST, export, restore
from drorch.adapters.store.readings import ReadingTables
from drorch.adapters.store.records import RecordTable
from drorch.core.errors import Broken, InputInvalid, NotFound, Refused
from drorch.core.ids import canonical_json, content_hash
from drorch.core.integrity import check_store
from drorch.core.stream import Checkpoint, Draft

VERIFIER = Path(__file__).parents[2] / "tools" / "verify_evidence.py"
AT = datetime(2013, 3, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "export").created() as made:
        made.start()
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    """Each kind of database in turn."""
    with kind_of_store(request.param, tmp_path, lambda: request.getfixturevalue("server")) as made:
        yield made


@pytest.fixture
def store(kind: Kind) -> SqlStore:
    """One with something of everything in it."""
    made = kind.open()
    assert isinstance(made, SqlStore)
    return filled(made)


def filled(store: SqlStore) -> SqlStore:
    """Put something of everything into it."""
    for number, name in enumerate(("run/2013-03-01-a", "year", "watch/ü %2F/..", "audit")):
        body = canonical_json({"text": 'Généralités 事務局 \u0000 \u2028 , "kind":', "n": [1.5, None, number]})
        drafts = [
            Draft(at=AT + timedelta(seconds=n), kind="noted", body=body, person="Zoë", mono=n / 7) for n in range(5)
        ]
        store.append(name, drafts, epoch=number)
    blob = store.put_blob(b"\x00\xff" * 5000)
    store.put_blob(b"")
    (first, *_) = store.read("year")
    store.keep_checkpoint(Checkpoint(stream="year", seq=first.seq, hash=first.hash, blob=blob))
    records = RecordTable(store)
    records.put("account", "ada", {"roles": ["viewer"]}, owner="it")
    records.put("account", "ada", {"roles": []}, owner="it")
    records.put("session", "s", {"secret": 1}, owner="ada")
    readings = ReadingTables(store)
    minutes = [
        MinuteSample(site="nyc", minute=AT + timedelta(minutes=n), sessions=n, logons=1, logon_s=0.1) for n in range(9)
    ]
    readings.keep("m", SourceAnswer(minutes=tuple(minutes)))
    readings.keep_poll(PollRecord(source="m", at=AT, trouble=Trouble.AUTH, text="no\x00"))
    return store


def quiet(text: str) -> None:
    """Nobody looks at the progress."""


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of all files."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def verified(path: Path) -> tuple[int, dict[str, object]]:
    """What the stand-alone verifier says, without drorch in reach."""
    command = [sys.executable, "-I", str(VERIFIER), str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={})
    return done.returncode, json.loads(done.stdout or "{}")


@pytest.mark.parametrize("name", ["out", "out.tar"])
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_an_export_comes_back_equal_into_any_kind_of_store(
    store: SqlStore, tmp_path: Path, name: str, into: str, request: pytest.FixtureRequest
) -> None:
    made = export(store, tmp_path / name, quiet)
    assert (len(made.streams), made.records, len(made.blobs)) == (4, 20, 2)
    code, said = verified(tmp_path / name)
    assert (code, said["findings"], said["records"]) == (0, [], 20)
    other = tmp_path / "other"
    with kind_of_store(into, other, lambda: request.getfixturevalue("server")) as kind:
        back = kind.open()
        assert isinstance(back, SqlStore)
        restore(tmp_path / name, back, quiet)
        assert back.identity() != store.identity()
        assert back.streams() == store.streams()
        assert all(back.read(stream) == store.read(stream) for stream in store.streams())
        assert RecordTable(back).get("account", "ada") == RecordTable(store).get("account", "ada")
        assert RecordTable(back).of("session") == ()
        assert ReadingTables(back).polls() == ReadingTables(store).polls()
        # It is used on as any other.
        back.append("year", [Draft(at=AT, kind="noted", body="{}")], epoch=9)
        ReadingTables(back).keep_poll(PollRecord(source="m", at=AT, trouble=None))
        with pytest.raises(Refused, match="not empty"):
            restore(tmp_path / name, back, quiet)


def test_the_same_store_is_the_same_export(store: SqlStore, tmp_path: Path) -> None:
    for name in ("a", "b", "a.tar", "b.tar"):
        export(store, tmp_path / name, quiet)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with pytest.raises(InputInvalid, match="exists already"):
        export(store, tmp_path / "a", quiet)


def test_any_flipped_byte_is_found_and_nothing_is_written(store: SqlStore, tmp_path: Path) -> None:
    chance = random.Random(7)
    export(store, tmp_path / "good", quiet)
    names = [name for name, content in files_of(tmp_path / "good").items() if content]
    for number, name in enumerate(names * 3):
        bad = tmp_path / f"bad{number}"
        shutil.copytree(tmp_path / "good", bad)
        content = bytearray((bad / name).read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        (bad / name).write_bytes(content)
        _refused(bad, tmp_path / f"empty{number}.sqlite")
        code, said = verified(bad)
        assert code in (1, 2), said


@pytest.mark.parametrize("how", ["missing", "added", "cut", "swapped", "renamed stream"])
def test_files_that_are_not_those_of_the_export_are_found(store: SqlStore, tmp_path: Path, how: str) -> None:
    bad = tmp_path / "bad"
    export(store, bad, quiet)
    year, audit = bad / "streams" / "year.jsonl", bad / "streams" / "audit.jsonl"
    if how == "missing":
        year.unlink()
    elif how == "added":
        (bad / "streams" / "more.jsonl").write_bytes(year.read_bytes())
    elif how == "cut":
        year.write_bytes(b"".join(line + b"\n" for line in year.read_bytes().split(b"\n")[:3]))
    elif how == "swapped":
        content = year.read_bytes()
        year.write_bytes(audit.read_bytes())
        audit.write_bytes(content)
    else:
        year.rename(bad / "streams" / "month.jsonl")
        manifest = json.loads((bad / MANIFEST).read_text())
        del manifest["root"]
        manifest["streams"]["month"] = manifest["streams"].pop("year")
        (bad / MANIFEST).write_text(json.dumps({**manifest, "root": content_hash(manifest)}))
    _refused(bad, tmp_path / "empty.sqlite")
    assert verified(bad)[0] == 1


def _no_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _newer(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "schema": 2}))


def _something_else(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not an export")


@pytest.mark.parametrize(
    ("made", "said"),
    [(_no_manifest, "no manifest"), (_newer, "has schema 2, this drorch knows 1"), (_something_else, "not an export")],
)
def test_what_is_no_export_is_refused(store: SqlStore, tmp_path: Path, made: Callable[[Path], None], said: str) -> None:
    export(store, tmp_path / "bad", quiet)
    made(tmp_path / "bad")
    _refused(tmp_path / "bad", tmp_path / "empty.sqlite", said)
    with closing(SqlStore(tmp_path / "empty.sqlite")) as empty, pytest.raises(NotFound):
        restore(tmp_path / "nothing", empty, quiet)


def test_a_check_names_the_record_and_the_content_that_were_changed(store: SqlStore, tmp_path: Path) -> None:
    told: list[str] = []
    good = check_store(store, told.append)
    assert good.findings == ()
    assert good.to_json()["records"] == 20
    assert any("year" in text for text in told)
    with store.place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET person = 'Eve' WHERE stream = 'year' AND seq = 3")
        connection.exec_driver_sql("DELETE FROM events WHERE stream = 'audit' AND seq = 2")
        connection.exec_driver_sql("UPDATE blobs SET content = substr(content, 1, 7) WHERE length(content) > 7")
    found = check_store(store, quiet).findings
    assert [(finding.code, finding.subject) for finding in found[:2]] == [
        ("chain-broken", "audit"),
        ("chain-broken", "year"),
    ]
    assert "record 2 is missing" in found[0].message
    assert "record 3" in found[1].message
    assert [finding.code for finding in found[2:]] == ["content-changed"]
    with pytest.raises(Broken, match="nothing was exported"):
        export(store, tmp_path / "out", quiet)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def _refused(source: Path, target: Path, said: str | None = None) -> None:
    with closing(SqlStore(target)) as empty:
        with pytest.raises(InputInvalid, match=said) as raised:
            restore(source, empty, quiet)
        assert raised.value.next_step
        assert empty.streams() == ()
        assert empty.blobs() == ()
        assert RecordTable(empty).of("account") == ()
