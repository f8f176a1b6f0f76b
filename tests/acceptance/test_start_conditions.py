"""Windows and capacity before a planned run on the lab, by command: refused with everything looked at, then overridden
by two persons; a failover is not even asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from drorch.core.ids import short
from drorch.plan.codec import plan_id
from drorch.plan.files import load_plan_file
from drorch.run.events import (
    CommitDue,
    Committed,
    InterlockOverridden,
    InterlockRefused,
    RunEnded,
    RunOutcome,
    RunStarted,
    StepStarted,
)
from drorch.testing.builders import SMALL_CATALOG_YAML
from tests.acceptance.conftest import wait_until
from tests.acceptance.operator import processes_naming
from tests.acceptance.test_cli_runs import PEOPLE, Desk, assert_refused, built, events_of

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
# The small catalog keeps every site on UTC.
IN_THREE_DAYS = (datetime.now(UTC) + timedelta(days=3)).strftime("%a").lower()
LATER = f"""
schema: 1
id: closed
title: A year in which New York is open on one day of the week, and that is not today
timezone: America/New_York
estates: [lab]
obligations:
  - id: it-dr-test
    title: Each application is tested
    activity: recovery-test
    period: calendar-year
    in_force_from: 2013-01-01
    subjects: {{kind: application, arrangements: [standby, mirror]}}
    provenance: {{default: assumed}}
windows:
  - {{id: piscataway, effect: allow, site: piscataway, reason: standby site}}
  - {{id: nyc, effect: allow, site: nyc, weekdays: [{IN_THREE_DAYS}], reason: the one day of the week}}
"""
OPEN = LATER.replace(f"weekdays: [{IN_THREE_DAYS}], ", "")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A folder with a catalog, two programmes, and a lab."""
    folder = tmp_path_factory.mktemp("conditions")
    (folder / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML, encoding="utf-8")
    (folder / "later.yaml").write_text(LATER, encoding="utf-8")
    (folder / "open.yaml").write_text(OPEN, encoding="utf-8")
    made = Desk(folder=folder)
    try:
        up = made.types("lab", "up")
        assert up.returncode == 0, up.stderr
        yield made
    finally:
        down = made.types("lab", "down")
    assert down.returncode == 0, down.stderr
    assert processes_naming(made.home) == []


def small_estate(desk: Desk) -> Path:
    """The lab's estate, of which nobody says what Piscataway carries."""
    lab = json.loads((desk.home / "lab.json").read_text(encoding="utf-8"))["folder"]
    estate = yaml.safe_load((Path(lab) / "estate.yml").read_text(encoding="utf-8"))
    del estate["capacity"]["piscataway"]
    file = desk.folder / "small-estate.yml"
    file.write_text(yaml.safe_dump(estate), encoding="utf-8")
    return file


def latest(desk: Desk) -> str:
    return str(desk.runs()[0]["run"])


def test_outside_its_windows_nothing_moves(desk: Desk) -> None:
    ended = desk.types("run", "start", str(built(desk, "switchover")), *PEOPLE, "--year", "later.yaml")
    assert_refused(ended.returncode, ended.stdout + ended.stderr, 3, "window", "nyc")
    bodies = events_of(desk, latest(desk))
    (refused,) = [body for body in bodies if isinstance(body, InterlockRefused)]
    assert refused.interlock == "window"
    nyc = refused.inputs["nyc"]
    assert isinstance(nyc, Mapping)
    assert nyc["why"] == "nothing allows it at this time"
    opens = datetime.fromisoformat(nyc["opens"]).astimezone(UTC)
    assert opens.strftime("%a %H:%M").lower() == f"{IN_THREE_DAYS} 00:00"
    assert not any(isinstance(body, RunStarted | StepStarted) for body in bodies)


def test_a_target_that_nobody_verified_is_not_relied_on(desk: Desk) -> None:
    plan, estate = built(desk, "switchover"), small_estate(desk)
    ended = desk.types("run", "start", str(plan), *PEOPLE, "--year", "open.yaml", "--estate", str(estate))
    assert_refused(ended.returncode, ended.stdout + ended.stderr, 3, "capacity", "piscataway")
    (refused,) = [body for body in events_of(desk, latest(desk)) if isinstance(body, InterlockRefused)]
    assert refused.inputs["piscataway"]["stated"] is None  # type: ignore[index]


def test_two_persons_take_the_risk_and_the_report_says_so(desk: Desk) -> None:
    file = built(desk, "drill")
    plan = short(plan_id(load_plan_file(file)))
    made = desk.types("run", "prepare", str(file), "--operator", "Ada Operator", "--year", "later.yaml", "--json")
    run = json.loads(made.stdout)["run"]
    one = desk.types("run", "override", run, "window", "--by", "Ada", "--by", "ada ", "--reason", "night shift agreed")
    assert_refused(one.returncode, one.stdout + one.stderr, 3, "one person")
    both = ("--by", "Ada Operator", "--by", "Grace Approver", "--reason", "night shift agreed")
    assert desk.types("run", "override", run, "window", *both).returncode == 0
    who = ("--by", "Grace Approver", "--plan", plan, "--reason", "read it")
    assert desk.types("run", "approve", run, *who).returncode == 0
    ended = desk.types("run", "attach", run)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    bodies = events_of(desk, run)
    assert any(isinstance(body, InterlockOverridden) for body in bodies)
    assert not any(isinstance(body, InterlockRefused) for body in bodies)
    assert "night shift agreed" in desk.types("report", "show", run).stdout


def test_a_run_that_was_carried_out_waits_to_be_committed(desk: Desk) -> None:
    refused = desk.types(
        "run", "start", str(built(desk, "switchover")), *PEOPLE, "--commit", "undo", "--commit-after", "5m"
    )
    assert_refused(refused.returncode, refused.stdout + refused.stderr, 2, "no undo takes back", "failback")
    before = len(desk.runs())
    driver = desk.begins("run", "start", str(built(desk, "switchover")), *PEOPLE, "--commit", "none")
    try:
        wait_until(lambda: len(desk.runs()) > before, what="the run")
        run = latest(desk)
        wait_until(
            lambda: any(isinstance(body, CommitDue) for body in events_of(desk, run)), deadline_s=90, what="the end"
        )
        (needed,) = json.loads(desk.types("run", "watch", run, "--json").stdout)["waits_for"]
        assert "commit it, or have it undone" in needed["what"]
        assert driver.poll() is None
        asked = desk.types("run", "commit", run, "--by", "Grace Approver", "--reason", "every department signed off")
        assert asked.returncode == 0, asked.stderr
        assert driver.wait(60) == 0
    finally:
        driver.kill()
        driver.wait(10)
    report = desk.types("report", "show", run).stdout
    assert "every department signed off" in report
    home = desk.types(
        "run", "start", str(built(desk, "failback")), *PEOPLE, "--commit", "commit", "--commit-after", "1s"
    )
    assert home.returncode == 0, home.stdout + home.stderr
    (committed,) = [body for body in events_of(desk, latest(desk)) if isinstance(body, Committed)]
    assert committed.person == "drorch"


def test_a_real_failover_waits_for_no_window(desk: Desk) -> None:
    plan = built(desk, "failover")
    assert desk.types("lab", "break", "site", "nyc").returncode == 0
    declared = ("--declared-by", "Grace Approver", "--year", "later.yaml", "--estate", str(small_estate(desk)))
    desk.types("run", "start", str(plan), *PEOPLE, *declared)
    bodies = events_of(desk, latest(desk))
    assert not any(isinstance(body, InterlockRefused) for body in bodies)
    assert isinstance(bodies[-1], RunEnded)
    assert bodies[-1].outcome is RunOutcome.COMPLETED
