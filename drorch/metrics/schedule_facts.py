"""What the schedule's store says, summed up for the metrics: next time, how instants ended, what nobody has taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from drorch.core.clock import Clock
from drorch.schedules.decide import ON_TIME_S
from drorch.schedules.events import Adopted, fold_instant
from drorch.schedules.instants import next_slot, parts_of
from drorch.schedules.operations import unclaimed
from drorch.schedules.ports import ScheduleStore

_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
LOOK_S = 30
"""What depends on the time alone (next run, unclaimed) is looked at again after so many seconds."""


@dataclass(frozen=True, kw_only=True)
class ScheduleFacts:
    """``of`` below is a schedule's id, or ``id/precheck``. Times are Unix seconds."""

    next_at: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Absent when it never comes again, or stands no more."""
    ends: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    """(outcome, of) to the number of instants."""
    last_at: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))
    """(outcome, of) to the time of the last instant that ended so."""
    open: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Instants that were begun and have not ended, by ``of``."""
    unclaimed: int | None = None
    """Owed instants that nobody has taken; None when no schedule was ever adopted."""


class ScheduleReader:
    """Reads each ended instant once. Not for several threads at once."""

    def __init__(self, store: ScheduleStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._ended: dict[str, tuple[str, str, float]] = {}

    def mark(self) -> object:
        """Changes when what depends on the time alone has to be looked at again."""
        return int(self._clock.now().wall.timestamp() // LOOK_S)

    def read(self) -> ScheduleFacts:
        """The facts as they stand. Broken when the store cannot be read."""
        names = self._store.schedules()
        if not names:
            return ScheduleFacts()
        now = self._clock.now().wall
        opened: dict[str, int] = {}
        for key in self._store.keys(_FIRST, now):
            if key not in self._ended:
                of = key.partition("@")[0]
                state = fold_instant(self._store.read(key))
                if state is not None and state.ended is not None:
                    self._ended[key] = (state.ended.outcome.value, of, state.claimed.nominal.timestamp())
                else:
                    opened[of] = opened.get(of, 0) + 1
        ends: dict[tuple[str, str], int] = {}
        last: dict[tuple[str, str], float] = {}
        for outcome, of, at in self._ended.values():
            ends[outcome, of] = ends.get((outcome, of), 0) + 1
            last[outcome, of] = max(at, last.get((outcome, of), at))
        return ScheduleFacts(
            next_at=self._next(names, now),
            ends=ends,
            last_at=last,
            open=opened,
            unclaimed=len(unclaimed(self._store, now, grace=timedelta(seconds=ON_TIME_S))),
        )

    def _next(self, names: tuple[str, ...], now: datetime) -> dict[str, float]:
        found: dict[str, float] = {}
        for name in names:
            events = self._store.read(name)
            if events and isinstance(events[-1].body, Adopted):
                schedule = events[-1].body.schedule
                for part in parts_of(schedule):
                    slot = next_slot(schedule, part, now)
                    if slot is not None:
                        found[schedule.key(part)] = slot.nominal.timestamp()
        return found
