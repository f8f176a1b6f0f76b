"""kill -9 of the real orchestrator on the lab, at its journal's events; another one ends the run. See docs/faults.md.

Not collected by itself: ``make faults`` names this file. Settings, by environment:
DRORCH_FAULT_EVERY   small lab: kill at every so many events (1: at every event; more than ten minutes)
DRORCH_FAULT_POINTS  full lab: number of random points in the failover of every application of New York
DRORCH_FAULT_SEED    seed of the random points, printed with them
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from stores import journal_at

from drorch.lab.control import Lab
from drorch.plan.files import load_plan_file
from drorch.plan.model import Kind, Plan, PlaybookAct, Repeat
from drorch.run import events as ev
from drorch.run.events import Event
from drorch.testing.builders import SMALL_CATALOG_YAML
from faults.matrix import Matrix, Row
from tests.acceptance.conftest import SAMPLE_CATALOG, wait_until
from tests.acceptance.operator import processes_naming
from tests.acceptance.test_cli_runs import Desk

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(3600)]
EVERY = int(os.environ.get("DRORCH_FAULT_EVERY", "8"))
POINTS = int(os.environ.get("DRORCH_FAULT_POINTS", "3"))
SEED = int(os.environ.get("DRORCH_FAULT_SEED", "20130301"))
PEOPLE = ("--operator", "Ada Operator", "--approve", "Grace Approver", "--reason", "fault harness")
DECLARED = ("--declared-by", "Grace Approver")
ENDS_WITHIN_S = 120.0
FIRST = 4
FORTH_AND_BACK = (Kind.FAILOVER, Kind.FAILBACK)


@dataclass(frozen=True, kw_only=True)
class KilledRun:
    """A run whose driver was killed: its id and the events that were durable then."""

    run: str
    durable: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A lab and somebody who types commands at it."""

    desk: Desk
    lab: Lab

    def plan(self, kind: Kind) -> Path:
        """A plan file made by command."""
        file = self.desk.folder / f"{kind}.json"
        told = self.desk.types("plan", "build", "--kind", kind, "--lose", "nyc", "--parallel", "4", "-o", str(file))
        assert told.returncode == 0, told.stderr
        return file

    def events(self, run: str) -> tuple[Event, ...]:
        """The run's journal."""
        with journal_at(self.desk.home) as journal:
            return journal.read(run)

    def until_event(self, driver: subprocess.Popen[bytes], seen: set[str], at: int) -> str | None:
        """The new run, as soon as its event ``at`` is written; None when its driver ended before."""
        until = time.monotonic() + ENDS_WITHIN_S
        with closing(sqlite3.connect(self.desk.home / "store.sqlite", isolation_level=None)) as journal:
            while driver.poll() is None:
                assert time.monotonic() < until, f"event {at} did not come"
                for stream, seq in journal.execute("SELECT stream, max(seq) FROM events GROUP BY stream").fetchall():
                    kind, _, run = stream.partition("/")
                    if kind == "run" and run not in seen and seq >= at:
                        return str(run)
                time.sleep(0.003)
        return None

    def runs(self) -> set[str]:
        """Ids of all runs."""
        return {str(line["run"]) for line in self.desk.runs()}

    def start_and_kill(self, plan: Path, at: int) -> KilledRun | None:
        """Start the run and kill its driver when event ``at`` is there; None when it ended before."""
        seen, kind = self.runs(), load_plan_file(plan).kind
        driver = self.desk.begins("run", "start", str(plan), *PEOPLE, *(DECLARED if kind is Kind.FAILOVER else ()))
        try:
            run = self.until_event(driver, seen, at)
        finally:
            driver.send_signal(signal.SIGKILL)
            code = driver.wait(10)
        if run is None or code != -signal.SIGKILL:
            return None
        return KilledRun(run=run, durable=self.events(run))

    def take_up(self, run: str) -> dict[str, object]:
        """Another driver ends the run; a person lets what nobody knows be performed again. The record as JSON."""
        for _ in range(6):
            told = self.desk.types("run", "attach", run, "--json")
            if told.returncode != 4:
                break
            for step in json.loads(self.desk.types("run", "show", run, "--json").stdout)["steps"]:
                if step["state"] == "unknown":
                    words = ("run", "retry", run, step["step"], "--by", "Ada Operator", "--reason", "looked at it")
                    assert self.desk.types(*words).returncode == 0
        assert told.returncode in {0, 1}, told.stdout + told.stderr
        return dict(json.loads(told.stdout))

    def recovers(self, plan: Path) -> None:
        """A run without a fault."""
        kind = load_plan_file(plan).kind
        told = self.desk.types("run", "start", str(plan), *PEOPLE, *(DECLARED if kind is Kind.FAILOVER else ()))
        assert told.returncode in {0, 1}, told.stdout + told.stderr


def site_of(folder: Path, catalog: str) -> Iterator[Site]:
    """A lab started and ended by command; nothing is left."""
    (folder / "app_catalog.yaml").write_text(catalog, encoding="utf-8")
    desk = Desk(folder=folder)
    try:
        up = desk.types("lab", "up", "--json")
        assert up.returncode == 0, up.stderr
        yield Site(desk=desk, lab=Lab.open(Path(json.loads(up.stdout)["folder"])))
    finally:
        down = desk.types("lab", "down")
    assert down.returncode == 0, down.stderr
    wait_until(lambda: processes_naming(desk.home) == [], deadline_s=90, what="the end of every process")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Six applications."""
    yield from site_of(tmp_path_factory.mktemp("small"), SMALL_CATALOG_YAML)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Seventy-six applications."""
    yield from site_of(tmp_path_factory.mktemp("full"), SAMPLE_CATALOG.read_text(encoding="utf-8"))


def doubled(site: Site, plan: Plan, run: str, events: tuple[Event, ...]) -> list[str]:
    """Steps whose playbook ran again without a decision in the journal, or one attempt of which ran twice."""
    folder = site.desk.home / "runs" / run / "playbooks"
    performed = Counter(path.name.rpartition(".")[0] for path in folder.iterdir() if begun(path))
    retries = [event.body for event in events if isinstance(event.body, ev.RetryRequested)]
    intents = {event.body.ident for event in events if isinstance(event.body, ev.StepStarted)}
    found = [path.name for path in folder.iterdir() if path.name not in intents or begun(path) > 1]
    for step in plan.steps:
        decided = [body.person for body in retries if body.step == step.id]
        by_itself = step.repeat is not Repeat.SAFE and "drorch" in decided
        if by_itself or performed[step.id.replace("/", "--")] > 1 + len(decided):
            found.append(step.id)
    return found


def begun(attempt: Path) -> int:
    """How often Ansible began this playbook."""
    texts = (path.read_text(encoding="utf-8") for path in (attempt / "job_events").glob("*.json"))
    return sum(json.loads(text)["event"] == "playbook_on_start" for text in texts)


def moved(site: Site, plan: Plan) -> bool:
    """Whether every application of the plan runs where the plan wants it, nowhere else, and its name says so."""
    wanted = {scope.application: scope.to_site for scope in plan.scope if scope.to_site and not scope.remote_access}
    entries = {entry.id: entry for entry in site.lab.status().applications}
    return bool(wanted) and all(
        tuple(entries[name].started) == (to,) and set(entries[name].names.values()) == {to}
        for name, to in wanted.items()
    )


def kill_and_judge(site: Site, file: Path, at: int, row: Row) -> bool:
    """One case. False when the run had ended before event ``at``."""
    plan, began = load_plan_file(file), time.monotonic()
    killed = site.start_and_kill(file, at)
    if killed is None:
        return False
    report = site.take_up(killed.run)
    events = site.events(killed.run)
    kept = sum(old == new for old, new in zip(killed.durable, events, strict=False))
    playbooks = {step.id for step in plan.steps if isinstance(step.act, PlaybookAct)}
    done = {event.body.step for event in events if isinstance(event.body, ev.StepSucceeded)}
    proved = done == {step.id for step in plan.steps} and playbooks <= done
    ended = dict(report["run"])["outcome"] if isinstance(report["run"], dict) else None
    right = ended == "completed" and proved and moved(site, plan)
    twice = doubled(site, plan, killed.run, events)
    lost = len(killed.durable) - kept
    row.add(f"event {at}", right=right, doubled=twice, lost=lost, why=f"{ended} {killed.run}")
    took = time.monotonic() - began
    sys.stdout.write(
        f"{plan.kind} killed at event {len(killed.durable)} of {len(events)}: {ended}, right {right}, twice {twice}, "
        f"lost {lost}, {took:.0f} s\n"
    )
    sys.stdout.flush()
    return True


def test_a_second_driver_says_so_and_ends_with_3(small: Site) -> None:
    """The first one stands still meanwhile, so that it cannot have ended; then it goes on as if nothing had been."""
    plan, seen = small.plan(Kind.READINESS), small.runs()
    first = small.desk.begins("run", "start", str(plan), *PEOPLE)
    try:
        run = small.until_event(first, seen, FIRST + 2)
        assert run is not None
        first.send_signal(signal.SIGSTOP)
        before = small.events(run)
        second = small.desk.types("run", "attach", run)
        told = second.stdout + second.stderr
        assert second.returncode == 3, told
        assert "driver" in told
        assert "next:" in told
        assert small.events(run) == before
    finally:
        first.send_signal(signal.SIGCONT)
        code = first.wait(ENDS_WITHIN_S)
    assert code in {0, 1}
    events = small.events(run)
    assert sum(isinstance(event.body, ev.DriverAttached) for event in events) == 1
    assert doubled(small, load_plan_file(plan), run, events) == []


def test_killed_along_a_failover_and_a_failback_of_one_group(small: Site, matrix: Matrix) -> None:
    rows = {kind: matrix.row(kind, f"kill -9 on the lab, every {EVERY}th event") for kind in FORTH_AND_BACK}
    files = {kind: small.plan(kind) for kind in FORTH_AND_BACK}
    ats, open_ends = dict.fromkeys(FORTH_AND_BACK, FIRST), set(FORTH_AND_BACK)
    while open_ends:
        for kind in FORTH_AND_BACK:
            if kind is Kind.FAILOVER:
                small.lab.break_("site", "nyc")
            else:
                small.lab.heal("site", "nyc")
            if kind not in open_ends:
                small.recovers(files[kind])
            elif not kill_and_judge(small, files[kind], ats[kind], rows[kind]):
                open_ends.discard(kind)
            ats[kind] += EVERY
    for row in rows.values():
        row.check(at_least=16 // EVERY)


def test_killed_at_random_points_of_the_failover_of_a_site(full: Site, matrix: Matrix) -> None:
    row = matrix.row(Kind.FAILOVER, f"kill -9 on the lab, 76 applications, seed {SEED}")
    failover = full.plan(Kind.FAILOVER)
    events = 2 * len(load_plan_file(failover).steps)
    for at in random.Random(SEED).sample(range(FIRST, events), POINTS):
        full.lab.break_("site", "nyc")
        assert kill_and_judge(full, failover, at, row), f"the run ended before event {at}"
        full.lab.reset()
    row.check(at_least=POINTS)
