"""A real failover and a drill that holds its group: the drill cleans up, the failover starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from drorch.orchestration import precedence
from drorch.run.events import RunEnded, RunOutcome, StepSucceeded
from drorch.testing.driver_processes import FakeDrivers
from tests.unit.schedules.test_simulated_year import Simulation


@pytest.fixture
def under_way(tmp_path: Path) -> tuple[Simulation, str]:
    """A drill of Brindisi's group in the middle, its driver gone, and what is needed to drive it."""
    simulation = Simulation(tmp_path)
    simulation.keeper.adopt()
    simulation.approve("drill-enterprise")
    simulation.dies_behind = "brindisi-enterprise/drill"
    simulation.keep(datetime(2013, 2, 3, 21, 0, tzinfo=UTC))
    return simulation, "20130203-210000-drill-enterprise"


def ended(simulation: Simulation, run: str) -> RunOutcome | None:
    """How a run ended."""
    bodies = [event.body for event in simulation.world.parts.journal.read(run)]
    return next((body.outcome for body in reversed(bodies) if isinstance(body, RunEnded)), None)


def test_without_precedence_the_failover_is_refused(under_way: tuple[Simulation, str]) -> None:
    simulation, drill = under_way
    failover = simulation.lose_brindisi()
    simulation.world.drive(failover)
    assert ended(simulation, drill) is None
    assert ended(simulation, failover) is RunOutcome.REFUSED


def test_the_drill_cleans_up_and_the_failover_starts(under_way: tuple[Simulation, str]) -> None:
    simulation, drill = under_way
    failover = simulation.lose_brindisi()
    parts, operations = simulation.world.parts, simulation.world.operations
    opened = simulation.world.service.open(failover)
    assert precedence.make_way(parts, operations, simulation.drivers, opened) == [drill]
    assert ended(simulation, drill) is RunOutcome.CLEANED
    assert precedence.gave_way_to(parts.journal.read(drill)) == failover
    cleaned = [e.body.step for e in parts.journal.read(drill) if isinstance(e.body, StepSucceeded)]
    assert "brindisi-enterprise/drill-clean-up" in cleaned
    simulation.world.drive(failover)
    assert ended(simulation, failover) is RunOutcome.COMPLETED


def test_a_drill_that_does_not_end_holds_the_failover_up_for_a_bounded_time(under_way: tuple[Simulation, str]) -> None:
    simulation, drill = under_way
    opened = simulation.world.service.open(simulation.lose_brindisi())
    before = simulation.clock.now().mono
    hung = FakeDrivers()
    assert precedence.make_way(simulation.world.parts, simulation.world.operations, hung, opened) == [drill]
    assert precedence.WAIT_S <= simulation.clock.now().mono - before <= precedence.WAIT_S + 1
    assert hung.started == [drill]


def test_a_failover_nobody_approved_interrupts_nothing(under_way: tuple[Simulation, str]) -> None:
    simulation, _ = under_way
    assert precedence.emergencies(simulation.world.parts) == {}
    failover = simulation.lose_brindisi()
    assert set(precedence.emergencies(simulation.world.parts)) == {failover}
    simulation.world.drive(failover)
    assert precedence.emergencies(simulation.world.parts) == {}
