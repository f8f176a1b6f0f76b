"""Kill the driver after every event of the journal, and before every write; the next one ends the run the same way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from drorch.core.errors import JournalConflict, OperatorNeeded
from drorch.plan.model import Limits, PlaybookAct, Repeat
from drorch.run import events as ev
from drorch.run.events import RunOutcome
from drorch.run.idents import attempt_ident
from drorch.run.ports import Journal
from drorch.run.progress import StepStatus
from drorch.testing.fakes import FAILING
from drorch.testing.plans import drill_plan, failover_plan
from drorch.testing.runs import RUN, Scene
from faults.dying import DyingJournal, Killed

# One step at a time makes many small batches, so that the driver dies in as many different places.
PLANS = {
    "failover": failover_plan(),
    "failover, one at a time": replace(failover_plan(), limits=Limits(total=1, per_site=1)),
    "drill": drill_plan(),
    "drill with a failing step": drill_plan(),
}


def scene_of(name: str) -> Scene:
    """A new run of a plan."""
    scene = Scene(plan=PLANS[name]).create()
    if "failing" in name:
        for attempt in range(1, 5):
            scene.executor.behave(f"a0--drill-start.{attempt}", FAILING)
    return scene


def drive_to_the_end(scene: Scene) -> RunOutcome:
    """Drive as an operator would who looks at each unknown step and lets it be performed again."""
    for _ in range(20):
        try:
            return scene.drive()
        except OperatorNeeded:
            for step in sorted(scene.state.progress.sets[StepStatus.UNKNOWN]):
                scene.inbox.put(RUN, ev.RetryRequested(step=step, person="Olga", reason="looked: nothing was done"))
    raise AssertionError("the run does not end")


def standing(scene: Scene) -> dict[str, tuple[object, str]]:
    """How each step stands, attempts left aside."""
    return {step: (state.status, state.code) for step, state in scene.state.steps.items()}


def check(scene: Scene, expected: dict[str, tuple[object, str]]) -> None:
    """The end is the same, and nothing was performed again without a decision in the journal."""
    events = scene.journal.read(RUN)
    assert standing(scene) == expected
    retries = Counter(event.body.step for event in events if isinstance(event.body, ev.RetryRequested))
    attempts = Counter(ident.rsplit(".", 1)[0] for ident in scene.executor.performed)
    for step in scene.plan.steps:
        assert attempts[step.id.replace("/", "--")] <= 1 + retries[step.id]
        repeats = [e.body for e in events if isinstance(e.body, ev.RetryRequested) and e.body.step == step.id]
        if step.repeat is not Repeat.SAFE:
            assert all(body.person == "Olga" for body in repeats)


@pytest.mark.parametrize("written", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("name", list(PLANS))
def test_a_driver_killed_at_any_event(name: str, written: bool) -> None:
    whole = scene_of(name)
    outcome = whole.drive()
    expected, last = standing(whole), whole.state.seq
    deaths = 0
    for at in range(3, last):
        scene = scene_of(name)
        try:
            scene.driver(DyingJournal(scene.journal, last=at, written=written)).drive()
        except Killed:
            deaths += 1
        assert drive_to_the_end(scene) is outcome
        check(scene, expected)
    assert deaths == last - 3


def test_a_driver_killed_again_and_again() -> None:
    whole = scene_of("failover")
    whole.drive()
    scene = scene_of("failover")
    for _ in range(100):
        try:
            at = scene.state.seq + 2
            if scene.driver(DyingJournal(scene.journal, last=at, written=True)).drive():
                break
        except Killed:
            continue
        except OperatorNeeded:
            drive_to_the_end(scene)
    check(scene, standing(whole))


class OvertakenJournal(Journal):
    """Lets another driver take up the run, and end it, just before this driver's first write beyond ``last``."""

    def __init__(self, scene: Scene, last: int) -> None:
        self._scene, self._last = scene, last
        self.performed_by_the_other: tuple[str, ...] | None = None

    def append(self, events: Sequence[ev.Event]) -> tuple[ev.Event, ...]:
        """See the port."""
        if events[-1].seq > self._last and self.performed_by_the_other is None:
            self._let_workers_launch()
            assert drive_to_the_end(self._scene) is RunOutcome.COMPLETED
            self.performed_by_the_other = self._scene.executor.performed
        return self._scene.journal.append(events)

    def verify_place(self) -> None:
        """See the port."""

    def _let_workers_launch(self) -> None:
        intents = {state.ident for state in self._scene.state.steps.values() if state.ident}
        playbooks = {attempt_ident(step.id, 1) for step in self._scene.plan.steps if isinstance(step.act, PlaybookAct)}
        for _ in range(1000):
            if intents & playbooks <= set(self._scene.executor.performed):
                return
            threading.Event().wait(0.01)
        raise AssertionError("a step that was written down was never launched")

    def read(self, run: str, after: int = 0) -> tuple[ev.Event, ...]:
        """See the port."""
        return self._scene.journal.read(run, after)

    def first(self, run: str) -> ev.Event | None:
        """See the port."""
        return self._scene.journal.first(run)

    def runs(self) -> tuple[str, ...]:
        """See the port."""
        return self._scene.journal.runs()


def test_of_two_drivers_exactly_one_goes_on() -> None:
    """Each meets the other's write at every possible moment; the loser stops without launching anything more."""
    whole = Scene(plan=PLANS["failover"]).create()
    whole.drive()
    for at in range(3, whole.state.seq):
        scene = Scene(plan=PLANS["failover"]).create()
        overtaken = OvertakenJournal(scene, at)
        with pytest.raises(JournalConflict):
            scene.driver(overtaken).drive()
        assert overtaken.performed_by_the_other is not None
        assert scene.executor.performed == overtaken.performed_by_the_other
        check(scene, standing(whole))
