"""The schedule on the lab: a drill that begins by itself, the evidence it leaves, a failover that takes precedence.

Not collected by itself: how soon a drill begins, and how far it is when the site is lost, depends on the machine. Call
``pytest tests/acceptance/schedule_on_lab.py`` on a quiet one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from drorch.plan.playbook_folder import playbooks_folder
from drorch.run.events import CleanUpRequested, RunCreated, StepStarted, StepSucceeded
from drorch.testing.builders import SMALL_CATALOG_YAML
from tests.acceptance.conftest import wait_until
from tests.acceptance.operator import processes_naming
from tests.acceptance.test_cli_runs import PEOPLE, Desk, built, events_of
from tests.unit.year.samples import year_text

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(400)]
PLATFORM = {"directory", "mail", "mobile-office"}
ALWAYS = "".join(
    f"  - {{id: always-{site}, effect: exception, site: {site}, reason: the lab is nobody's production}}\n"
    for site in ("nyc", "piscataway", "brindisi", "valencia")
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A lab that was started by command, with playbooks of its own and a programme that counts its runs."""
    folder = tmp_path_factory.mktemp("schedule")
    (folder / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML, encoding="utf-8")
    (folder / "year.yaml").write_text(year_text(("estates: [paper]", "estates: [lab]")) + ALWAYS, encoding="utf-8")
    shutil.copytree(playbooks_folder(), folder / "playbooks", ignore=shutil.ignore_patterns("__pycache__"))
    made = Desk(folder=folder, settings={"DRORCH_PLAYBOOKS": str(folder / "playbooks")})
    try:
        up = made.types("lab", "up")
        assert up.returncode == 0, up.stderr
        yield made
    finally:
        down = made.types("lab", "down")
    assert down.returncode == 0, down.stderr
    assert processes_naming(made.home) == []


def schedule(desk: Desk, name: str, seconds: float) -> str:
    """A drill of the platform that many seconds from now, approved; the run it will be.

    So far ahead that the scheduler is there before: what lies before its first look is not owed.
    """
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    text = (
        f"schema: 1\nid: lab\nschedules:\n  - {{id: {name}, title: T, site: nyc, at: '{at:%Y-%m-%dT%H:%M:%S}',\n"
        "     do: {kind: drill, groups: [nyc-platform]}, length: 10m, late: {policy: run-late, within: 1h},\n"
        "     owner: Ola Owner, department: oict}\n"
    )
    (desk.folder / "schedule.yaml").write_text(text, encoding="utf-8")
    approved = desk.types(
        "schedule", "approve", name, "--by", "Ana Approver", "--reason", "read", "--until", f"{at.date()}"
    )
    assert approved.returncode == 0, approved.stderr
    return f"{at:%Y%m%d-%H%M%S}-{name}"


def outcome(desk: Desk, name: str) -> str | None:
    """How the schedule's only instant stands."""
    told = desk.types("schedule", "history", "--schedule", name, "--json")
    found = json.loads(told.stdout) if told.returncode == 0 else []
    return found[0]["outcome"] if found else None


def end(schedulers: list[subprocess.Popen[bytes]]) -> list[int]:
    """Ask them to end, as systemd would."""
    for process in schedulers:
        process.terminate()
    return [process.wait(timeout=60) for process in schedulers]


def test_a_drill_begins_by_itself_once_and_leaves_evidence_that_expires(desk: Desk) -> None:
    run = schedule(desk, "by-itself", 25)
    schedulers = [desk.begins("schedule", "run") for _ in range(3)]
    try:
        wait_until(lambda: outcome(desk, "by-itself") is not None, deadline_s=240, what="the end of the drill")
    finally:
        codes = end(schedulers)
    assert codes == [0, 0, 0]
    assert outcome(desk, "by-itself") in {"passed", "passed-with-issues"}
    assert [line["run"] for line in desk.runs()] == [run]
    assert sum(isinstance(body, RunCreated) for body in events_of(desk, run)) == 1
    status = json.loads(desk.types("year", "status", "--json").stdout)
    met = {item["subject"] for item in status["duties"] if item["id"].startswith("it-dr") and item["state"] == "met"}
    assert met == PLATFORM
    assert status["stale"] == []
    with (desk.folder / "playbooks" / "postgresql_streaming" / "drill.yml").open("a", encoding="utf-8") as playbook:
        playbook.write("# one more line\n")
    told = desk.types("year", "stale", "--json")
    assert told.returncode == 1
    stale = json.loads(told.stdout)["stale"]
    assert {item["application"] for item in stale} == PLATFORM
    assert {reason for item in stale for reason in item["reasons"]} == {
        "playbooks: postgresql_streaming/drill.yml changed"
    }


def test_a_failover_interrupts_a_scheduled_drill_which_cleans_up(desk: Desk) -> None:
    failover = built(desk, "failover")
    run = schedule(desk, "interrupted", 25)
    scheduler = desk.begins("schedule", "run")
    try:

        def seen(kind: type[StepStarted | StepSucceeded]) -> bool:
            return any(isinstance(body, kind) and body.step == "nyc-platform/drill" for body in events_of(desk, run))

        wait_until(lambda: seen(StepStarted), deadline_s=120, what="the drill")
        # What is under way goes on; nothing behind the copy begins, so that the copy is there when the site is lost.
        held = desk.types("run", "pause", run, "--by", "Ola Owner", "--reason", "let us look at the copy")
        assert held.returncode == 0, held.stderr
        wait_until(lambda: seen(StepSucceeded), deadline_s=60, what="the copy of the drill")
        assert desk.types("lab", "break", "site", "nyc").returncode == 0
        ended = desk.types("run", "start", str(failover), *PEOPLE, "--declared-by", "Dana Declarer", "--json")
        wait_until(lambda: outcome(desk, "interrupted") is not None, deadline_s=60, what="the end of the drill")
    finally:
        assert end([scheduler]) == [0]
    report = json.loads(ended.stdout)
    assert report["run"]["outcome"] == "completed", ended.stderr
    assert outcome(desk, "interrupted") == "interrupted"
    asked = [body for body in events_of(desk, run) if isinstance(body, CleanUpRequested)]
    assert [body.person for body in asked] == ["Dana Declarer"]
    assert f"gives way to the failover {report['run']['id']}" == asked[0].reason
    done = {body.step for body in events_of(desk, run) if isinstance(body, StepSucceeded)}
    assert "nyc-platform/drill-clean-up" in done
