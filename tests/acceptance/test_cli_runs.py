"""The ``drorch`` command as its users have it: from an empty folder to the report, and up again after kill -9."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest
from stores import journal_at

from drorch.interfaces.terminal.main import main
from drorch.run.events import Body, DriverAttached, RunEnded, StepFailed, StepStarted, StepSucceeded
from drorch.testing.builders import SMALL_CATALOG_YAML
from tests.acceptance.conftest import wait_until
from tests.acceptance.operator import processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
PEOPLE = ("--operator", "Ada Operator", "--approve", "Grace Approver", "--reason", "acceptance")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder in which somebody types commands; its state folder is ``.drorch`` inside."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Environment variables of drorch that this somebody has set."""

    @property
    def home(self) -> Path:
        """The state folder."""
        return self.folder / ".drorch"

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=120
        )

    def begins(self, *words: str) -> subprocess.Popen[bytes]:
        """One command, not waited for."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def command(self, *words: str) -> list[str]:
        """As typed, with this Python."""
        return [sys.executable, "-m", "drorch", *words]

    def environment(self) -> dict[str, str]:
        """A user's environment without anything of drorch."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DRORCH_")}
        return {
            **kept,
            **self.settings,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "DRORCH_HOME": str(self.home),
        }

    def runs(self) -> list[dict[str, object]]:
        """``run list --json``."""
        listed = self.types("run", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return list(json.loads(listed.stdout))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A folder with a catalog and a lab that was started by command."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML, encoding="utf-8")
    made = Desk(folder=folder)
    try:
        up = made.types("lab", "up")
        assert up.returncode == 0, up.stderr
        yield made
    finally:
        down = made.types("lab", "down")
    assert down.returncode == 0, down.stderr
    assert processes_naming(made.home) == []


def assert_refused(code: object, told: str, expected: int, *words: str) -> None:
    """One clear error with what to do next; no traceback."""
    assert code == expected, told
    assert "Traceback" not in told
    assert "next:" in told
    # The terminal's width may break a line anywhere.
    flat = re.sub(r"\s+", " ", told)
    for word in words:
        assert word in flat, told


def built(desk: Desk, kind: str, *more: str) -> Path:
    """A plan file made by command."""
    file = desk.folder / f"{kind}.json"
    ended = desk.types("plan", "build", "--kind", kind, "--lose", "nyc", "-o", str(file), *more)
    assert ended.returncode == 0, ended.stderr
    return file


def events_of(desk: Desk, run: str) -> list[Body]:
    """What the journal says of the run."""
    with journal_at(desk.home) as journal:
        return [event.body for event in journal.read(run)]


def unfinished(bodies: list[Body]) -> set[str]:
    """Attempts that have started and not ended."""
    ended = {body.step for body in bodies if isinstance(body, StepSucceeded | StepFailed)}
    return {body.ident for body in bodies if isinstance(body, StepStarted) and body.step not in ended}


def test_a_run_killed_in_the_middle_is_taken_up_and_nothing_runs_twice(desk: Desk) -> None:
    plan = built(desk, "switchover", "--parallel", "3")
    driver = desk.begins("run", "start", str(plan), *PEOPLE, "--json")
    try:

        def handing_over() -> bool:
            return any((desk.home / "runs").glob("*/playbooks/nyc-platform--handover.1"))

        wait_until(handing_over, deadline_s=60, what="the handover")
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait(10)
    (line,) = desk.runs()
    run = str(line["run"])
    assert line["outcome"] == "not ended"
    assert "nyc-platform--handover.1" in unfinished(events_of(desk, run))

    ended = desk.types("run", "attach", run, "--json")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    report = json.loads(ended.stdout)
    assert (report["run"]["outcome"], report["run"]["drivers"]) == ("completed", 2)
    assert {found["verdict"] for found in report["applications"]} == {"pass"}
    assert report["totals"]["records_lost"] == 0

    bodies = events_of(desk, run)
    started = [body.ident for body in bodies if isinstance(body, StepStarted)]
    assert len(started) == len(set(started)) == len(report["steps"])
    assert sum(isinstance(body, DriverAttached) for body in bodies) == 2
    assert sum(isinstance(body, RunEnded) for body in bodies) == 1
    playbooks = {step["attempts"][0]["ident"] for step in report["steps"] if step["act"] == "playbook"}
    attempts = list((desk.home / "runs" / run / "playbooks").iterdir())
    assert {attempt.name for attempt in attempts} == playbooks
    for attempt in attempts:
        plays = [json.loads(file.read_text(encoding="utf-8")) for file in attempt.glob("job_events/*.json")]
        assert [play["event"] for play in plays].count("playbook_on_start") == 1, attempt.name

    before = sorted(path.name for path in (desk.home / "watches").iterdir())
    again = desk.types("run", "attach", run, "--json")
    assert (again.returncode, again.stdout) == (0, ended.stdout)
    assert sorted(path.name for path in (desk.home / "watches").iterdir()) == before


def test_home_again_and_the_record_in_every_form(desk: Desk) -> None:
    (switchover,) = desk.runs()
    assert (switchover["kind"], switchover["outcome"]) == ("switchover", "completed"), "the test above moved it"
    told = desk.types("run", "start", str(built(desk, "failback")), *PEOPLE)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "3 applications: 3 pass" in told.stdout
    newest, oldest = desk.runs()
    assert (newest["kind"], newest["outcome"], newest["failed"]) == ("failback", "completed", 0)
    assert newest["done"] == newest["steps"]
    assert oldest == switchover
    run = str(newest["run"])

    shown = json.loads(desk.types("run", "show", run, "--json").stdout)
    assert {step["state"] for step in shown["steps"]} == {"done"}
    record = json.loads(desk.types("report", "show", run, "--json").stdout)
    assert record["run"]["id"] == run
    assert (desk.home / "runs" / run / "report.txt").read_text(encoding="utf-8").strip() in desk.types(
        "report", "show", run
    ).stdout
    page = desk.folder / "page.html"
    assert desk.types("report", "show", run, "--html", str(page)).returncode == 0
    assert run in page.read_text(encoding="utf-8")


def test_nobody_approved(desk: Desk) -> None:
    ended = desk.types("run", "start", str(built(desk, "drill")), "--operator", "Ada Operator")
    assert_refused(ended.returncode, ended.stdout + ended.stderr, 3, "nobody approved exactly this plan")


def test_the_operator_approves_alone(desk: Desk) -> None:
    plan = built(desk, "switchover")
    ended = desk.types("run", "start", str(plan), "--operator", "Ada Operator", "--approve", " ada  OPERATOR")
    assert_refused(
        ended.returncode, ended.stdout + ended.stderr, 3, "needs the approval of a person other than its operator"
    )


WRONG = [
    pytest.param(("run", "show", "nothing"), "there is no run 'nothing'", id="unknown-run-shown"),
    pytest.param(("run", "attach", "../../etc"), "there is no run", id="unknown-run-attached"),
    pytest.param(("report", "show", "nothing"), "there is no run 'nothing'", id="unknown-run-reported"),
    pytest.param(("run", "start", "gone.json", "--operator", "Ada"), "gone.json", id="no-plan-file"),
    pytest.param(("run", "start", "app_catalog.yaml", "--operator", "Ada"), "app_catalog.yaml", id="not-a-plan"),
    pytest.param(("run", "start", "changed.json", "--operator", "Ada"), "changed.json", id="plan-changed-by-hand"),
    pytest.param(("run", "start", "ready.json", "--operator", "  "), "operator has no name", id="nobody-operates"),
    pytest.param(
        ("run", "start", "ready.json", "--operator", "Ada", "--approve", ""),
        "approver has no name",
        id="nobody-approves",
    ),
    pytest.param(
        ("run", "start", "ready.json", "--operator", "Ada", "--estate", "gone.yml"), "gone.yml", id="no-estate-file"
    ),
    pytest.param(
        ("run", "start", "ready.json", "--operator", "Ada", "--estate", "app_catalog.yaml"),
        "unknown field",
        id="not-an-estate",
    ),
    pytest.param(
        ("run", "start", "ready.json", "--operator", "Ada", "--catalog", "other.yaml"),
        "built from another catalog",
        id="another-catalog",
    ),
    pytest.param(("run", "start", "lost.json", "--operator", "Ada"), "needs a declaration", id="nobody-declares"),
    pytest.param(("plan", "build", "--kind", "failover", "--lose", "paris"), "paris", id="unknown-site"),
    pytest.param(("plan", "build", "--kind", "drill", "--app", "minesweeper"), "minesweeper", id="unknown-application"),
    pytest.param(
        ("plan", "build", "--kind", "failover", "--lose", "nyc", "-o", "no/such/f.json"), "f.json", id="no-folder"
    ),
]


@pytest.fixture(scope="module")
def prepared(desk: Desk) -> Desk:
    """Good plans, a plan changed by hand, another catalog."""
    for kind, name in (("readiness", "ready.json"), ("failover", "lost.json")):
        built(desk, kind).rename(desk.folder / name)
    plan = (desk.folder / "ready.json").read_text(encoding="utf-8")
    assert "nyc-platform" in plan
    (desk.folder / "changed.json").write_text(plan.replace("nyc-platform/check", "nyc-platform/chekc", 1))
    (desk.folder / "other.yaml").write_text(SMALL_CATALOG_YAML.replace("name: Mail\n", "name: Post\n"))
    return desk


@pytest.mark.parametrize(("words", "says"), WRONG)
def test_wrong_input(
    prepared: Desk,
    words: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(prepared.folder)
    monkeypatch.setenv("DRORCH_HOME", str(prepared.home))
    monkeypatch.setattr(sys, "argv", ["drorch", *words])
    before = sorted((prepared.home / "runs").iterdir())
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert_refused(ended.value.code, out + err, 5 if "no/such/f.json" in words else 2, says)
    assert sorted((prepared.home / "runs").iterdir()) == before


def test_without_a_lab_no_estate_is_guessed(prepared: Desk, tmp_path: Path) -> None:
    for name in ("app_catalog.yaml", "ready.json"):
        (tmp_path / name).write_bytes((prepared.folder / name).read_bytes())
    ended = Desk(folder=tmp_path).types("run", "start", "ready.json", "--operator", "Ada")
    assert_refused(ended.returncode, ended.stdout + ended.stderr, 2, "no estate is named and no lab is up")
