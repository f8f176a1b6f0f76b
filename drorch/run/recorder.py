"""The one writer of a run's journal: checks and appends events, and keeps the state they fold to."""

from __future__ import annotations

from collections.abc import Sequence

from drorch.core.clock import Clock, Instant
from drorch.core.errors import Broken, NotFound
from drorch.core.gc_pause import cycles_not_searched
from drorch.plan.codec import plan_id
from drorch.plan.model import Plan
from drorch.run.events import Body, Event, RunCreated
from drorch.run.ports import Journal
from drorch.run.state import RunState, advance, fold


class Recorder:
    """Stages bodies into the state and commits them durably, in this order; never the other way round.

    ``state`` includes staged events. Nothing may be done in the world on the strength of a staged event: commit first.
    """

    def __init__(self, journal: Journal, clock: Clock, state: RunState, run: str) -> None:
        self._journal = journal
        self._clock = clock
        self._run = run
        self._staged: list[Event] = []
        self.state = state

    @classmethod
    def create(cls, journal: Journal, clock: Clock, plan: Plan, run: str, created: RunCreated) -> Recorder:
        """A new run with its first event written. JournalConflict when the run is there already."""
        recorder = cls(journal, clock, fold(plan, ()), run)
        recorder.record(created)
        return recorder

    @classmethod
    def attach(cls, journal: Journal, clock: Clock, plan: Plan, run: str) -> Recorder:
        """Take up an existing run. NotFound, or Broken when its chain does not hold or the plan is another one."""
        with cycles_not_searched():
            return cls(journal, clock, _taken_up(journal, plan, run), run)

    def stage(self, bodies: Sequence[Body]) -> None:
        """Put ``bodies`` behind the state. IllegalEvent, with nothing staged, when one cannot follow."""
        if not bodies:
            return
        now = self._clock.now()
        at = Instant(mono=round(now.mono, 6), wall=now.wall)  # as it is kept
        first = self.state.seq + 1
        events = [Event(run=self._run, seq=seq, at=at, body=body) for seq, body in enumerate(bodies, start=first)]
        self.state = advance(self.state, events)
        self._staged.extend(events)

    def commit(self) -> tuple[Event, ...]:
        """Write what is staged in one transaction and return it. After an error the recorder must not be used again."""
        staged, self._staged = tuple(self._staged), []
        return self._journal.append(staged) if staged else ()

    def record(self, *bodies: Body) -> tuple[Event, ...]:
        """:meth:`stage` and :meth:`commit`."""
        self.stage(bodies)
        return self.commit()


def _taken_up(journal: Journal, plan: Plan, run: str) -> RunState:
    events = journal.read(run)
    if not events:
        raise NotFound(f"there is no run {run}", next_step="list the runs: drorch run list")
    state = fold(plan, events)
    if state.head.created is None or state.head.created.plan_id != plan_id(plan):
        raise Broken(
            f"the plan at hand is not the one of run {run}",
            where=f"run {run} event 1",
            next_step="restore the run's plan.json; its hash stands in the first event",
        )
    return state
