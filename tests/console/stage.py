"""Worlds for pages: a state folder with runs in it, as real ones leave it, over the small or a large catalog."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from drorch.catalog.load import load_catalog
from drorch.core.clock import Clock
from drorch.core.codec import to_text
from drorch.core.files import write_whole
from drorch.core.ids import canonical_json
from drorch.core.state_folder import run_folder, watch_folder
from drorch.evidence.model import Sample, SampleReason
from drorch.plan.build import build_plan
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.idents import attempt_ident
from drorch.run.ports import Journal
from drorch.run.recorder import Recorder
from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.evidence import write_estate
from drorch.testing.plans import make_plan, playbook_step, with_undo
from drorch.testing.runs import approvals, created, done

OPEN_RUN, WAITING_RUN = "20130302-040000-open", "20130303-050000-waiting"
DUE_RUN = "20130305-070000-due"
DUE_PLAN = with_undo(make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])], kind=Kind.SWITCHOVER), "x")


def small_world(folder: Path) -> tuple[Path, Path]:
    """A state folder and the small catalog beside it."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    catalog = folder / "app_catalog.yaml"
    catalog.write_text(SMALL_CATALOG_YAML, encoding="utf-8")
    return home, catalog


def plan_for(text: str, kind: Kind = Kind.FAILOVER, lose: str = "nyc") -> Plan:
    """A plan over the catalog text, with the playbooks of nobody."""
    catalog = load_catalog(text.encode(), "app_catalog.yaml")
    return build_plan(catalog, kind=kind, lose=lose, playbooks_id="sha256:" + "0" * 64)


def put_run(
    home: Path, journal: Journal, clock: Clock, plan: Plan, *bodies: ev.Body, run: str = OPEN_RUN, text: str = ""
) -> str:
    """A run with these events behind its creation."""
    folder, estate = run_folder(home, run, must_exist=False), write_estate(home)
    write_whole(folder.catalog, text or SMALL_CATALOG_YAML)
    write_whole(folder.context, canonical_json({"estate": str(estate), "watch": run}))
    write_whole(folder.plan, plan_to_text(plan))
    Recorder.create(journal, clock, plan, run, created(plan)).record(*bodies)
    return run


def waiting_run(home: Path, journal: Journal, clock: Clock, kind: Kind = Kind.SWITCHOVER) -> str:
    """A run that waits for its approval."""
    awaited = ev.ApprovalAwaited(person="Olga Operator", reason="prepared", within_s=0)
    return put_run(home, journal, clock, plan_for(SMALL_CATALOG_YAML, kind), awaited, run=WAITING_RUN)


def due_run(
    home: Path, journal: Journal, clock: Clock, then: ev.AfterDeadline, *more: ev.Body, within_s: int = 0
) -> str:
    """A run of which every step is done and that waits for its commit."""
    agreed = ev.CommitAgreed(then=then, within_s=within_s, person="Olga Operator", reason="departments look")
    bodies = (agreed, *approvals(DUE_PLAN), ev.RunStarted(), *done("a/x"), *done("b/x"), ev.CommitDue(), *more)
    return put_run(home, journal, clock, DUE_PLAN, *bodies, run=DUE_RUN)


def failed_run(home: Path, journal: Journal, clock: Clock) -> str:
    """A failover of which one application could not be started; it ended incomplete."""
    plan = plan_for(SMALL_CATALOG_YAML)
    finished = ("nyc/witness", "nyc-platform/recover", "directory/start", "directory/validate", "mobile-office/start")
    bodies: list[ev.Body] = [*approvals(plan), ev.RunStarted()]
    for step in finished:
        bodies += [
            ev.StepStarted(step=step, attempt=1, ident=attempt_ident(step, 1)),
            ev.StepSucceeded(step=step, attempt=1),
        ]
    ident = attempt_ident("mail/start", 1)
    bodies += [
        ev.StepStarted(step="mail/start", attempt=1, ident=ident),
        ev.StepFailed(step="mail/start", attempt=1, code="task-failed", reason="the listener <b>did not</b> open"),
        ev.StepStarted(step="mobile-office/validate", attempt=1, ident=attempt_ident("mobile-office/validate", 1)),
        ev.StepSucceeded(step="mobile-office/validate", attempt=1),
        ev.StepStarted(step="archive/validate", attempt=1, ident=attempt_ident("archive/validate", 1)),
        ev.StepSucceeded(step="archive/validate", attempt=1),
        ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="1 step failed"),
    ]
    run = put_run(home, journal, clock, plan, *bodies)
    output = run_folder(home, run).path / "playbooks" / ident / "stdout"
    output.parent.mkdir(parents=True)
    output.write_text("TASK [start the listener]\nfatal: no listener\npassword=hunter22\n", encoding="utf-8")
    return run


def put_samples(home: Path, clock: Clock, seen: Iterable[tuple[str, str | None]], watch: str = "standing") -> None:
    """One sample each, just now: application and the site that served it; None: not served."""
    now = clock.now()
    lines = [
        to_text(
            Sample(
                application=application,
                slot=0,
                started=now.mono - 0.2,
                ended=now.mono - 0.1,
                wall=now.wall.isoformat(),
                good=site is not None,
                full=True,
                served_by=site,
                reason=None if site else SampleReason.REFUSED,
            )
        )
        for application, site in seen
    ]
    text = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    write_whole(watch_folder(home, watch).samples, text)


def short_id(plan: Plan) -> str:
    """As the pages name it."""
    return plan_id(plan).removeprefix("sha256:")[:12]
