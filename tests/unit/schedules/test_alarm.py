"""APScheduler as the alarm: every nominal time is handed over, also those it is late for."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from drorch.schedules.alarm import Alarm, NominalTrigger
from drorch.schedules.model import Part, Recurrence, Schedules
from tests.unit.schedules.test_instants import every, schedule, wall


def test_it_wakes_with_the_nominal_times_of_each_schedule() -> None:
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    items = tuple(
        replace(
            schedule(Recurrence(zone="UTC", start=(first + timedelta(seconds=number)).replace(tzinfo=None))),
            id=f"s{number}",
        )
        for number in range(2)
    )
    woken: list[datetime] = []
    both = threading.Event()

    def wake(nominal: datetime) -> None:
        woken.append(nominal)
        if len(woken) == len(items):
            both.set()

    alarm = Alarm(wake, look_every_s=3600.0)
    alarm.set(Schedules(id="x", items=items))
    alarm.start()
    try:
        assert both.wait(30)
    finally:
        alarm.stop()
    assert woken == [first, first + timedelta(seconds=1)]


def test_the_trigger_goes_from_instant_to_instant_through_a_change_of_the_clocks() -> None:
    trigger = NominalTrigger(schedule(every("FREQ=DAILY", wall(2013, 3, 1, 2, 30))), Part.MAIN)
    begin = datetime(2013, 3, 9, 0, 0, tzinfo=UTC)
    one = trigger.get_next_fire_time(None, begin)
    assert one == datetime(2013, 3, 9, 7, 30, tzinfo=UTC)
    two = trigger.get_next_fire_time(one, begin)
    assert two == datetime(2013, 3, 10, 7, 0, tzinfo=UTC)
    assert trigger.get_next_fire_time(two, begin) == datetime(2013, 3, 11, 6, 30, tzinfo=UTC)
