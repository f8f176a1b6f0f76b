"""People at the ``drorch`` command beside a running lab: what they type, what they see, what the report says after."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from stores import journal_at

from drorch.adapters.probes.watcher_processes import WatcherProcesses
from drorch.catalog.files import load_catalog_file
from drorch.lab.control import Lab
from drorch.plan.build import build_plan
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.files import load_plan_file
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run.events import Body, Event
from drorch.testing.builders import SMALL_CATALOG_YAML
from tests.acceptance.conftest import wait_until
from tests.acceptance.operator import processes_naming
from tests.acceptance.test_cli_runs import Desk

ADA, GRACE, HENRY = "Ada Operator", "Grace Approver", "Henry Deputy"
STARTED_S, ENDS_S = 40.0, 90.0


@dataclass(frozen=True, kw_only=True)
class Room:
    """One state folder, one lab. Ada operates; Grace and Henry are the others."""

    desk: Desk
    lab: Lab

    # What people type

    def types(self, *words: str, code: int = 0) -> str:
        """One command to its end with this exit code; everything it said. No traceback, whatever happened."""
        told = self.desk.types(*words)
        said = told.stdout + told.stderr
        assert told.returncode == code, f"{' '.join(words)}: exit {told.returncode}\n{said}"
        assert "Traceback" not in said, said
        return said

    def asks(self, *words: str) -> dict[str, object]:
        """A question answered as JSON."""
        told = self.desk.types(*words, "--json")
        assert told.returncode == 0, told.stderr
        return dict(json.loads(told.stdout))

    def plan_file(self, kind: Kind, *, lose: str, patience_s: float = 6.0, largest_lag_s: float = 2.0) -> Path:
        """A plan over the small catalog with short limits for each proof, so that a wrong one shows soon."""
        plan = build_plan(
            load_catalog_file(self.desk.folder / "app_catalog.yaml"),
            kind=kind,
            lose=lose,
            limits=Limits(total=3, proof_s=patience_s, lag_s=largest_lag_s),
            playbooks_id=playbooks_id(read_playbooks()),
        )
        file = self.desk.folder / f"{kind.value}-{lose}.json"
        file.write_text(plan_to_text(plan), encoding="utf-8")
        return file

    def prepares(
        self,
        kind: Kind,
        *,
        lose: str,
        approve: tuple[str, ...] = (GRACE,),
        more: tuple[str, ...] = (),
        patience_s: float = 6.0,
    ) -> str:
        """A run that is recorded and does nothing yet; its id."""
        plan = self.plan_file(kind, lose=lose, patience_s=patience_s)
        words = ["run", "prepare", str(plan), "--operator", ADA, "--reason", "acceptance"]
        for person in approve:
            words += ["--approve", person]
        if kind is Kind.FAILOVER:
            words += ["--declared-by", GRACE]
        return str(self.asks(*words, *more)["run"])

    @contextmanager
    def driving(self, run: str, *, code: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Somebody drives the run meanwhile; afterwards it has come to its end, with this exit code."""
        driver = self.desk.begins("run", "attach", run)
        try:
            yield driver
            ended = driver.wait(ENDS_S)
        finally:
            if driver.poll() is None:
                driver.kill()
                driver.wait(10)
        assert code is None or ended == code, f"the driver ended with {ended}, not {code}: {self.report_text(run)}"

    # What they see

    def plan_of(self, run: str) -> Plan:
        """The plan of the run."""
        return load_plan_file(self.desk.home / "runs" / run / "plan.json")

    def hash_of(self, run: str) -> str:
        """The plan's hash as ``plan show`` prints it."""
        return plan_id(self.plan_of(run)).removeprefix("sha256:")[:12]

    def events(self, run: str) -> tuple[Event, ...]:
        """The run's journal."""
        with journal_at(self.desk.home) as journal:
            return journal.read(run)

    def bodies(self, run: str) -> list[Body]:
        """What the journal says, without when."""
        return [event.body for event in self.events(run)]

    def journal_bytes(self) -> bytes:
        """Everything in the journal's file, as SQL: events of all runs, requests that wait, and whatever else."""
        with closing(sqlite3.connect(self.desk.home / "store.sqlite")) as opened:
            return "\n".join(opened.iterdump()).encode()

    def waits(self, run: str, kind: type[Body], *, step: str | None = None, what: str = "") -> None:
        """Until the journal has such an event."""

        def there() -> bool:
            return any(
                isinstance(b, kind) and (step is None or getattr(b, "step", None) == step) for b in self.bodies(run)
            )

        wait_until(there, deadline_s=STARTED_S, what=what or f"{kind.__name__} {step or ''}")

    def watch(self, run: str) -> dict[str, object]:
        """``run watch --json``."""
        return self.asks("run", "watch", run)

    def needs(self, run: str) -> list[dict[str, object]]:
        """What waits for whom."""
        waits = self.watch(run)["waits_for"]
        assert isinstance(waits, list)
        return waits

    def report(self, run: str) -> dict[str, object]:
        """The record."""
        return self.asks("report", "show", run)

    def decisions(self, run: str) -> list[tuple[str, str | None, str]]:
        """Who decided what, as the report shows it."""
        acts = self.report(run)["operator_acts"]
        assert isinstance(acts, list)
        return [(act["act"], act["step"], act["person"]) for act in acts]

    def report_text(self, run: str) -> str:
        """The report as people read it; empty when there is none yet."""
        told = self.desk.types("report", "show", run)
        return " ".join(told.stdout.split())

    def outcome(self, run: str) -> str | None:
        """How the run ended."""
        facts = self.report(run)["run"]
        assert isinstance(facts, dict)
        return None if facts["outcome"] is None else str(facts["outcome"])

    def served(self, *applications: str) -> dict[str, tuple[tuple[str, ...], set[str | None]]]:
        """Where each application is started and where its name points."""
        found = {entry.id: (entry.started, set(entry.names.values())) for entry in self.lab.status().applications}
        return {application: found[application] for application in applications}


def room_in(
    folder: Path, catalog: str = SMALL_CATALOG_YAML, settings_of_desk: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Room]:
    """A lab started and ended by command in ``folder``; nothing is left of it."""
    (folder / "app_catalog.yaml").write_text(catalog, encoding="utf-8")
    desk = Desk(folder=folder, settings=settings_of_desk)
    try:
        up = desk.types("lab", "up", "--json")
        assert up.returncode == 0, up.stderr
        yield Room(desk=desk, lab=Lab.open(Path(json.loads(up.stdout)["folder"])))
    finally:
        for watch in (desk.home / "watches").glob("*"):
            WatcherProcesses().stop(watch)  # of runs that nobody drove to their end
        down = desk.types("lab", "down")
    assert down.returncode == 0, down.stderr
    wait_until(lambda: processes_naming(desk.home) == [], deadline_s=90, what="the end of every process")
