"""The disk is full, the database is locked, two drivers in two processes: nothing by halves, nothing twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from stores import journal_at

from drorch.adapters.clock import SystemClock
from drorch.core.errors import StoreAway
from drorch.run.events import DriverAttached, Event, RunOutcome, StepStarted
from drorch.run.recorder import Recorder
from drorch.testing.plans import layered_plan
from drorch.testing.runs import RUN, created
from faults.child_driver import driver_at

CHILD = Path(__file__).parent / "child_driver.py"
STEPS = 60
ENOUGH = 20


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder with a run that has not begun."""
    plan = layered_plan(STEPS, width=10)
    with journal_at(tmp_path) as journal:
        Recorder.create(journal, SystemClock(), plan, RUN, created(plan))
    return tmp_path


def events_in(home: Path) -> tuple[Event, ...]:
    """The run's journal."""
    with journal_at(home) as journal:
        return journal.read(RUN)


def child(home: Path, *more: str) -> subprocess.Popen[str]:
    """A driver in a process of its own."""
    command = [sys.executable, str(CHILD), str(home), str(STEPS), *more]
    environment = {**os.environ, "PYTHONPATH": str(CHILD.parents[1])}
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def performed(home: Path) -> list[str]:
    """Attempts that were really performed; one that was given up has an empty file."""
    return [path.name for path in (home / "attempts").iterdir() if path.stat().st_size]


def assert_carried_out_once(home: Path) -> None:
    """The journal is whole, and every step was performed exactly once."""
    events = events_in(home)
    started = [event.body.ident for event in events if isinstance(event.body, StepStarted)]
    assert sorted(started) == sorted(path.name for path in (home / "attempts").iterdir())
    assert len(started) == len(set(started))
    assert len(performed(home)) == len({ident.rpartition(".")[0] for ident in performed(home)}) == STEPS


@pytest.mark.parametrize("at", [30_000, 60_000, 90_000, 120_000, 150_000])
def test_a_full_disk_is_said_in_words_and_the_run_goes_on_when_there_is_room(home: Path, at: int) -> None:
    """No file may grow beyond ``at`` bytes: what the journal sees of a full disk, without a disk of our own."""
    before = events_in(home)
    full = child(home, "limit", str(at))
    _, told = full.communicate(timeout=60)
    assert full.returncode == 5, told
    assert "the disk" in told
    assert "next:" in told
    assert "Traceback" not in told
    left = events_in(home)
    assert left[: len(before)] == before
    assert len(left) < 2 * STEPS
    # A step whose intent could not be written must not have been performed.
    intents = {event.body.ident for event in left if isinstance(event.body, StepStarted)}
    assert {path.name for path in (home / "attempts").iterdir()} <= intents

    assert driver_at(home, STEPS).drive() is RunOutcome.COMPLETED
    assert events_in(home)[: len(left)] == left
    assert_carried_out_once(home)


@contextmanager
def locked(home: Path) -> Iterator[sqlite3.Connection]:
    """Another process writes, or a backup holds the journal."""
    with closing(sqlite3.connect(home / "store.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_locked_journal_is_said_in_words_and_nothing_was_done(home: Path) -> None:
    before = events_in(home)
    driver = driver_at(home, STEPS, patience_s=1.0)
    with locked(home), pytest.raises(StoreAway, match=r"locked|did not answer"):
        driver.drive()
    assert events_in(home) == before
    assert list((home / "attempts").iterdir()) == []
    assert driver_at(home, STEPS).drive() is RunOutcome.COMPLETED
    assert_carried_out_once(home)


def test_a_journal_locked_in_the_middle_is_waited_for(home: Path) -> None:
    driver, reached = driver_at(home, STEPS), threading.Event()
    holder = sqlite3.connect(home / "store.sqlite", isolation_level=None, check_same_thread=False)

    def lock_once(event: Event) -> None:
        if event.seq >= ENOUGH and not reached.is_set():
            holder.execute("BEGIN IMMEDIATE")
            reached.set()
            threading.Timer(0.3, holder.execute, ["ROLLBACK"]).start()

    driver.on_event = lock_once
    with closing(holder):
        assert driver.drive() is RunOutcome.COMPLETED
    assert reached.is_set()
    assert_carried_out_once(home)


def test_of_two_drivers_in_two_processes_exactly_one_goes_on(home: Path) -> None:
    first, second = child(home), child(home)
    told = [process.communicate(timeout=60) for process in (first, second)]
    codes = sorted([first.returncode, second.returncode])
    if codes == [0, 0]:
        # One had ended before the other looked, which then found nothing to do. The next test makes them meet.
        assert sum(isinstance(event.body, DriverAttached) for event in events_in(home)) == 1
    else:
        assert codes == [0, 3], told
        assert any("another driver has written" in err and "next:" in err for _, err in told)
    assert_carried_out_once(home)


@pytest.mark.parametrize("at", [4, 20, 33, 46])
def test_a_driver_that_was_overtaken_while_it_stood_still_says_so_and_does_nothing(home: Path, at: int) -> None:
    """The first is frozen in the middle, as a suspended machine is; it wakes when another one has ended the run."""
    first = child(home, "freeze", str(at))
    try:
        _, status = os.waitpid(first.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        second = child(home)
        _, told = second.communicate(timeout=60)
        assert second.returncode == 0, told
    finally:
        first.send_signal(signal.SIGCONT)
    _, told = first.communicate(timeout=60)
    assert first.returncode == 3, told
    assert "another driver has written" in told
    assert_carried_out_once(home)
