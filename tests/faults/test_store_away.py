"""The store goes away, or is taken away, under a living driver: it waits and says so, or ends with 5; never PASS."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contract.postgres import Postgres, programs
from stores import journal_at, store_at

from drorch.adapters.clock import SystemClock
from drorch.run.events import RunEnded, StepStarted, StoreWaited
from drorch.run.journal import RunJournal
from drorch.run.recorder import Recorder
from drorch.testing.plans import layered_plan
from drorch.testing.runs import RUN, created
from faults.test_store import STEPS, assert_carried_out_once, child

NUMBERS = itertools.count(1)
LONGEST_S = 90.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "away").created() as made:
        made.start()
        yield made


def begin(home: Path) -> Path:
    """A run that has not begun."""
    plan = layered_plan(STEPS, width=10)
    with store_at(home) as store:
        Recorder.create(RunJournal(store), SystemClock(), plan, RUN, created(plan))
    return home


@pytest.fixture
def remote(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose store is on the server."""
    name, at = f"away_{next(NUMBERS)}", server.endpoint
    server.run("createdb", "-h", at.address, "-p", str(at.port), "-U", "drorch", name)
    monkeypatch.setenv("DRORCH_STORE", f"postgresql://drorch@{at.address}:{at.port}/{name}")
    return begin(tmp_path)


def until(there: Callable[[], bool], what: str) -> None:
    """Until it is so."""
    end = time.monotonic() + LONGEST_S
    while not there():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def waits_in(home: Path) -> list[StoreWaited]:
    """What the record says of waiting."""
    with journal_at(home) as journal:
        return [event.body for event in journal.read(RUN) if isinstance(event.body, StoreWaited)]


@pytest.mark.parametrize(("mode", "at"), [("fast", 5), ("immediate", 17), ("fast", 61), ("immediate", 90)])
def test_a_server_that_is_restarted_is_waited_for(server: Postgres, remote: Path, mode: str, at: int) -> None:
    driver = child(remote, "tell", str(at))
    until((remote / "reached").exists, f"event {at} did not come")
    server.restart(mode, pause_s=2.0)
    out, told = driver.communicate(timeout=LONGEST_S)
    assert (driver.returncode, out.strip()) == (0, "completed"), told
    assert "waits" in told
    assert_carried_out_once(remote)
    waits = waits_in(remote)
    assert waits
    assert all(wait.seconds > 0 and wait.reason for wait in waits)


def test_a_server_that_stands_still_is_said_meanwhile_and_the_run_goes_on(server: Postgres, remote: Path) -> None:
    log = remote / "said"
    command = [sys.executable, str(Path(__file__).with_name("child_driver.py")), str(remote), str(STEPS), "tell", "30"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with log.open("wb") as said:
        driver = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    until((remote / "reached").exists, "event 30 did not come")
    with server.paused():
        until(lambda: b"waits" in log.read_bytes(), "nothing was said while the server stood still")
        started = len(list((remote / "attempts").iterdir()))
        # A command of somebody else comes back, and says why.
        words = [sys.executable, "-m", "drorch", "run", "list"]
        listed = subprocess.run(
            words, env={**environment, "DRORCH_HOME": str(remote)}, capture_output=True, text=True, timeout=LONGEST_S
        )
        assert listed.returncode == 5
        assert "next:" in listed.stderr
        assert "Traceback" not in listed.stderr
        assert len(list((remote / "attempts").iterdir())) == started, "a step was started while the store was away"
        assert driver.poll() is None
    assert driver.wait(timeout=LONGEST_S) == 0, log.read_text()
    assert_carried_out_once(remote)
    assert waits_in(remote)


def deleted(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    other = begin(file.parent / "other") / file.name
    file.unlink()
    shutil.copy(other, file)


def rolled_back(file: Path) -> None:
    """What a copy of the first moments brings back, into the same file."""
    for ending in ("", "-wal", "-shm"):
        kept, now = Path(f"{file}.early{ending}"), Path(f"{file}{ending}")
        if kept.exists():
            now.write_bytes(kept.read_bytes())
        else:
            now.unlink(missing_ok=True)


def truncated(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize("at", [40, 0], ids=["in the middle", "behind the end"])
@pytest.mark.parametrize("harm", [deleted, replaced, rolled_back, truncated], ids=lambda harm: str(harm.__name__))
def test_a_file_that_is_taken_away_under_a_driver_ends_it(
    tmp_path: Path, harm: Callable[[Path], None], at: int
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    begin(home)
    file = home / "store.sqlite"
    shutil.copy(file, f"{file}.early")
    driver = child(home, "freeze", str(at))
    try:
        _, status = os.waitpid(driver.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        with journal_at(home) as journal:
            events = journal.read(RUN)
        assert isinstance(events[-1].body, RunEnded) == (at == 0)
        harm(file)
    finally:
        driver.send_signal(signal.SIGCONT)
    out, told = driver.communicate(timeout=LONGEST_S)
    assert driver.returncode == 5, told
    assert out == ""
    assert "store" in told
    assert "next:" in told
    if harm is rolled_back:
        return  # its write-ahead log is removed with it: the driver writes on into the one it holds, and ends with 5
    # What had not been written down was not done.
    intents = {event.body.ident for event in events if isinstance(event.body, StepStarted)}
    assert {path.name for path in (home / "attempts").iterdir()} <= intents
