"""A person who works with drorch on the lab, in the words of that work. Everything below is the real thing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stores import journal_at

from drorch.adapters.probes.watcher_processes import WatcherProcesses
from drorch.app import composition
from drorch.catalog.files import load_catalog_file
from drorch.catalog.model import Catalog
from drorch.core.state_folder import watch_folder
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.evidence.codec import read_present
from drorch.evidence.model import CanaryWrite, Sample
from drorch.evidence.record.model import ApplicationResult, Report, StepResult, Trouble
from drorch.interfaces.terminal.exit_codes import exit_code_of
from drorch.lab.compare import TrueOutage, true_outage
from drorch.lab.control import Lab
from drorch.lab.truth import read_truth
from drorch.orchestration.boot_log import boots_of
from drorch.orchestration.measurement import Measurements, measure_run
from drorch.orchestration.service import Approval, Opened, Request, Service
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run.events import Event, RunOutcome
from drorch.testing.builders import SMALL_CATALOG_YAML

DETECT_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run that has ended, with everything it left."""

    opened: Opened
    outcome: RunOutcome
    report: Report
    exit_code: int
    events: tuple[Event, ...]

    def application(self, name: str) -> ApplicationResult:
        """Its line of the report; KeyError when it has none."""
        return {result.id: result for result in self.report.applications}[name]

    def step(self, step: str) -> StepResult:
        """Its line of the report; KeyError when it has none."""
        return {result.id: result for result in self.report.steps}[step]

    def trouble(self) -> Trouble:
        """The one failed step; fails the test when there are more or fewer."""
        assert [found.step for found in self.report.troubles] == [self.report.troubles[0].step]
        return self.report.troubles[0]

    def verdicts(self) -> dict[str, str]:
        """Verdict of every application that is measured."""
        return {result.id: result.verdict.value for result in self.report.applications}

    def text(self) -> str:
        """The report as people read it."""
        return self.opened.folder.report("txt").read_text(encoding="utf-8")


@dataclass(kw_only=True)
class Operator:
    """Ada runs it, Grace approves and declares. One state folder, one lab."""

    lab: Lab
    home: Path
    estate_file: Path
    name: str = "Ada Operator"
    approvers: tuple[str, ...] = ("Grace Approver",)
    declared_by: str | None = "Grace Approver"
    patience_s: float | None = None
    """At most so long for each proof, where a test waits for one to fail."""
    watch: str | None = None
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.service = composition.service(self.home)

    @classmethod
    def of(cls, lab: Lab, home: Path) -> Operator:
        """An operator with an empty state folder ``home``."""
        home.mkdir(parents=True, exist_ok=True)
        (home / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML, encoding="utf-8")
        return cls(lab=lab, home=home, estate_file=lab.estate_file)

    @property
    def catalog_file(self) -> Path:
        """The catalog in use."""
        return self.home / "app_catalog.yaml"

    @property
    def catalog(self) -> Catalog:
        """The catalog in use, loaded."""
        return load_catalog_file(self.catalog_file)

    @property
    def estate(self) -> Estate:
        """The estate in use, loaded."""
        return load_estate(self.estate_file)

    # What the operator does

    def plans(self, kind: Kind, *, lose: str | None = "nyc", groups: Sequence[str] = ()) -> Plan:
        """A plan over the small catalog and the playbooks in use."""
        return build_plan(
            self.catalog,
            kind=kind,
            lose=lose,
            groups=groups,
            limits=Limits(total=3, proof_s=self.patience_s),
            playbooks_id=playbooks_id(read_playbooks()),
        )

    def watches(self, name: str = "standing", kind: Kind = Kind.FAILOVER, *, lose: str = "nyc") -> Path:
        """Let a standing watch see everything good. The folder of the watch."""
        self.watch = name
        watch = self.service.stand_watch(
            name, plan=self.plans(kind, lose=lose), catalog=self.catalog, estate=self.estate
        )
        return watch.path

    def loses(self, site: str) -> frozenset[str]:
        """The site goes dark. With a watch: wait until it has noticed; the applications that are down."""
        self.lab.break_("site", site)
        if self.watch is None:
            return frozenset()
        return self.service.wait_for_outage(watch_folder(self.home, self.watch), DETECT_S)

    def gets_back(self, site: str) -> None:
        """Power returns."""
        self.lab.heal("site", site)

    def fails_over(self, lost: str = "nyc") -> Ended:
        """Recover what was lost."""
        return self.performs(self.plans(Kind.FAILOVER, lose=lost))

    def fails_back(self, lost: str = "nyc") -> Ended:
        """Everything home again."""
        return self.performs(self.plans(Kind.FAILBACK, lose=lost))

    def switches_over(self, site: str = "nyc") -> Ended:
        """Move what runs at ``site``, planned."""
        return self.performs(self.plans(Kind.SWITCHOVER, lose=site))

    def drills(self, site: str = "nyc") -> Ended:
        """Recover an isolated copy."""
        return self.performs(self.plans(Kind.DRILL, lose=site))

    def performs(self, plan: Plan) -> Ended:
        """Begin, drive and conclude a run of ``plan``."""
        service = self.service
        opened = self.begins(plan)
        service.start_watch(opened)
        events: list[Event] = []
        outcome = service.drive(opened, events.append)
        report = service.conclude(opened)
        self.watch = None
        return Ended(
            opened=opened,
            outcome=outcome,
            report=report,
            exit_code=exit_code_of(outcome, report, service.waits_for_operator(opened)),
            events=self.journal(opened),
        )

    def begins(self, plan: Plan) -> Opened:
        """Record the run, and do nothing yet."""
        return self.service.begin(
            Request(
                plan=plan,
                catalog_file=self.catalog_file,
                estate_file=self.estate_file,
                operator=self.name,
                approvals=tuple(Approval(person=person, reason="acceptance") for person in self.approvers),
                declared_by=self.declared_by if plan.kind is Kind.FAILOVER else None,
                declared_because="acceptance",
                watch=self.watch,
            )
        )

    def ends_watches(self) -> None:
        """Leave no watcher behind, whatever happened."""
        for folder in (self.home / "watches").glob("*"):
            WatcherProcesses().stop(folder)

    # What the operator can look up afterwards

    def journal(self, opened: Opened) -> tuple[Event, ...]:
        """Every event of the run."""
        with journal_at(self.home) as journal:
            return journal.read(opened.run)

    def samples(self, ended: Ended) -> tuple[Sample, ...]:
        """What the probes saw."""
        return WatcherProcesses().samples(ended.opened.watch.path)

    def canaries(self, ended: Ended) -> tuple[CanaryWrite, ...]:
        """What the probes wrote."""
        return WatcherProcesses().canaries(ended.opened.watch.path)

    def present(self, ended: Ended) -> Mapping[str, tuple[int, ...] | None]:
        """The canaries that were there after the run."""
        return read_present(ended.opened.folder.present.read_text(encoding="utf-8"))

    def measured(self, ended: Ended) -> Measurements:
        """Outages and losses as measured, before the record rounds them."""
        return measure_run(
            catalog=ended.opened.catalog,
            plan=ended.opened.plan,
            events=ended.events,
            samples=self.samples(ended),
            canaries=self.canaries(ended),
            present=self.present(ended),
            boots=boots_of(ended.opened.folder),
        )

    def truth_of(self, application: str, to_site: str) -> TrueOutage | None:
        """The last outage of the application as the lab knows it."""
        estate = self.estate
        return true_outage(
            read_truth(self.lab.truth_file),
            application=application,
            name=estate.applications[application].name,
            to_site=to_site,
            to_address=estate.sites[to_site],
            servers=len(estate.name_servers),
        )


def processes_naming(folder: Path) -> list[str]:
    """Command lines of the living processes that name something inside ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            with suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(folder) in line:
                    found.append(line.strip())
    return found
