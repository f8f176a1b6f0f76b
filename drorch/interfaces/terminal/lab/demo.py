"""``drorch demo``: the main job on the embedded lab, from nothing to the report, and back to the start.

Brings up four sites with 76 applications, loses one, recovers what was hit, prints the score card, fails back, compares
the measured recovery times with the lab's own truth log, and takes everything down again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from drorch.app import composition
from drorch.catalog.files import load_catalog_file
from drorch.core.errors import Broken, ExitCode
from drorch.core.ids import short
from drorch.core.state_folder import WatchFolder
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.evidence.record.model import Report, TimeSpent
from drorch.interfaces.terminal.exit_codes import exit_code_of
from drorch.interfaces.terminal.output import console, print_json
from drorch.interfaces.terminal.runs.live import RunView
from drorch.interfaces.terminal.runs.store_notice import StoreNotice
from drorch.lab.compare import true_outage
from drorch.lab.control import Lab
from drorch.lab.truth import read_truth
from drorch.orchestration.service import Approval, Opened, Request, Service
from drorch.plan.build import build_plan
from drorch.plan.codec import plan_id
from drorch.plan.critical import estimated_duration
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.report.text import score_card
from drorch.run.events import RunOutcome

CANARIES_S = 3.0
"""How long numbered writes flow before the site is lost, so that there is something to lose."""
DETECT_S = 20.0
OPERATOR = "Demo Operator"
APPROVER = "Demo Approver"


@dataclass(kw_only=True)
class Demo:
    """One demonstration. ``spent`` collects where the time goes."""

    catalog_file: Path
    lost: str
    quiet: bool
    spent: list[tuple[str, float]] = field(default_factory=list)
    watches: list[WatchFolder] = field(default_factory=list)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Say what begins, and remember how long it took."""
        clock = composition.clock()
        began = clock.now()
        self.say(f"── {title}")
        try:
            yield
        finally:
            self.spent.append((title, clock.now().since(began)))

    def say(self, text: str) -> None:
        """One line for people; nothing with --json."""
        if not self.quiet:
            console().print(text, soft_wrap=True)

    def run(self, folder: Path) -> int:
        """Everything, in order. The exit code of the worst part."""
        catalog_text = self.catalog_file
        with self.stage("the lab: four sites, real PostgreSQL pairs, DNS, applications"):
            catalog = load_catalog_file(catalog_text)
            lab = Lab.up(catalog, folder, progress=self.say)
        try:
            codes = list(self._lose_and_return(lab, folder))
        finally:
            with self.stage("everything down"):
                for watch in self.watches:
                    composition.service().stop_watch(watch)
                lab.down()
        self._tell_time()
        return max(codes)

    def _lose_and_return(self, lab: Lab, folder: Path) -> Iterator[int]:
        service = composition.service(on_wait=StoreNotice(composition.clock()))
        catalog = load_catalog_file(self.catalog_file)
        estate_file = folder / "estate.yml"
        plan = self._plan(Kind.FAILOVER)
        name = f"demo-{folder.name}"
        with self.stage("probes see every service good"):
            watch = service.stand_watch(name, plan=plan, catalog=catalog, estate=load_estate(estate_file))
            self.watches.append(watch)
            composition.clock().sleep(CANARIES_S)
        with self.stage(f"{self.lost} is lost, the probes notice"):
            lab.break_("site", self.lost)
            down = service.wait_for_outage(watch, DETECT_S)
            self.say(f"   {len(down)} applications are down")
            if not down:
                raise Broken("the site was broken and no application fell", next_step="report this as a fault")
        request = Request(
            plan=plan,
            catalog_file=self.catalog_file,
            estate_file=estate_file,
            operator=OPERATOR,
            approvals=(Approval(person=APPROVER, reason="demonstration"),),
            declared_by=APPROVER,
            declared_because=f"demonstration: {self.lost} lost",
            watch=name,
        )
        opened, outcome, report = self._perform(service, request, "failover", "report.html")
        yield exit_code_of(outcome, report, service.waits_for_operator(opened))
        with self.stage("measured against the lab's own truth log"):
            self._compare(report, load_estate(estate_file), read_truth(folder / "truth.jsonl"))
        yield self._fail_back(lab, service, estate_file)

    def _fail_back(self, lab: Lab, service: Service, estate_file: Path) -> int:
        with self.stage(f"power returns to {self.lost}"):
            lab.heal("site", self.lost)
        plan = self._plan(Kind.FAILBACK)
        request = Request(
            plan=plan,
            catalog_file=self.catalog_file,
            estate_file=estate_file,
            operator=OPERATOR,
            approvals=(Approval(person=APPROVER, reason="demonstration"),),
        )
        opened, outcome, report = self._perform(service, request, "failback", "report-failback.html")
        return exit_code_of(outcome, report, service.waits_for_operator(opened))

    def _perform(self, service: Service, request: Request, word: str, page: str) -> tuple[Opened, RunOutcome, Report]:
        with self.stage(f"{word}"):
            opened = service.begin(request)
            self.watches.append(opened.watch)
            with RunView(opened.plan, opened.run, composition.clock(), quiet=self.quiet) as view:
                service.start_watch(opened)
                outcome = service.drive(opened, view.take)
        with self.stage(f"{word}: look for lost records, write the report"):
            timings = [TimeSpent(what=title, seconds=seconds) for title, seconds in self.spent]
            report = service.conclude(opened, timings=timings)
            shutil.copyfile(opened.folder.report("html"), page)
        for line in score_card(report):
            self.say(line)
        self.say(f"   {report.result.overall.value}: {report.result.reason}")
        self.say(f"   {page}")
        return opened, outcome, report

    def _plan(self, kind: Kind) -> Plan:
        catalog = load_catalog_file(self.catalog_file)
        # All "hosts" of the lab share this machine's processors with the probes: more at once only takes turns.
        limits = Limits(total=(os.cpu_count() or 2) + 1)
        plan = build_plan(
            catalog,
            kind=kind,
            lose=self.lost,
            limits=limits,
            playbooks_id=playbooks_id(read_playbooks()),
        )
        self.say(
            f"   plan {short(plan_id(plan))}: {kind.value}, {len(plan.scope)} applications, {len(plan.steps)} steps, "
            f"estimated {estimated_duration(plan):.0f} s"
        )
        return plan

    def _compare(self, report: Report, estate: Estate, truth: list[dict[str, object]]) -> None:
        """Only the demonstration looks into the truth log; the tool measures without it."""
        differences: list[tuple[float, str]] = []
        for result in report.applications:
            actual = true_outage(
                truth,
                application=result.id,
                name=estate.applications[result.id].name,
                to_site=result.to_site,
                to_address=estate.sites[result.to_site],
                servers=len(estate.name_servers),
            )
            measured = result.recovery_time.from_disruption
            if actual is not None and measured is not None:
                differences.append((abs(measured.seconds - actual.seconds), result.id))
        worst, application = max(differences, default=(0.0, "none"))
        self.say(f"   {len(differences)} of {len(report.applications)} recovery times compared with the truth log")
        self.say(f"   largest difference {worst:.2f} s ({application})")

    def _tell_time(self) -> None:
        total = sum(seconds for _, seconds in self.spent)
        self.say(f"── where the time went ({total:.0f} s)")
        for title, seconds in self.spent:
            self.say(f"   {seconds:6.1f} s  {title}")


def demo(
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog to use.")] = Path("app_catalog.yaml"),
    lose: Annotated[str, typer.Option("--lose", help="The site to lose.")] = "nyc",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab's folder in place.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Only one JSON document at the end.")] = False,
) -> None:
    """Lose a site on the embedded lab, recover, measure, fail back; writes report.html and report-failback.html."""
    folder = Path(tempfile.mkdtemp(prefix="drorch-demo-"))
    folder.chmod(0o755)
    show = Demo(catalog_file=catalog, lost=lose, quiet=as_json)
    try:
        code = show.run(folder)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print_json({"exit_code": code, "spent_s": {title: round(seconds, 2) for title, seconds in show.spent}})
    raise typer.Exit(code or int(ExitCode.OK))
