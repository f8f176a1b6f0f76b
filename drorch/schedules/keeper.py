"""The keeper of nominal instants: claims each that is due, decides, begins, and looks after it until it has ended.

Several keepers may work on one store. The primary key of the store decides who has an instant; everything is written
before it is done, so that whoever takes over from a process that died knows how far it came.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from drorch.core.clock import Clock
from drorch.core.errors import Broken, DrorchError, JournalConflict
from drorch.schedules.decide import Do, Situation, decide
from drorch.schedules.events import (
    Adopted,
    Body,
    Chosen,
    Claimed,
    Driven,
    Dropped,
    Ended,
    GaveWay,
    Instant,
    Outcome,
    ScheduleEvent,
    TakenOver,
    fold_instant,
)
from drorch.schedules.instants import next_slot, parts_of, slots
from drorch.schedules.model import Part, Schedule, Slot, WorkKind
from drorch.schedules.ports import Presence, ScheduleStore
from drorch.schedules.works import Works

MAX_DRIVERS = 3
"""A run whose drivers keep dying is given up after so many, and told."""
ELSEWHERE = timedelta(minutes=15)
"""An instant of another machine that came to no run in this time is taken over: nobody here can see its process."""


class Keeper:
    """One per process. ``tell`` gets a line for people whenever something was decided or ended."""

    def __init__(
        self,
        store: ScheduleStore,
        presence: Presence,
        works: Works,
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self._store, self._presence, self._clock, self._tell = store, presence, clock, tell
        self._works = works
        self._lock = threading.Lock()
        self._outdated: set[str] = set()
        self._troubles: dict[str, str] = {}

    def adopt(self, works: Works | None = None) -> None:
        """Let the setup of ``works`` (the present one when None) stand from now on.

        What the schedules before owed until now is settled first, by their own rules: an edit loses no instant.
        """
        with self._lock:
            self._works = works or self._works
            self._outdated.clear()
            now = self._clock.now().wall
            named = {item.id: item for item in self._works.setup.schedules.items}
            for name in sorted(named.keys() | set(self._store.schedules())):
                self._adopt(name, named.get(name), now)

    def tick(self) -> None:
        """Claim and begin what is due, and look after what is under way. Broken when the store cannot be used."""
        with self._lock:
            for item in self._works.setup.schedules.items:
                stands = self._standing(item.id)
                if stands is None or stands[1] != item:
                    self._say_outdated(item.id)
                    continue
                self._sweep(item, stands[0])
            for key in self._store.open_keys():
                self._guarded(key)

    def next_time(self) -> datetime | None:
        """The next nominal instant of any schedule, behind now."""
        now = self._clock.now().wall
        found = [
            slot.nominal
            for item in self._works.setup.schedules.items
            for part in parts_of(item)
            if (slot := next_slot(item, part, now)) is not None
        ]
        return min(found, default=None)

    def _adopt(self, name: str, item: Schedule | None, now: datetime) -> None:
        events = self._store.read(name)
        last = events[-1].body if events else None
        before = last.schedule if isinstance(last, Adopted) else None
        if before == item:
            return
        if before is not None:
            self._sweep(before, events[-1].at)
        body: Body = Adopted(schedule=item) if item is not None else Dropped()
        self._store.append(ScheduleEvent(key=name, seq=len(events) + 1, at=now, body=body))
        self._tell(f"{name}: {'stands from now on' if item else 'is not in the file any more'}")

    def _standing(self, name: str) -> tuple[datetime, Schedule] | None:
        events = self._store.read(name)
        if not events or not isinstance(events[-1].body, Adopted):
            return None
        return events[-1].at, events[-1].body.schedule

    def _say_outdated(self, name: str) -> None:
        if name not in self._outdated:
            self._outdated.add(name)
            self._tell(f"{name}: another scheduler has adopted another version of it; this one leaves it alone")

    def _sweep(self, schedule: Schedule, since: datetime) -> None:
        now = self._clock.now().wall
        for part in parts_of(schedule):
            last = self._store.last_claimed(schedule.key(part))
            for slot in slots(schedule, part, max(since, last) if last else since, now):
                late_s = (self._clock.now().wall - slot.nominal).total_seconds()
                body = Claimed(
                    schedule=slot.schedule,
                    part=part,
                    nominal=slot.nominal,
                    late_s=late_s,
                    by=self._presence.myself(),
                    test=slot.test,
                )
                self._store.append(ScheduleEvent(key=slot.key, seq=1, at=self._clock.now().wall, body=body))

    def _guarded(self, key: str) -> None:
        try:
            state = self._mine(fold_instant(self._store.read(key)))
            if state is not None:
                self._proceed(state)
        except Broken as error:
            # The store, the disk, or another process at the same run: the next look tries again, nothing is lost.
            if self._troubles.get(key) != error.what:
                self._tell(f"{key}: {error.what}")
            self._troubles[key] = error.what
        except DrorchError as error:
            state = fold_instant(self._store.read(key))
            if state is not None and state.ended is None:
                self._end(state, Outcome.NOT_STARTED, f"{error.where or key}: {error.what}")

    def _mine(self, state: Instant | None) -> Instant | None:
        """The instant when this process has it, or takes it over; None when somebody else does."""
        if state is None or state.ended is not None:
            return None
        me = self._presence.myself()
        if state.by == me:
            return state
        lives = self._presence.lives(state.by)
        idle = self._clock.now().wall - state.last_at
        if lives is True or (lives is None and (state.chosen is not None or idle < ELSEWHERE)):
            return None
        return self._write(state, TakenOver(by=me))

    def _proceed(self, state: Instant) -> None:
        claimed = state.claimed
        slot = Slot(nominal=claimed.nominal, schedule=claimed.schedule, part=claimed.part, test=claimed.test)
        schedule = self._schedule_of(slot)
        if schedule is None:
            self._end(state, Outcome.MISSED, "its schedule is not known any more")
            return
        if state.chosen is None:
            chosen = self._choose(state, slot, schedule)
            if chosen is None:
                return
            state = chosen
        assert state.chosen is not None
        if state.chosen.do == Do.CHECK:
            self._check(state, schedule)
        elif state.drivers:
            self._look_after(state, state.chosen.run or slot.run)
        else:
            self._begin(state, slot, schedule, prepare=state.chosen.do == Do.PREPARE)

    def _schedule_of(self, slot: Slot) -> Schedule | None:
        """As it stood when the instant was owed: the file may have changed since."""
        events = self._store.read(slot.schedule)
        stood = [
            event.body.schedule for event in events if isinstance(event.body, Adopted) and event.at <= slot.nominal
        ]
        return stood[-1] if stood else None

    def _choose(self, state: Instant, slot: Slot, schedule: Schedule) -> Instant | None:
        try:
            situation = self._situation(slot, schedule)
        except DrorchError as error:
            if isinstance(error, Broken):
                raise
            self._end(state, Outcome.NOT_STARTED, f"{error.where or slot.key}: {error.what}")
            return None
        decision = decide(schedule, slot.part, situation)
        if decision.outcome is not None or decision.do is None:
            self._end(state, decision.outcome or Outcome.NOT_STARTED, decision.reason)
            return None
        run = None if decision.do is Do.CHECK else slot.run
        return self._write(state, Chosen(do=decision.do.value, run=run, reason=decision.reason))

    def _situation(self, slot: Slot, schedule: Schedule) -> Situation:
        now = self._clock.now().wall
        later = list(slots(schedule, slot.part, slot.nominal, now))
        moves = slot.part is Part.MAIN and schedule.work.kind is not WorkKind.CHECK
        drill = moves and schedule.work.kind is WorkKind.DRILL
        approval = self._works.standing_approval(schedule) if drill else None
        return Situation(
            late_s=(now - slot.nominal).total_seconds(),
            overtaken_by=later[-1].key if later else None,
            emergency=self._works.emergency() if moves else None,
            closed=self._works.closed(schedule, now) if moves else None,
            precheck=self._precheck(slot, schedule),
            approval=f"standing approval {approval.seq} of {approval.person}" if approval else None,
        )

    def _precheck(self, slot: Slot, schedule: Schedule) -> Outcome | None:
        if schedule.precheck is None or slot.part is not Part.MAIN:
            return None
        since = slot.nominal - timedelta(days=schedule.precheck.days_before + 2)
        for before in slots(schedule, Part.PRECHECK, since, slot.nominal):
            if before.test == slot.nominal:
                state = fold_instant(self._store.read(before.key))
                return state.ended.outcome if state and state.ended else None
        return None

    def _check(self, state: Instant, schedule: Schedule) -> None:
        found = self._works.check(schedule)
        outcome = Outcome.PASSED if found.good else Outcome.FAILED
        self._end(state, outcome, found.summary)

    def _begin(self, state: Instant, slot: Slot, schedule: Schedule, *, prepare: bool) -> None:
        try:
            said = self._works.begin(slot, schedule, prepare=prepare)
        except (JournalConflict, Broken):
            raise
        except DrorchError as error:
            self._end(state, Outcome.NOT_STARTED, f"{error.where or slot.key}: {error.what}")
            return
        if prepare:
            self._end(state, Outcome.PREPARED, said)
            return
        # Before the act: a second keeper that came by loses here and starts no driver.
        written = self._write(state, Driven(run=slot.run))
        if written is not None:
            self._tell(f"{state.key}: {state.chosen.reason if state.chosen else ''}; {said}")
            self._works.drive(slot.run)

    def _look_after(self, state: Instant, run: str) -> None:
        stands = self._works.stands(run)
        gave_way = state.gave_way_to or stands.gave_way_to
        if stands.outcome is not None:
            if gave_way:
                self._end(state, Outcome.INTERRUPTED, f"a real failover had precedence: {gave_way}; {stands.reason}")
            else:
                self._end(state, stands.outcome, stands.reason)
            return
        if state.gave_way_to is None and (failover := self._works.give_way(run)) is not None:
            self._write(state, GaveWay(to_run=failover))
            self._tell(f"{state.key}: gives way to the failover {failover}; its drill cleans up")
            return
        if stands.driven:
            return
        if state.drivers >= MAX_DRIVERS:
            reason = f"{state.drivers} drivers ended without an end of the run: {stands.reason}"
            self._end(state, Outcome.INTERRUPTED if gave_way else Outcome.NOT_STARTED, reason)
        elif self._write(state, Driven(run=run)) is not None:
            self._works.drive(run)

    def _end(self, state: Instant, outcome: Outcome, reason: str) -> None:
        if self._write(state, Ended(outcome=outcome, reason=reason)) is not None:
            self._tell(f"{state.key}: {outcome.value}: {reason}")

    def _write(self, state: Instant, body: Body) -> Instant | None:
        """The instant with one more event; None when another process has written in between."""
        at = self._clock.now().wall
        if not self._store.append(ScheduleEvent(key=state.key, seq=state.seq + 1, at=at, body=body)):
            return None
        return fold_instant(self._store.read(state.key))
