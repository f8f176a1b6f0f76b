"""The wall clock jumps: order and durations stay what they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drorch.core.clock import Instant
from drorch.plan.model import Kind, Plan
from drorch.run.codec import kind_of
from drorch.run.events import Event, RunOutcome
from drorch.run.waits import time_shares
from drorch.testing.clock import HandClock
from drorch.testing.runs import RUN
from faults.case import PLANS, Case
from faults.matrix import Matrix
from faults.sites import Sites

JUMPS = {"back a day": timedelta(days=-1), "forward a day": timedelta(days=1), "an hour to and fro": timedelta(hours=1)}


class JumpingClock(HandClock):
    """Its wall time can be set, as an administrator or a time server does."""

    offset = timedelta()

    def now(self) -> Instant:
        """See the port."""
        plain = super().now()
        return Instant(mono=plain.mono, wall=plain.wall + self.offset)


def in_single_file(plan: Plan) -> Plan:
    """The same steps one after the other: the order of two that end at the same moment would be nobody's."""
    steps = [
        replace(step, needs=(plan.steps[place - 1].id,) if place else (), after=())
        for place, step in enumerate(plan.steps)
    ]
    return replace(plan, steps=tuple(steps))


def seen(case: Case) -> list[tuple[str, str, float]]:
    """Kind, step and monotonic time of each event: everything but the wall time."""
    events = case.journal.read(RUN)
    return [(kind_of(event.body), str(getattr(event.body, "step", "")), event.at.mono) for event in events]


@pytest.mark.parametrize("jump", list(JUMPS))
@pytest.mark.parametrize("kind", list(Kind))
def test_a_jump_at_every_event_changes_nothing(kind: Kind, jump: str, tmp_path: Path, matrix: Matrix) -> None:
    row = matrix.row(kind, f"the wall clock jumps: {jump}")
    plan = in_single_file(PLANS[kind])
    found: list[tuple[list[tuple[str, str, float]], float]] = []
    for step in (timedelta(), JUMPS[jump]):
        clock, folder = JumpingClock(), tmp_path / str(step.total_seconds())
        folder.mkdir()
        case = Case(plan, folder, clock)
        case.executor.takes_s = 7.0

        def jump_now(event: Event, clock: JumpingClock = clock, step: timedelta = step) -> None:
            clock.offset = -clock.offset if "fro" in jump and clock.offset else clock.offset + step

        ended = case.driver(on_event=jump_now).drive()
        found.append((seen(case), time_shares(case.journal.read(RUN)).total_s))
        assert ended is RunOutcome.COMPLETED
        assert case.sites == Sites.after(kind)
        case.store.close()
    row.add(jump, right=found[0] == found[1])
    row.check()
    assert found[0][1] > 0
