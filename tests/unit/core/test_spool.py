"""An observer's spool: see `drorch.core.spool`."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drorch.core.errors import StoreAway
from drorch.core.spool import Spool
from drorch.core.stream import Append, Record
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore

NAMES = itertools.count(1)
CLOCK = HandClock()
WRITER = """
import itertools, os, sys
from pathlib import Path
from drorch.core.spool import Spool
spool = Spool(Path(sys.argv[1]), lambda: "writer")
for turn in itertools.count():
    spool.append([f"{os.getpid()}-{turn}-{'x' * 200}"])
    os.write(1, f"{os.getpid()}-{turn}\\n".encode())
"""


def named() -> str:
    return f"spool-{next(NAMES)}"


def lines_in(store: MemoryStore, stream: str = "watch/1") -> list[str]:
    """All that was shipped, in the order of the records."""
    bodies = [json.loads(record.body) for record in store.read(stream)]
    return [line for body in bodies for line in store.blob(body["blob"]).decode().splitlines()]


def test_every_line_comes_into_the_store_once(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, named), MemoryStore()
    assert spool.append(["a", "b"]) == 2
    assert spool.ship(store, "watch/1", CLOCK) == 2
    assert spool.ship(store, "watch/1", CLOCK) == 0
    spool.append(["c"])
    spool.close()
    again = Spool(tmp_path, named)
    assert again.append(["d"]) == 4
    assert again.ship(store, "watch/1", CLOCK) == 2
    assert lines_in(store) == ["a", "b", "c", "d"]
    assert [json.loads(record.body)["first"] for record in store.read("watch/1")] == [1, 3]
    assert again.append(["e"]) == 5


def test_what_is_shipped_leaves_the_folder(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path, named), MemoryStore()
    spool.append(["x" * 1000] * 12_000)
    assert spool.ship(store, "watch/1", CLOCK) == 12_000
    assert sum(file.stat().st_size for file in tmp_path.glob("*.spool")) == 0
    spool.append(["last"])
    spool.close()
    assert Spool(tmp_path, named).ship(store, "watch/1", CLOCK) == 1
    assert len(lines_in(store)) == 12_001


def test_two_observers_of_one_watch_do_not_mix_their_numbers(tmp_path: Path) -> None:
    store = MemoryStore()
    spools = [Spool(tmp_path / name, named) for name in ("nyc", "pis")]
    for turn in range(3):
        for number, spool in enumerate(spools):
            spool.append([f"{number}-{turn}"])
            assert spool.ship(store, "watch/1", CLOCK) == 1
    assert sorted(lines_in(store)) == sorted(f"{number}-{turn}" for number in range(2) for turn in range(3))


def test_a_spool_that_was_deleted_begins_under_another_identity(tmp_path: Path) -> None:
    store = MemoryStore()
    first = Spool(tmp_path / "a", named)
    first.append(["a"])
    first.ship(store, "watch/1", CLOCK)
    second = Spool(tmp_path / "b", named)
    second.append(["b"])
    assert second.ship(store, "watch/1", CLOCK) == 1
    assert first.identity != second.identity


class Flaky(MemoryStore):
    """Goes away before or after it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: list[str] = []

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        trouble = self.troubles.pop(0) if self.troubles else ""
        made = () if trouble == "before" else super().write(*appends)
        if trouble:
            raise StoreAway(trouble)
        return made


@pytest.mark.parametrize("trouble", ["before", "after"])
def test_a_store_that_goes_away_in_the_middle_gets_each_line_once(tmp_path: Path, trouble: str) -> None:
    spool, store = Spool(tmp_path, named), Flaky()
    spool.append(["a"])
    store.troubles = [trouble]
    with pytest.raises(StoreAway):
        spool.ship(store, "watch/1", CLOCK)
    spool.append(["b"])
    spool.ship(store, "watch/1", CLOCK)
    assert lines_in(store) == ["a", "b"]


def test_a_killed_observer_loses_nothing_that_it_had_written(tmp_path: Path) -> None:
    chance, store, told = random.Random(1), MemoryStore(), list[str]()
    for turn in range(3):
        said, enough = tmp_path / f"said{turn}", chance.randrange(200, 4000)
        with said.open("wb") as out:
            child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "spool")], stdout=out)
        ends = time.monotonic() + 60
        while said.stat().st_size < enough and time.monotonic() < ends:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        told += said.read_text().split()
        spool = Spool(tmp_path / "spool", named)
        spool.ship(store, "watch/1", CLOCK)
        spool.close()
    found = [line.rpartition("-")[0] for line in lines_in(store)]
    assert set(told) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) - len(told) <= 3


def _torn(content: bytes) -> bytes:
    return content[:-3]


def _zeros(content: bytes) -> bytes:
    return content[:-3] + b"\x00" * 50 + b"\n"


def _flipped(content: bytes) -> bytes:
    return content[:-4] + bytes([content[-4] ^ 1]) + content[-3:]


@pytest.mark.parametrize("torn", [_torn, _zeros, _flipped])
def test_what_is_torn_at_the_end_is_cut_and_counted(tmp_path: Path, torn: Callable[[bytes], bytes]) -> None:
    spool, store = Spool(tmp_path, named), MemoryStore()
    spool.append(["first", "second", "third"])
    spool.close()
    (file,) = tmp_path.glob("*.spool")
    file.write_bytes(torn(file.read_bytes()))
    again = Spool(tmp_path, named)
    assert again.cut_bytes > 0
    assert again.append(["new"]) == 3
    again.ship(store, "watch/1", CLOCK)
    assert lines_in(store) == ["first", "second", "new"]
