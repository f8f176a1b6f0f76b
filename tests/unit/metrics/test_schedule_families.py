"""The schedule's families: what is next, how instants ended, what nobody took; absent where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drorch.metrics.fixed import _schedule
from drorch.metrics.schedule_facts import ScheduleFacts, ScheduleReader
from drorch.schedules.events import Adopted, Claimed, Ended, Outcome, Process, ScheduleEvent
from drorch.schedules.instants import slots
from drorch.schedules.model import Part, Precheck
from drorch.testing.clock import HandClock
from drorch.testing.schedule import MemoryScheduleStore
from tests.unit.schedules.test_instants import every, schedule, wall

BEGIN = datetime(2013, 3, 1, 3, 0, tzinfo=UTC)
ITEM = schedule(every("FREQ=DAILY", wall(2013, 1, 1, 6, 0)), Precheck(days_before=1, holds=True))


def test_without_a_schedule_there_is_nothing() -> None:
    facts = ScheduleReader(MemoryScheduleStore(), HandClock()).read()
    assert facts == ScheduleFacts()
    assert all(not family.series for family in _schedule(facts))


def test_next_last_counts_open_and_unclaimed() -> None:
    store, clock = MemoryScheduleStore(), HandClock(start=BEGIN)
    store.append(ScheduleEvent(key="s", seq=1, at=BEGIN, body=Adopted(schedule=ITEM)))
    reader = ScheduleReader(store, clock)
    mark = reader.mark()
    clock.advance(3 * 86_400.0)
    assert reader.mark() != mark
    me = Process(host="h", pid=1, started=1)
    found = list(slots(ITEM, Part.MAIN, BEGIN, clock.now().wall))
    for slot, outcome in zip(found[:2], (Outcome.PASSED, None), strict=True):
        body = Claimed(schedule="s", part=Part.MAIN, nominal=slot.nominal, late_s=0.0, by=me)
        store.append(ScheduleEvent(key=slot.key, seq=1, at=BEGIN, body=body))
        if outcome is not None:
            store.append(ScheduleEvent(key=slot.key, seq=2, at=BEGIN, body=Ended(outcome=outcome, reason="")))
    facts = reader.read()
    assert facts.ends == {("passed", "s"): 1}
    assert facts.last_at == {("passed", "s"): found[0].nominal.timestamp()}
    assert facts.open == {"s": 1}
    assert facts.unclaimed == 1 + 3, "one of the schedule itself, three prechecks"
    assert facts.next_at["s"] == (found[2].nominal + timedelta(days=1)).timestamp()
    names = {line.name for family in _schedule(facts) for line in family.series}
    assert "drorch_schedule_instants_total" in names
    assert "drorch_schedule_next_timestamp_seconds" in names
