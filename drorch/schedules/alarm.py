"""APScheduler as the alarm clock, and nothing more: it wakes the keeper at nominal instants.

What it would do on its own and may not: forget an instant (its default grace is one second: here there is none),
merge several into one (the keeper's policy decides), keep a job store of its own (two on one store fire twice: three
schedulers fired 21 times for 10 instants; here the primary key of our store decides), and hide the nominal time from
what it calls (3.x tells only that it is time).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from drorch.schedules.instants import next_slot, parts_of
from drorch.schedules.model import Part, Schedule, Schedules

_NO_TIME = (None,)
"""What APScheduler believes it calls with; the executor puts the nominal time there."""


class NominalTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires at the nominal instants of a schedule, or of its precheck."""

    def __init__(self, schedule: Schedule, part: Part) -> None:
        self._schedule, self._part = schedule, part

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first instant behind the last one that fired."""
        after = previous_fire_time or now - timedelta(seconds=1)
        slot = next_slot(self._schedule, self._part, after.astimezone(UTC))
        return slot.nominal if slot else None


class NominalTimeExecutor(ThreadPoolExecutor):  # type: ignore[misc]
    """Hands every nominal time to the callable. One thread: the keeper looks at one thing after the other."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        for time in run_times:
            self._pool.submit(job.func, time.astimezone(UTC))
        # Told as done at once, so that the alarm never waits for what it started.
        self._run_job_success(job.id, [])


class Alarm:
    """Calls ``wake(nominal)`` at each nominal instant, and every ``look_every_s`` seconds, on a thread of its own."""

    def __init__(self, wake: Callable[[datetime], None], look_every_s: float) -> None:
        self._wake, self._look_every_s = wake, look_every_s
        self._scheduler: Any = BackgroundScheduler(
            timezone=UTC,
            executors={"default": NominalTimeExecutor()},
            job_defaults={"coalesce": False, "misfire_grace_time": None, "max_instances": 1_000_000},
        )
        self.stopped = threading.Event()

    def set(self, schedules: Schedules) -> None:
        """The instants of ``schedules`` from now on, instead of those before."""
        self._scheduler.remove_all_jobs()
        self._scheduler.add_job(
            self._wake, args=_NO_TIME, trigger=IntervalTrigger(seconds=self._look_every_s, timezone=UTC), id="look"
        )
        for item in schedules.items:
            for part in parts_of(item):
                self._scheduler.add_job(
                    self._wake, args=_NO_TIME, trigger=NominalTrigger(item, part), id=item.key(part)
                )

    def start(self) -> None:
        """Begin to wake."""
        self._scheduler.start()

    def stop(self) -> None:
        """Wake no more; waits for the look under way."""
        self._scheduler.shutdown(wait=True)
        self.stopped.set()
