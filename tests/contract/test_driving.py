"""What every `drorch.orchestration.ports.DriverProcesses` does: the fake, and real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drorch.adapters.driver_processes import DriverProcesses
from drorch.orchestration.ports import DriverProcesses as Port
from drorch.testing.driver_processes import FakeDrivers

RUN = "20130301-030000-test"
SLEEPS = (sys.executable, "-c", "import sys, time; print('drives', sys.argv[1], flush=True); time.sleep(60)")


@dataclass(frozen=True)
class Drivers:
    """One kind of drivers: ``port()`` is what another process would have, ``end`` lets the driver of RUN die."""

    home: Path
    port: Callable[[], Port]
    end: Callable[[], None]


@pytest.fixture(params=["fake", "processes"])
def drivers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drivers]:
    """Each kind in turn."""
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    if request.param == "fake":
        fake = FakeDrivers()
        yield Drivers(tmp_path, lambda: fake, lambda: fake.end(tmp_path, RUN))
        return

    def end() -> None:
        pid = json.loads((folder / "driver.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)

    yield Drivers(tmp_path, lambda: DriverProcesses(SLEEPS), end)
    if (folder / "driver.json").exists():
        pid = json.loads((folder / "driver.json").read_text())["pid"]
        if Path(f"/proc/{pid}/cmdline").exists() and RUN.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def until(true: Callable[[], bool]) -> None:
    """Wait, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_driver_is_started_however_often_it_is_asked_for(drivers: Drivers) -> None:
    one, other = drivers.port(), drivers.port()
    assert not one.alive(drivers.home, RUN)
    assert one.start(drivers.home, RUN)
    assert not other.start(drivers.home, RUN)
    assert other.alive(drivers.home, RUN)
    until(lambda: other.said(drivers.home, RUN) == f"drives {RUN}")


def test_one_that_died_is_seen_and_may_be_started_again(drivers: Drivers) -> None:
    port = drivers.port()
    port.start(drivers.home, RUN)
    drivers.end()
    until(lambda: not port.alive(drivers.home, RUN))
    assert port.start(drivers.home, RUN)
    assert port.alive(drivers.home, RUN)


def test_it_outlives_the_process_that_started_it_in_a_session_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path; from drorch.adapters.driver_processes import DriverProcesses;"
        f"DriverProcesses({SLEEPS!r}).start(Path(sys.argv[1]), {RUN!r})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    pid = json.loads((tmp_path / "runs" / RUN / "driver.json").read_text())["pid"]
    try:
        assert DriverProcesses(SLEEPS).alive(tmp_path, RUN)
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_driver_gets_no_secret_out_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    monkeypatch.setenv("PGPASSWORD", "never-in-a-log")
    port = DriverProcesses((sys.executable, "-c", "import os; print(sorted(os.environ))"))
    port.start(tmp_path, RUN)
    until(lambda: "DRORCH_HOME" in port.said(tmp_path, RUN))
    assert "PGPASSWORD" not in port.said(tmp_path, RUN)


def test_the_real_command_says_what_is_wrong_with_a_run_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    port = DriverProcesses()
    port.start(tmp_path, RUN)
    until(lambda: not port.alive(tmp_path, RUN))
    assert f"there is no run '{RUN}'" in port.said(tmp_path, RUN)


LEAVES = (
    sys.executable,
    "-c",
    "import sys, time, pathlib\n"
    "from drorch.adapters.driver_processes import DriverProcesses\n"
    "home, run = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
    "until = lambda name: [time.sleep(0.01) for _ in iter(lambda: (home / name).exists(), True)]\n"
    "until('leave'); DriverProcesses().leave(home, run); (home / 'left').touch()\n"
    "until('enter'); (home / f'entered-{DriverProcesses().enter(home, run)}').touch(); time.sleep(60)",
)


def test_a_driver_that_leaves_keeps_nobody_from_starting_another_while_it_still_lives(tmp_path: Path) -> None:
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    first, second = DriverProcesses((*LEAVES, str(tmp_path))), DriverProcesses(SLEEPS)
    assert first.start(tmp_path, RUN)
    one = json.loads((tmp_path / "runs" / RUN / "driver.json").read_text())["pid"]
    other = None
    try:
        assert not second.start(tmp_path, RUN)
        (tmp_path / "leave").touch()
        until((tmp_path / "left").exists)
        assert not second.alive(tmp_path, RUN)
        assert second.start(tmp_path, RUN)
        other = json.loads((tmp_path / "runs" / RUN / "driver.json").read_text())["pid"]
        (tmp_path / "enter").touch()
        until((tmp_path / "entered-False").exists)
        assert second.alive(tmp_path, RUN), "the first one did not take its place"
    finally:
        for pid in filter(None, (one, other)):
            os.kill(pid, signal.SIGKILL)


def test_a_driver_that_left_goes_on_when_no_other_was_started(tmp_path: Path) -> None:
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    driver = DriverProcesses((*LEAVES, str(tmp_path)))
    assert driver.start(tmp_path, RUN)
    pid = json.loads((tmp_path / "runs" / RUN / "driver.json").read_text())["pid"]
    try:
        (tmp_path / "leave").touch()
        (tmp_path / "enter").touch()
        until((tmp_path / "entered-True").exists)
        assert driver.alive(tmp_path, RUN)
        assert not DriverProcesses(SLEEPS).start(tmp_path, RUN)
    finally:
        os.kill(pid, signal.SIGKILL)
