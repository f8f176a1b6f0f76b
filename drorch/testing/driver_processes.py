"""A fake of `drorch.orchestration.ports.DriverProcesses`.

What would be a process is a call, made when the test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class FakeDrivers:
    """Drivers that "live" until `end` is called; ``drive`` is what one does, at once when it is started."""

    def __init__(self, drive: Callable[[Path, str], None] | None = None) -> None:
        self._drive = drive
        self._alive: set[tuple[Path, str]] = set()
        self.started: list[str] = []

    def start(self, home: Path, run: str) -> bool:
        """See the port."""
        if self.alive(home, run):
            return False
        self.started.append(run)
        if self._drive is None:
            self._alive.add((home, run))
        else:
            self._drive(home, run)
        return True

    def alive(self, home: Path, run: str) -> bool:
        """See the port."""
        return (home, run) in self._alive

    def leave(self, home: Path, run: str) -> None:
        """See the port."""
        self._alive.discard((home, run))

    def enter(self, home: Path, run: str) -> bool:
        """See the port."""
        if self.alive(home, run):
            return False
        self._alive.add((home, run))
        return True

    def said(self, home: Path, run: str) -> str:
        """See the port."""
        return f"drives {run}" if run in self.started and home else ""

    def end(self, home: Path, run: str) -> None:
        """The driver is gone."""
        self._alive.discard((home, run))
