"""``drorch schedule run``: a keeper, its alarm, and the files it reads anew when they change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from drorch.core.clock import Clock
from drorch.core.errors import DrorchError
from drorch.schedules.alarm import Alarm
from drorch.schedules.keeper import Keeper
from drorch.schedules.operations import ScheduleFiles
from drorch.schedules.works import Works

Marks = tuple[tuple[int, int] | None, ...]

LOOK_EVERY_S = 10.0


class Daemon:
    """``load`` reads the files and checks them; a file that is wrong is told, and what stood before goes on."""

    def __init__(
        self,
        keeper: Keeper,
        files: ScheduleFiles,
        load: Callable[[], Works],
        works: Works,
        tell: Callable[[str], None],
    ) -> None:
        self._keeper, self._files, self._load, self._works, self._tell = keeper, files, load, works, tell
        self._marks = self._present_marks()
        self._alarm = Alarm(self._wake, LOOK_EVERY_S)
        self._last_trouble = ""

    def look(self) -> None:
        """Read the files anew when they have changed. Never raises for what is in them."""
        marks = self._present_marks()
        if marks == self._marks:
            return
        self._marks = marks
        try:
            self._works = self._load()
        except DrorchError as error:
            self._tell(f"the changed files are not used: {error.where or ''}: {error.what}")
            return
        self._keeper.adopt(self._works)
        self._alarm.set(self._works.setup.schedules)

    def run(self, stop: threading.Event, clock: Clock, until: datetime | None = None) -> None:
        """Adopt, catch up, and keep until ``stop`` is set or ``until`` has come."""
        self._keeper.adopt()
        self._wake(clock.now().wall)
        self._alarm.set(self._works.setup.schedules)
        self._alarm.start()
        try:
            while not stop.is_set() and (until is None or clock.now().wall < until):
                stop.wait(0.2)
        finally:
            self._alarm.stop()

    def _wake(self, _nominal: datetime) -> None:
        # The keeper finds by itself what is owed, also what the alarm never heard of: nothing depends on its call.
        try:
            self.look()
            self._keeper.tick()
            self._last_trouble = ""
        except DrorchError as error:
            if error.what != self._last_trouble:
                self._tell(f"this look came to nothing: {error.what}")
            self._last_trouble = error.what

    def _present_marks(self) -> Marks:
        files = (self._files.schedules, self._files.catalog, self._files.year)
        return tuple(_mark(path) for path in files)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
