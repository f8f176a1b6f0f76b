"""``drorch run``: start, attach, list and show runs, and an operator's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from drorch.app import composition, settings
from drorch.catalog.durations import parse_duration
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid, OperatorNeeded, StoreAway
from drorch.evidence.record.files import load_report
from drorch.evidence.record.model import Report
from drorch.interfaces.terminal.exit_codes import exit_code_of
from drorch.interfaces.terminal.output import print_json
from drorch.interfaces.terminal.runs.live import RunView
from drorch.interfaces.terminal.runs.store_notice import StoreNotice, still_away
from drorch.interfaces.terminal.runs.view import print_runs, print_steps
from drorch.orchestration.lost_runs import lost, runs_without_events
from drorch.orchestration.precedence import make_way
from drorch.orchestration.run_status import usual_durations
from drorch.orchestration.service import Approval, Opened, Request
from drorch.plan.files import load_plan_file
from drorch.plan.model import Kind, Plan
from drorch.report.text import report_as_text
from drorch.run.events import AfterDeadline, ApprovalAwaited, CommitAgreed, RunOutcome
from drorch.run.progress import StepState

app = typer.Typer(no_args_is_help=True)

TAKEN_UP_AT_MOST = 50
"""So often one driver goes on after the end of its run, because somebody decided meanwhile."""

PlanFile = Annotated[Path, typer.Argument(help="A plan written by 'drorch plan build'.")]
CatalogFile = Annotated[Path, typer.Option("--catalog", help="The catalog the plan was built from.")]
EstateFile = Annotated[Path | None, typer.Option("--estate", help="Where things answer. Default: the running lab's.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
RunId = Annotated[str, typer.Argument(help="A run id of 'drorch run list'.")]


OperatorName = Annotated[str, typer.Option("--operator", help="Who runs it: a person's name.")]
Approvers = Annotated[list[str] | None, typer.Option("--approve", help="Who approves this plan. Repeatable.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with approval and declaration.")]
DeclaredBy = Annotated[str | None, typer.Option("--declared-by", help="Failover: who declares the site lost.")]
WatchName = Annotated[str | None, typer.Option("--watch", help="A standing watch of 'drorch probe watch'.")]
YearFile = Annotated[
    Path | None,
    typer.Option("--year", help="The programme whose windows hold. Default: $DRORCH_YEAR, year.yaml; on a lab none."),
]
CommitPolicy = Annotated[
    AfterDeadline | None,
    typer.Option("--commit", help="Wait to be committed when all is done; what happens when nobody decides in time."),
]
CommitAfter = Annotated[str | None, typer.Option("--commit-after", help="Such as 30m: the deadline of --commit.")]
Deadline = Annotated[
    str | None, typer.Option("--approval-deadline", help="Such as 30m: not approved by then, the run is refused.")
]


@app.command()
def start(
    plan_file: PlanFile,
    operator: OperatorName,
    approver: Approvers = None,
    reason: Reason = "",
    declared_by: DeclaredBy = None,
    watch: WatchName = None,
    wait_for_approval: Annotated[
        bool, typer.Option("--wait-for-approval", help="Wait for 'drorch run approve' instead of being refused.")
    ] = False,
    approval_deadline: Deadline = None,
    catalog: CatalogFile = Path("app_catalog.yaml"),
    estate: EstateFile = None,
    year: YearFile = None,
    commit: CommitPolicy = None,
    commit_after: CommitAfter = None,
    as_json: AsJson = False,
) -> None:
    """Start a run of PLAN_FILE and follow it to its end.

    Exit codes: 0 done and objectives met, 1 objectives missed or a step failed, 2 bad input, 3 refused by an interlock
    or for a missing approval, 4 waiting for an operator, 5 drorch itself failed.
    """
    awaits = None
    if wait_for_approval or approval_deadline is not None:
        awaits = approval_awaited(operator, reason, approval_deadline)
    request = Request(
        plan=plan_of(plan_file, declared_by),
        catalog_file=catalog,
        estate_file=estate or settings.default_estate(),
        operator=operator,
        approvals=tuple(Approval(person=person, reason=reason) for person in approver or ()),
        declared_by=declared_by,
        declared_because=reason,
        watch=watch,
        awaits=awaits,
        year=year,
        commit=commit_agreed(operator, reason, commit, commit_after),
    )
    opened = composition.service().begin(request)
    tell_of_watch(opened)
    follow(opened, as_json=as_json)


def tell_of_watch(opened: Opened) -> None:
    """A failover that nobody watched before the loss recovers services and proves nothing about how fast: say so."""
    if opened.plan.kind is Kind.FAILOVER and opened.watch.path.name == opened.run:
        typer.echo(
            "no standing watch saw these services before their loss: recovery times and lost data cannot be measured\n"
            "  next time: keep one with 'drorch probe watch --stand NAME --plan PLAN'",
            err=True,
        )


def plan_of(plan_file: Path, declared_by: str | None) -> Plan:
    """The plan in the file. InputInvalid when it needs a declaration and there is none."""
    plan = load_plan_file(plan_file)
    if plan.kind is Kind.FAILOVER and declared_by is None:
        raise InputInvalid(
            "a failover needs a declaration of the site loss", next_step="add --declared-by NAME of who declares it"
        )
    return plan


def approval_awaited(operator: str, reason: str, deadline: str | None) -> ApprovalAwaited:
    """What makes a run wait for its approval. InputInvalid for a deadline that is no duration."""
    try:
        within_s = int(parse_duration(deadline)) if deadline is not None else 0
    except ValueError as error:
        raise InputInvalid(str(error), where="--approval-deadline") from error
    return ApprovalAwaited(person=operator, reason=reason or "prepared", within_s=within_s)


def commit_agreed(operator: str, reason: str, policy: AfterDeadline | None, after: str | None) -> CommitAgreed | None:
    """What makes a run wait to be committed; None when nothing was said. InputInvalid for a deadline without it."""
    if policy is None:
        if after is not None:
            raise InputInvalid(
                "a deadline for nothing", where="--commit-after", next_step="say --commit none, commit or undo as well"
            )
        return None
    try:
        within_s = int(parse_duration(after)) if after is not None else 0
    except ValueError as error:
        raise InputInvalid(str(error), where="--commit-after") from error
    return CommitAgreed(then=policy, within_s=within_s, person=operator, reason=reason or "agreed before the start")


@app.command()
def attach(run: RunId, as_json: AsJson = False) -> None:
    """Take up a run that was interrupted: running playbooks are found again, nothing is performed twice blindly."""
    follow(composition.service().open(run), as_json=as_json)


def follow(opened: Opened, *, as_json: bool) -> None:
    """Drive the run where it can be driven, show it, and end with its exit code."""
    composition.operations().refuse_second_driver(opened.run)
    home = settings.home()
    service = composition.service(home, StoreNotice(composition.clock()))
    ended = service.concluded(opened)
    if ended is not None:
        # The record of an ended run is left as it was: what the probes would see now belongs to another time.
        _tell(opened, load_report(home, opened.run), ended, waits=False, as_json=as_json)
    head = service.state(opened).head
    if head.awaited is not None and head.started_at is None and not as_json:
        typer.echo(f"run {opened.run} waits for approvals that are missing: drorch run approve {opened.run}", err=True)
    if head.approvals and head.started_at is None:
        for drill in make_way(
            composition.parts(home), composition.operations(), composition.driver_processes(), opened
        ):
            typer.echo(f"the drill {drill} was asked to clean up: it held a group of this failover", err=True)
    usual_s = usual_durations(composition.parts(home), except_run=opened.run)
    drivers = composition.driver_processes()
    for _ in range(TAKEN_UP_AT_MOST):
        needed, report = None, None
        with RunView(opened.plan, opened.run, composition.clock(), quiet=as_json, usual_s=usual_s) as view:
            service.start_watch(opened)
            try:
                outcome = service.drive(opened, view.take)
                report = service.conclude(opened)
            except OperatorNeeded as error:
                needed = error
            except StoreAway as away:
                raise still_away(away, opened.run) from away
        # Who decides while the record is being written finds this driver alive and starts none: look once more.
        drivers.leave(home, opened.run)
        if not (service.asked(opened) and drivers.enter(home, opened.run)):
            break
    if needed is not None or report is None:
        raise needed or OperatorNeeded("the run waits", where=f"run {opened.run}")
    _tell(opened, report, outcome, waits=service.waits_for_operator(opened), as_json=as_json)


def _tell(opened: Opened, report: Report, outcome: RunOutcome, *, waits: bool, as_json: bool) -> NoReturn:
    if as_json:
        print_json(plain(report))
    else:
        typer.echo(report_as_text(report))
        typer.echo(f"report: {opened.folder.report('html')}")
    for refusal in report.refusals:
        typer.echo(f"refused by {refusal.interlock}\n  next: {refusal.inputs.get('next_step')}", err=True)
    raise typer.Exit(exit_code_of(outcome, report, waits))


@app.command(name="list")
def list_runs(as_json: AsJson = False) -> None:
    """All runs, newest first. Exit code 5 when one has a folder and no events."""
    rows = [asdict(head) for head in composition.service().heads()]
    print_json(rows) if as_json else print_runs(rows)
    home = settings.home()
    for run in runs_without_events(home, composition.parts(home).journal):
        raise lost(run)


@app.command()
def show(run: RunId, as_json: AsJson = False) -> None:
    """Steps of a run as the journal has them."""
    service = composition.service()
    opened = service.open(run)
    state = service.state(opened)
    rows = [_step_json(step.id, state.steps[step.id], state.blocked.get(step.id, ())) for step in opened.plan.steps]
    if as_json:
        print_json({"run": run, "events": state.seq, "chain": state.chain, "steps": rows})
    else:
        print_steps(run, rows)


def _seconds(stands: StepState) -> float | None:
    return stands.ended.since(stands.started) if stands.started and stands.ended else None


def _step_json(step: str, stands: StepState, blocked: Sequence[str]) -> dict[str, object]:
    return {
        "step": step,
        "state": stands.status.value,
        "attempt": stands.attempt,
        "seconds": _seconds(stands),
        "code": stands.code,
        "reason": stands.reason,
        "blocked_by": list(blocked),
    }
