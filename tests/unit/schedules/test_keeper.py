"""Who has an instant, what an edit of the file means, and which approval covers what."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from drorch.plan.playbook_folder import playbooks_folder
from drorch.schedules.events import Claimed, Dropped, Outcome, TakenOver
from drorch.schedules.keeper import ELSEWHERE, Keeper
from drorch.schedules.operations import load_setup, past
from drorch.testing.schedule import FakePresence
from tests.unit.schedules.test_simulated_year import BEGIN, SCHEDULES, Died, Simulation

PULSE = SCHEDULES[: SCHEDULES.index("  - {id: pulse-rome")]
FIRST = "pulse-new-york@2013-01-01T06:30:00Z"


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    """Only the daily check of New York stands; its first instant was claimed by a process that did not come further."""
    made = Simulation(tmp_path)
    reload(made, PULSE)
    made.keeper.adopt()
    made.clock.advance(2 * 3600.0)
    made.store.fatal = lambda event: isinstance(event.body, Claimed)
    with pytest.raises(Died):
        made.keeper.tick()
    return made


def reload(simulation: Simulation, text: str) -> None:
    """The file is another one."""
    simulation.files.schedules.write_text(text)
    simulation.setup = load_setup(simulation.files, {"pulse"}, simulation.clock.now().wall)
    simulation.keeper = simulation.new_keeper()


def other(simulation: Simulation, pid: int, host: str = "testhost") -> Keeper:
    """A second process; the first one lives on."""
    presence = FakePresence(pid, simulation.alive, host)
    return Keeper(simulation.store, presence, simulation.works(), simulation.clock, simulation.told.append)


def test_what_a_living_process_has_is_left_to_it(simulation: Simulation) -> None:
    other(simulation, 99).tick()
    assert simulation.pulses == []
    simulation.keeper.tick()
    assert len(simulation.pulses) == 1


def test_what_a_dead_process_had_is_taken_over_once(simulation: Simulation) -> None:
    simulation.alive.clear()
    one, two = other(simulation, 98), other(simulation, 99)
    one.tick()
    two.tick()
    assert len(simulation.pulses) == 1
    events = simulation.store.read(FIRST)
    assert [event.body.by.pid for event in events if isinstance(event.body, TakenOver)] == [98]


def test_what_another_machine_has_is_left_alone_until_it_came_to_nothing_for_long(simulation: Simulation) -> None:
    elsewhere = other(simulation, 7, host="another")
    elsewhere.tick()
    assert simulation.pulses == []
    simulation.clock.advance(ELSEWHERE.total_seconds() + 1)
    elsewhere.tick()
    assert len(simulation.pulses) == 1


def test_of_several_late_instants_the_last_is_made_up_for_and_all_are_told(simulation: Simulation) -> None:
    text = PULSE.replace("FREQ=DAILY", "FREQ=HOURLY")
    reload(simulation, text)
    simulation.keeper.adopt()
    simulation.keeper.tick()
    before = len(simulation.pulses)
    simulation.clock.advance(4 * 3600.0)
    simulation.keeper.tick()
    assert len(simulation.pulses) == before + 1
    found = past(simulation.store, BEGIN, simulation.clock.now().wall)
    outcomes = [item.ended.outcome for item in found if item.ended][-4:]
    assert outcomes == [Outcome.MISSED] * 3 + [Outcome.PASSED]


def test_an_edit_settles_what_the_old_version_owed_and_begins_anew(simulation: Simulation) -> None:
    simulation.keeper.tick()
    simulation.clock.advance(3 * 86_400.0)
    reload(simulation, PULSE.replace("T01:30", "T20:00"))
    simulation.keeper.adopt()
    simulation.keeper.tick()
    found = [item.claimed.nominal for item in past(simulation.store, BEGIN, simulation.clock.now().wall)]
    assert [time.day for time in found] == [1, 2, 3, 4]
    simulation.keep(datetime(2013, 1, 6, 0, tzinfo=UTC))
    later = [item.claimed.nominal for item in past(simulation.store, BEGIN, simulation.clock.now().wall)][4:]
    assert [(time.day, time.hour) for time in later] == [(5, 1)]


def test_one_that_has_read_an_older_version_leaves_the_schedule_alone(simulation: Simulation) -> None:
    old = other(simulation, 99)
    simulation.keeper.tick()
    reload(simulation, PULSE.replace("T01:30", "T03:30"))
    simulation.keeper.adopt()
    simulation.clock.advance(86_400.0)
    old.tick()
    assert simulation.store.last_claimed("pulse-new-york") == datetime(2013, 1, 1, 6, 30, tzinfo=UTC)
    assert any("another version" in line for line in simulation.told)
    simulation.keeper.tick()
    assert simulation.store.last_claimed("pulse-new-york") == datetime(2013, 1, 1, 8, 30, tzinfo=UTC)


def test_a_schedule_that_left_the_file_is_dropped_and_owes_nothing_more(simulation: Simulation) -> None:
    simulation.keeper.tick()
    reload(simulation, PULSE.replace("pulse-new-york", "another"))
    simulation.keeper.adopt()
    simulation.clock.advance(3 * 86_400.0)
    simulation.keeper.tick()
    assert isinstance(simulation.store.read("pulse-new-york")[-1].body, Dropped)
    assert simulation.store.last_claimed("pulse-new-york") == datetime(2013, 1, 1, 6, 30, tzinfo=UTC)


def test_an_approval_covers_what_was_read_until_its_last_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    playbooks = tmp_path / "playbooks"
    shutil.copytree(playbooks_folder(), playbooks, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("DRORCH_PLAYBOOKS", str(playbooks))
    made = Simulation(tmp_path)
    made.approve("drill-platform")
    item = made.setup.schedules.by_id("drill-platform")
    assert item is not None
    assert made.works().standing_approval(item) is not None
    with (playbooks / "postgresql_streaming" / "recover.yml").open("a") as unused:
        unused.write("# not used by a drill\n")
    assert made.works().standing_approval(item) is not None
    with (playbooks / "postgresql_streaming" / "vars_drill.yml").open("a") as used:
        used.write("# used\n")
    assert made.works().standing_approval(item) is None
    made.approve("drill-platform")
    made.clock.advance((date(2014, 1, 1) - date(2013, 1, 1)) / timedelta(seconds=1) - 3600.0)
    assert made.works().standing_approval(item) is not None
    made.clock.advance(2 * 3600.0)
    assert made.works().standing_approval(item) is None
