"""A failover with things people do by hand, killed at every event: nothing is asked twice, nothing becomes unknown."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from drorch.core.errors import OperatorNeeded
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.progress import StepStatus
from drorch.testing.builders import small_catalog
from drorch.testing.runs import RUN
from faults.case import FIRST, PERSON, Case
from faults.dying import DyingJournal, Killed
from faults.matrix import Matrix
from faults.sites import Sites

GROUP = "    method: postgresql_streaming\n    primary_site: nyc\n"
HAND = (
    "    manual:\n      - {id: storage, when: before-recover, kinds: [failover], role: storage team,"
    " text: Free the volumes, minutes: 5}\n"
)
PLAN = build_plan(
    small_catalog((GROUP, GROUP + HAND)), kind=Kind.FAILOVER, lose="nyc", playbooks_id="sha256:" + "b" * 64
)
STEP = "nyc-platform/manual-storage"


def finishes(case: Case) -> ev.RunOutcome:
    """Drive to the end; a person signs off what is asked, once it is asked."""

    def see(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted) and event.body.step == STEP:
            signs(case)

    for _ in range(20):
        if case.look().steps[STEP].status is StepStatus.RUNNING and not case.inbox.pending(RUN):
            signs(case)
        try:
            return case.driver(on_event=see).drive()
        except OperatorNeeded:
            for step in sorted(case.look().progress.sets[StepStatus.UNKNOWN]):
                assert step != STEP
                case.inbox.put(RUN, ev.RetryRequested(step=step, person=PERSON, reason="nothing was done"))
    raise AssertionError("the run does not end")


def signs(case: Case) -> None:
    case.inbox.put(RUN, ev.StepResolved(step=STEP, person=PERSON, reason="freed", evidence=ev.NO_EVIDENCE))


def placed(folder: Path, number: int) -> Case:
    place = folder / str(number)
    place.mkdir()
    return Case(PLAN, place)


@pytest.mark.parametrize("written", [True, False])
def test_the_driver_dies_at_each_event_and_the_manual_step_goes_on_waiting(
    tmp_path: Path, matrix: Matrix, written: bool
) -> None:
    row = matrix.row("by hand", f"kill -9 at the event, {'after' if written else 'before'} it is durable")
    case = placed(tmp_path, 0)
    assert finishes(case) is ev.RunOutcome.COMPLETED
    last = case.look().seq
    case.store.close()
    for at in range(FIRST, last + 1):
        case = placed(tmp_path, at)
        try:
            with pytest.raises(Killed):
                signs_while_dying(case, at, written=written)
            ended = finishes(case)
            kinds = Counter(
                type(event.body).__name__
                for event in case.journal.read(RUN)
                if getattr(event.body, "step", None) == STEP
            )
            assert kinds == {"StepStarted": 1, "StepResolved": 1}, f"event {at}: {kinds}"
            case.count(
                row, f"event {at}", ended=ended, expected=ev.RunOutcome.COMPLETED, world=Sites.after(Kind.FAILOVER)
            )
        finally:
            case.store.close()
    row.check(at_least=last + 1 - FIRST)


def signs_while_dying(case: Case, at: int, *, written: bool) -> None:
    def see(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted) and event.body.step == STEP:
            signs(case)

    case.driver(DyingJournal(case.journal, last=at - 1, written=written), on_event=see).drive()
    raise AssertionError("the driver was not killed")
