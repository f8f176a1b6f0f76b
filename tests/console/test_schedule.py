"""The schedule and the call-out exercises in the console: what comes, what was not done, and no person's name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.callout.model import CallTree
from drorch.interfaces.console.views.labels import CALLOUT, INSTANT
from drorch.interfaces.console.views.schedule import callout_line
from drorch.interfaces.serving.application import create_app
from drorch.schedules.decide import ON_TIME_S
from drorch.schedules.events import NOT_HELD, Adopted, Body, Chosen, Claimed, Ended, Outcome, Process
from drorch.schedules.events import ScheduleEvent as Event
from drorch.schedules.model import Part, Slot
from drorch.schedules.operations import coming, load_setup, past, unclaimed
from drorch.testing.callout import SMALL_TREE_YAML
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore
from drorch.testing.web import PASSWORD, WebScene
from drorch.year.model import TestResult
from drorch.year.statement import Said
from tests.console.conftest import Visit
from tests.unit.callout.parts import Exercise
from tests.unit.schedules.test_simulated_year import SCHEDULES, Simulation

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
TEXT = SCHEDULES[: SCHEDULES.index("  - {id: pulse-new-york")] + SCHEDULES[SCHEDULES.index("  - {id: ready-new-york") :]
PROCESS = Process(host="testhost", pid=1, started=1)


@pytest.fixture
def made(tmp_path: Path) -> Simulation:
    """Schedules, catalog and year of the simulated year, without its daily checks."""
    simulation = Simulation(tmp_path)
    simulation.files.schedules.write_text(TEXT)
    return simulation


@pytest.fixture
def scene(made: Simulation) -> WebScene:
    """A server over these files at the first of March."""
    files = made.files
    return WebScene(
        home=made.home,
        catalog=files.catalog,
        year=files.year,
        schedule=files.schedules,
        estate=made.estate,
        clock=HandClock(start=NOW),
        schedule_store=made.store,
    )


def happened(scene: WebScene, nominal: datetime, *bodies: Body, late_s: float = 0.0) -> Slot:
    """An instant of the monthly look that somebody took."""
    slot = Slot(nominal=nominal, schedule="ready-new-york")
    claimed = Claimed(schedule=slot.schedule, part=Part.MAIN, nominal=nominal, late_s=late_s, by=PROCESS)
    for seq, body in enumerate((claimed, *bodies), start=1):
        assert scene.schedule_store.append(Event(key=slot.key, seq=seq, at=nominal, body=body))
    return slot


def test_what_comes_is_what_the_command_says(made: Simulation, scene: WebScene, visit: Visit) -> None:
    page = visit(Role.VIEWER).get("/schedule").text
    setup = load_setup(made.files, {"pulse"}, NOW)
    slots = coming(setup.schedules.items, NOW, NOW + timedelta(days=30))
    assert len(slots) >= 2
    for slot in slots:
        assert f"{slot.nominal:%Y-%m-%d %H:%M:%S}" in page
    assert "2013-03-02 08:00 EST" in page
    assert "not open" not in page


def test_a_slot_outside_the_windows_is_said_to_be_closed(made: Simulation, scene: WebScene, visit: Visit) -> None:
    scene.clock.advance((datetime(2013, 12, 15, tzinfo=UTC) - NOW).total_seconds())
    text = TEXT.replace("at: 2013-11-23T22:00", "at: 2013-12-21T22:00")
    assert text != TEXT
    made.files.schedules.write_text(text)
    page = visit(Role.VIEWER).get("/schedule").text
    assert "⊘" in page
    assert "closing of the books" in page


def test_past_instants_are_shown_newest_first_and_those_not_held_alone(scene: WebScene, visit: Visit) -> None:
    for number, outcome in enumerate(Outcome):
        chosen = Chosen(do="run", run=f"run-{number}", reason="on time")
        ended = Ended(outcome=outcome, reason=f"because-{outcome.value}")
        happened(scene, NOW - timedelta(days=number + 1), chosen, ended, late_s=1800.0 if number else 0.0)
    open_one = happened(scene, NOW - timedelta(hours=1))
    client = visit(Role.VIEWER)
    page = client.get("/schedule").text
    keys = re.findall(r'<th scope="row"><code>(ready-new-york@[^<]+)</code>', page)
    assert keys[0] == open_one.key
    assert len(keys) == len(Outcome) + 1
    assert keys == sorted(keys, reverse=True)
    assert "30 min 00 s" in page
    lost = client.get("/schedule?state=not-held").text
    told = {item.claimed.nominal for item in past(scene.schedule_store, NOW - timedelta(days=30), NOW)
            if item.ended and item.ended.outcome in NOT_HELD}  # fmt: skip
    shown = re.findall(r'<th scope="row"><code>ready-new-york@([^<]+)</code>', lost)
    assert {datetime.fromisoformat(text) for text in shown} == told
    assert len(told) == len(NOT_HELD)


def test_every_outcome_has_a_word_and_only_a_pass_is_green() -> None:
    assert {outcome.value for outcome in Outcome} | {"under-way"} == set(INSTANT)
    assert [code for code, word in INSTANT.items() if word.tone == "good"] == ["passed"]
    assert [code for code, word in CALLOUT.items() if word.tone == "good"] == ["pass"]


def test_owed_slots_that_nobody_took_stand_on_top(made: Simulation, scene: WebScene, visit: Visit) -> None:
    schedule = load_setup(made.files, {"pulse"}, NOW).schedules.by_id("ready-new-york")
    assert schedule is not None
    adopted = Event(key=schedule.id, seq=1, at=NOW - timedelta(days=40), body=Adopted(schedule=schedule))
    assert scene.schedule_store.append(adopted)
    owed = unclaimed(scene.schedule_store, NOW, grace=timedelta(seconds=ON_TIME_S))
    assert owed
    page = visit(Role.VIEWER).get("/schedule").text
    assert "Owed, and nobody has taken it" in page
    assert owed[0].key in page


@pytest.mark.parametrize("text", [None, "schema: 1\n", "{{{"])
def test_without_a_good_file_the_past_is_shown_and_nothing_is_said_to_come(
    made: Simulation, scene: WebScene, visit: Visit, text: str | None
) -> None:
    made.files.schedules.unlink() if text is None else made.files.schedules.write_text(text)
    happened(scene, NOW - timedelta(days=1), Ended(outcome=Outcome.MISSED, reason="nobody"))
    answer = visit(Role.VIEWER).get("/schedule")
    assert answer.status_code == 200
    assert "schedule.yaml" in answer.text
    assert "Not known: the schedule cannot be read." in answer.text
    assert "Nothing is planned." not in answer.text
    assert "missed: nobody was there" in answer.text


def _text(shown: str) -> str:
    return SMALL_TREE_YAML.replace("shown: roles", f"shown: {shown}")


def test_exercises_are_shown_in_totals_and_nobody_is_named(scene: WebScene, visit: Visit) -> None:
    held = Exercise(
        scene.home,
        text=_text("names"),
        store=scene.store,
        clock=scene.clock,
        answers={"head@example.org": 5, "finance@example.org": 7},
    )
    held.callouts.drive(held.begin())
    found = held.callouts.result(None)
    page = visit(Role.VIEWER).get("/callouts").text
    (department,) = found.departments
    row = page[page.index(f'id="exercise-{found.exercise}"') :]
    assert f"{department.reached} / {department.expected}" in row
    assert f">{department.covered_by_deputy}<" in row
    assert f">{found.messages.sent}" in row
    tree: CallTree = held.callouts.state(None)[0]
    for person in tree.people:
        assert person.name not in page
        assert person.role not in page
    assert "@example.org" not in page


def test_an_exercise_that_goes_on_was_stopped_or_is_damaged_is_not_green(scene: WebScene, visit: Visit) -> None:
    exercise = Exercise(scene.home, store=scene.store, clock=scene.clock)
    name = exercise.begin()
    client = visit(Role.VIEWER)
    assert "There was no exercise yet." not in client.get("/callouts").text
    row = client.get("/callouts").text.split(f'id="exercise-{name}"')[1]
    assert "under way" in row
    assert "state good" not in row
    exercise.callouts.stop(name, Said(person="Olga Operator", reason="enough"))
    row = client.get("/callouts").text.split(f'id="exercise-{name}"')[1]
    assert "under way" not in row
    assert "state bad" in row
    assert "state good" not in row
    cast(MemoryStore, scene.store).edit(f"callout/{name}", 3, "stopped", "everybody-reached")
    row = client.get("/callouts").text.split(f'id="exercise-{name}"')[1]
    assert "cannot be read" in row
    assert "state good" not in row


def test_of_a_check_only_the_next_time_is_shown(made: Simulation, scene: WebScene, visit: Visit) -> None:
    check = "  - {id: pulse, title: Pulse, site: nyc, start: 2013-01-01T01:30, rule: FREQ=HOURLY, do: {kind: check, check: pulse}, length: 1m, late: {policy: skip}, owner: Ola Owner, department: oict}\n"  # noqa: E501
    made.files.schedules.write_text(TEXT + check)
    context = replace(scene.context, checks={"pulse": made.pulse})
    with TestClient(create_app(context, scene.settings), base_url="http://127.0.0.1") as client:
        scene.person("vera", Role.VIEWER)
        client.post("/login", data={"login": "vera", "password": PASSWORD})
        page = client.get("/schedule").text
    assert page.count("<code>pulse</code>") == 1
    assert "drill-platform" in page
    assert made.pulses == [], "a page performs no check"


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((), "no-result"),
        ((None,), "no-result"),
        ((TestResult.PASS, None), "no-result"),
        ((TestResult.PASS, TestResult.FAIL, None), "fail"),
        ((TestResult.PASS, TestResult.PASS_WITH_ISSUES), "pass-with-issues"),
        ((TestResult.PASS, TestResult.PASS), "pass"),
    ],
)
def test_only_a_pass_of_every_department_is_green(
    scene: WebScene, results: tuple[TestResult | None, ...], code: str
) -> None:
    exercise = Exercise(scene.home, store=scene.store, clock=scene.clock)
    exercise.callouts.drive(exercise.begin())
    found = exercise.callouts.result(None)
    departments = tuple(replace(found.departments[0], result=result) for result in results)
    assert callout_line(replace(found, departments=departments)).code == code
    assert callout_line(replace(found, departments=departments, outcome=None)).code == "under-way"
