"""Making and driving runs in tests: everything a driver needs, with fakes at the ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drorch.plan.codec import plan_id
from drorch.plan.model import Plan
from drorch.run.driver import Driver
from drorch.run.events import (
    JOURNAL_SCHEMA,
    Approved,
    Body,
    Declared,
    Event,
    RunCreated,
    RunOutcome,
    RunStarted,
    StepFailed,
    StepStarted,
    StepSucceeded,
    StepUnknown,
)
from drorch.run.idents import attempt_ident
from drorch.run.interlocks import groups_of
from drorch.run.journal import RunJournal
from drorch.run.ports import Journal
from drorch.run.recorder import Recorder
from drorch.run.state import RunState, fold
from drorch.testing.clock import HandClock
from drorch.testing.fakes import FakeExecutor, FakeObserver, MemoryInbox, MemoryJournal

RUN = "20130301-030000-test"


def created(plan: Plan, operator: str = "Olga Operator") -> RunCreated:
    """The first event of a run of ``plan``."""
    return RunCreated(
        schema=JOURNAL_SCHEMA,
        drorch_version="0.0.0",
        plan_id=plan_id(plan),
        catalog_id=plan.catalog_id,
        estate_id="sha256:" + "e" * 64,
        kind=plan.kind,
        groups=tuple(sorted(groups_of(plan))),
        operator=operator,
        host="testhost",
    )


def approvals(plan: Plan) -> tuple[Body, ...]:
    """What lets any kind of run start: a second person's approval and a declaration."""
    return (
        Approved(plan_id=plan_id(plan), person="Ana Approver", reason="read it"),
        Declared(site=plan.lost_site, person="Dana Declarer", reason="saw it"),
    )


@dataclass(kw_only=True)
class Scene:
    """One run with its fakes. ``drive`` may be called again and again, as after an interruption."""

    plan: Plan
    journal: RunJournal = field(default_factory=MemoryJournal)
    clock: HandClock = field(default_factory=HandClock)
    observer: FakeObserver = field(default_factory=FakeObserver)
    inbox: MemoryInbox = field(init=False)
    executor: FakeExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = MemoryInbox(self.journal.store)
        self.executor = FakeExecutor(self.clock)

    def create(self, *bodies: Body) -> Scene:
        """Write the run's first events; without ``bodies`` those of `approvals`."""
        recorder = Recorder.create(self.journal, self.clock, self.plan, RUN, created(self.plan))
        recorder.record(*(bodies or approvals(self.plan)))
        return self

    def driver(self, journal: Journal | None = None, on_event: Callable[[Event], None] | None = None) -> Driver:
        """A driver of the run, through ``journal`` instead of the scene's own when given."""
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

    def drive(self, on_event: Callable[[Event], None] | None = None) -> RunOutcome:
        """Drive it to its end."""
        return self.driver(on_event=on_event).drive()

    @property
    def state(self) -> RunState:
        """The state as the journal has it."""
        return fold(self.plan, self.journal.read(RUN))


def events_of(*bodies: Body) -> tuple[Event, ...]:
    """``bodies`` as the written events of one run, one second apart."""
    clock, made = HandClock(), list[Event]()
    for seq, body in enumerate(bodies, start=1):
        made.append(Event(run=RUN, seq=seq, at=clock.now(), body=body))
        clock.advance(1.0)
    return MemoryJournal().append(made)


def started(plan: Plan, *bodies: Body) -> RunState:
    """The state of a run of ``plan`` that was created and started, after ``bodies``."""
    return fold(plan, events_of(created(plan), RunStarted(), *bodies))


def start(step: str, attempt: int = 1) -> StepStarted:
    """The intent of an attempt."""
    return StepStarted(step=step, attempt=attempt, ident=attempt_ident(step, attempt))


def done(step: str, attempt: int = 1) -> tuple[Body, ...]:
    """A whole successful attempt."""
    return start(step, attempt), StepSucceeded(step=step, attempt=attempt)


def failed(step: str, attempt: int = 1) -> tuple[Body, ...]:
    """A whole failed attempt."""
    return start(step, attempt), StepFailed(step=step, attempt=attempt, code="task-failed", reason="made to fail")


def unknown(step: str, attempt: int = 1) -> tuple[Body, ...]:
    """An attempt nobody saw the end of."""
    return start(step, attempt), StepUnknown(step=step, attempt=attempt, reason="no result")
