"""One run of a real plan in a world in memory, over the real journal on disk, and how it is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stores import store_at

from drorch.core.errors import OperatorNeeded
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Phase, Plan, Repeat
from drorch.run import events as ev
from drorch.run.driver import Driver
from drorch.run.events import Event, RunOutcome
from drorch.run.journal import RunJournal
from drorch.run.ports import Journal
from drorch.run.progress import StepStatus
from drorch.run.recorder import Recorder
from drorch.run.state import RunState, fold
from drorch.testing.builders import small_catalog
from drorch.testing.clock import HandClock
from drorch.testing.fakes import MemoryInbox
from drorch.testing.runs import RUN, approvals, created
from faults.matrix import Row
from faults.sites import Sites, SitesExecutor, SitesObserver

PERSON = "Olga Operator"
PLANS = {kind: build_plan(small_catalog(), kind=kind, lose="nyc", playbooks_id="sha256:" + "b" * 64) for kind in Kind}
FIRST = 4
"""Events from this number on are written by a driver; those before by who created the run."""


class Case:
    """One run in a world of its own."""

    def __init__(self, plan: Plan, folder: Path, clock: HandClock | None = None) -> None:
        self.plan, self.folder = plan, folder
        self.clock = clock or HandClock()
        self.sites = Sites.before(plan.kind)
        self.executor = SitesExecutor(self.clock, self.sites)
        self.observer = SitesObserver(self.sites)
        self.store = store_at(folder)
        self.journal, self.inbox = RunJournal(self.store), MemoryInbox(self.store)
        Recorder.create(self.journal, self.clock, plan, RUN, created(plan)).record(*approvals(plan))
        self._durable: tuple[Event, ...] = ()
        self.lost = 0

    def driver(self, journal: Journal | None = None, on_event: Callable[[Event], None] | None = None) -> Driver:
        """A new driver of the run."""
        return Driver(
            journal=journal or self.journal,
            executor=self.executor,
            observer=self.observer,
            clock=self.clock,
            plan=self.plan,
            run=RUN,
            host="testhost",
            pid=1,
            inbox=self.inbox,
            on_event=on_event,
            poll_s=0.01,
        )

    def look(self) -> RunState:
        """The state as the journal has it; counts events that were there before and are not now."""
        events = self.journal.read(RUN)
        self.lost += sum(old not in events[at : at + 1] for at, old in enumerate(self._durable))
        self._durable = events
        return fold(self.plan, events)

    def finish(self) -> RunOutcome:
        """Drive as a person would who looks at each unknown step and lets it be performed again."""
        for _ in range(20):
            self.look()
            try:
                return self.driver().drive()
            except OperatorNeeded:
                for step in sorted(self.look().progress.sets[StepStatus.UNKNOWN]):
                    self.inbox.put(RUN, ev.RetryRequested(step=step, person=PERSON, reason="nothing was done"))
        raise AssertionError("the run does not end")

    def count(self, row: Row, case: str, *, ended: RunOutcome, expected: RunOutcome, world: Sites) -> None:
        """Judge the run and put it into the table."""
        state = self.look()
        whole = state.with_status(StepStatus.RUNNING) == ()
        right = whole and ended is expected and self.sites == world and self.sites.harm == []
        row.add(case, right=right, doubled=self._doubled(), lost=self.lost, why=f"{ended} {self.sites}")

    def _doubled(self) -> Iterator[str]:
        attempts = Counter(ident.rpartition(".")[0] for ident in self.executor.performed)
        retries = [event.body for event in self._durable if isinstance(event.body, ev.RetryRequested)]
        cleanings = [event.body.person for event in self._durable if isinstance(event.body, ev.CleanUpRequested)]
        for step in self.plan.steps:
            decided = [body.person for body in retries if body.step == step.id]
            decided += cleanings if step.phase is Phase.CLEAN_UP else []
            by_itself = step.repeat is not Repeat.SAFE and any(person != PERSON for person in decided)
            if by_itself or attempts[step.id.replace("/", "--")] > 1 + len(decided):
                yield step.id


@contextmanager
def case_of(kind: Kind, folder: Path, number: int) -> Iterator[Case]:
    """A new case; its journal is closed at the end."""
    place = folder / str(number)
    place.mkdir()
    case = Case(PLANS[kind], place)
    try:
        yield case
    finally:
        case.store.close()
