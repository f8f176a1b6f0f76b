"""Drivers as processes of their own: ``drorch run attach RUN`` in a session that outlives whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drorch.adapters.processes import ProcessRef, myself, read_process
from drorch.core.codec import to_text
from drorch.core.errors import Broken
from drorch.core.process_lock import process_lock

ATTACH = (sys.executable, "-m", "drorch", "run", "attach")
_KEPT = (
    *("HOME", "PATH", "TZ", "PGPASSFILE"),
    *("DRORCH_ESTATE", "DRORCH_PG_BIN", "DRORCH_PLAYBOOKS", "DRORCH_STORE"),
)
"""What a driver takes over from the environment; nothing else, so that no secret of a service comes along."""
LOG_TAIL = 2000


class DriverProcesses:
    """See the port `drorch.orchestration.ports.DriverProcesses`.

    In the run's folder: ``driver.json`` (pid), ``driver.log``.
    """

    def __init__(self, command: Sequence[str] = ATTACH) -> None:
        """``command``: what is started, the run's id behind it."""
        self._command = tuple(command)
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, home: Path, run: str) -> bool:
        """See the port. Two callers at once start one driver: a lock on the run's ``driver.lock`` decides."""
        folder = home / "runs" / run
        with _locked(folder):
            if self.alive(home, run):
                return False
            try:
                process = self._spawn(home, run, folder)
            except OSError as error:
                raise Broken(
                    f"the driver cannot be started: {error.strerror}",
                    where=str(folder),
                    next_step=f"start it by hand: drorch run attach {run}",
                ) from error
            self._started.append(process)
            ref = ProcessRef.of(process.pid)
            if ref is not None:
                _announce(folder, ref)
        return True

    def leave(self, home: Path, run: str) -> None:
        """See the port."""
        folder = home / "runs" / run
        with _locked(folder):
            if read_process(folder / "driver.json") == myself():
                (folder / "driver.json").unlink()

    def enter(self, home: Path, run: str) -> bool:
        """See the port."""
        folder = home / "runs" / run
        with _locked(folder):
            if self.alive(home, run) and read_process(folder / "driver.json") != myself():
                return False
            _announce(folder, myself())
        return True

    def alive(self, home: Path, run: str) -> bool:
        """See the port."""
        # A dead child stays a zombie until it is waited for.
        self._started = [process for process in self._started if process.poll() is None]
        ref = read_process(home / "runs" / run / "driver.json")
        return ref is not None and ref.is_alive()

    def said(self, home: Path, run: str) -> str:
        """See the port."""
        try:
            with (home / "runs" / run / "driver.log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL))
                return log.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _spawn(self, home: Path, run: str, folder: Path) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with (folder / "driver.log").open("ab") as log:
            return subprocess.Popen(
                [*self._command, run],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"LANG": "C.UTF-8", "PATH": os.defpath, **kept, "DRORCH_HOME": str(home)},
            )


def _announce(folder: Path, ref: ProcessRef) -> None:
    temporary = folder / ".driver.json.new"
    temporary.write_text(to_text(ref), encoding="utf-8")
    temporary.replace(folder / "driver.json")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with process_lock(folder / "driver.lock", wait=True):
        yield
