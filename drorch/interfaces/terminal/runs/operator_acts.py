"""``drorch run``, the operator's part: approve, pause, decide, undo, clean up, watch. Joins the commands of cli.run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drorch.app import composition, settings
from drorch.core.ids import short
from drorch.interfaces.terminal.output import print_json
from drorch.interfaces.terminal.runs.commands import (
    Approvers,
    AsJson,
    CatalogFile,
    CommitAfter,
    CommitPolicy,
    Deadline,
    DeclaredBy,
    EstateFile,
    OperatorName,
    PlanFile,
    Reason,
    RunId,
    WatchName,
    YearFile,
    app,
    approval_awaited,
    commit_agreed,
    follow,
    plan_of,
)
from drorch.interfaces.terminal.runs.view import print_asked, print_standing
from drorch.orchestration.difference_acceptance import accept_difference
from drorch.orchestration.operator_requests import Asked
from drorch.orchestration.run_status import standing, standing_to_json, usual_durations
from drorch.orchestration.service import Approval, Request
from drorch.plan.codec import plan_id

__all__ = ["app"]

FOLLOW_EVERY_S = 0.5

By = Annotated[str, typer.Option("--by", help="Who decides this: a person's name.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept in the journal and shown in the report.")]
StepId = Annotated[str, typer.Argument(help="A step id of 'drorch run show RUN'.")]
Attach = Annotated[bool, typer.Option("--attach", help="Drive the run from here when no driver is at it.")]


@app.command()
def prepare(
    plan_file: PlanFile,
    operator: OperatorName,
    approver: Approvers = None,
    reason: Reason = "",
    declared_by: DeclaredBy = None,
    watch: WatchName = None,
    approval_deadline: Deadline = None,
    catalog: CatalogFile = Path("app_catalog.yaml"),
    estate: EstateFile = None,
    year: YearFile = None,
    commit: CommitPolicy = None,
    commit_after: CommitAfter = None,
    as_json: AsJson = False,
) -> None:
    """Record a run of PLAN_FILE without starting it: it waits for its approval ('run approve', then 'run attach')."""
    plan = plan_of(plan_file, declared_by)
    request = Request(
        plan=plan,
        catalog_file=catalog,
        estate_file=estate or settings.default_estate(),
        operator=operator,
        approvals=tuple(Approval(person=person, reason=reason) for person in approver or ()),
        declared_by=declared_by,
        declared_because=reason,
        watch=watch,
        awaits=approval_awaited(operator, reason, approval_deadline),
        year=year,
        commit=commit_agreed(operator, reason, commit, commit_after),
    )
    opened = composition.service().begin(request)
    if as_json:
        print_json({"run": opened.run, "plan": plan_id(plan)})
        return
    typer.echo(f"run {opened.run} is prepared and waits for the approval of plan {short(plan_id(plan))}")
    typer.echo(f"  next: drorch run approve {opened.run} --by NAME --plan {short(plan_id(plan))} --reason WHY")


@app.command()
def approve(
    run: RunId,
    by: By,
    plan: Annotated[str, typer.Option("--plan", help="Hash of the plan that was read: at least 12 hex digits.")],
    reason: Why,
    attach: Attach = False,
) -> None:
    """Approve exactly this plan. A switchover, failover and failback need somebody other than the operator."""
    _say(composition.operations().approve(run, person=by, plan=plan, reason=reason), "approved", attach=attach)


@app.command()
def override(
    run: RunId,
    interlock: Annotated[str, typer.Argument(help="window, capacity, tier-1 or lag.")],
    by: Annotated[list[str], typer.Option("--by", help="Give it twice: two persons take the risk.")],
    reason: Why,
    step: Annotated[str | None, typer.Option("--step", help="The step at which it spoke; none: at the start.")] = None,
) -> None:
    """Take the risk of an interlock that may be overridden: two persons and a reason."""
    first, second = (*by, "", "")[:2]
    asked = composition.operations().override(
        run, interlock, step=step, person=first, second_person=second, reason=reason
    )
    _say(asked, f"override of {interlock} asked for", attach=False)


@app.command()
def pause(run: RunId, by: By, reason: Why) -> None:
    """Let no new step start. Steps under way go on."""
    _say(composition.operations().pause(run, person=by, reason=reason), "pause asked for", attach=False)


@app.command()
def resume(run: RunId, by: By, reason: Why, attach: Attach = False) -> None:
    """Let steps start again."""
    _say(composition.operations().resume(run, person=by, reason=reason), "resume asked for", attach=attach)


@app.command()
def commit(run: RunId, by: By, reason: Why, attach: Attach = False) -> None:
    """Take what the run did as final, where that was agreed before its start. The other way is 'run undo'."""
    _say(composition.operations().commit(run, person=by, reason=reason), "commit asked for", attach=attach)


@app.command()
def stop(run: RunId, by: By, reason: Why, attach: Attach = False) -> None:
    """End the steps under way with their process trees, and the run. A drill is better ended by 'run cleanup'."""
    _say(composition.operations().stop(run, person=by, reason=reason), "stop asked for", attach=attach)


@app.command()
def retry(run: RunId, step: StepId, by: By, reason: Why, attach: Attach = False) -> None:
    """Let a failed or unknown step be performed again."""
    _say(
        composition.operations().retry(run, step, person=by, reason=reason), f"retry of {step} asked for", attach=attach
    )


@app.command()
def skip(run: RunId, step: StepId, by: By, reason: Why, attach: Attach = False) -> None:
    """Take the risk of not doing a step; what needs it goes on."""
    _say(composition.operations().skip(run, step, person=by, reason=reason), f"skip of {step} asked for", attach=attach)


@app.command()
def resolve(
    run: RunId,
    step: StepId,
    by: By,
    reason: Why,
    evidence: Annotated[str, typer.Option("--evidence", help="A file (copied into the run's folder) or a text.")],
    attach: Attach = False,
) -> None:
    """Sign off a step that was done by hand."""
    asked = composition.operations().resolve(run, step, person=by, reason=reason, evidence=evidence)
    _say(asked, f"{step} signed off as done by hand", attach=attach)


@app.command("sign-off")
def sign_off(
    run: RunId,
    step: StepId,
    by: By,
    reason: Why,
    evidence: Annotated[
        str | None, typer.Option("--evidence", help="A file (copied into the run's folder) or a text.")
    ] = None,
    attach: Attach = False,
) -> None:
    """Sign off a manual step: what the plan gives to a person is done."""
    asked = composition.operations().sign_off(run, step, person=by, reason=reason, evidence=evidence)
    _say(asked, f"{step} signed off", attach=attach)


@app.command()
def undo(
    run: RunId,
    by: By,
    reason: Why,
    step: Annotated[list[str] | None, typer.Argument(help="Steps to undo. None: everything that can be.")] = None,
    attach: Attach = False,
) -> None:
    """Undo what was done, dependents first, by the undo acts the plan declares. Nothing is undone twice."""
    asked = composition.operations().undo(run, step or (), person=by, reason=reason)
    steps = ", ".join(getattr(asked.body, "steps", ()))
    _say(asked, f"undo asked for: {steps}", attach=attach)


@app.command()
def cleanup(run: RunId, by: By, reason: Why, attach: Attach = False) -> None:
    """Remove what a drill made, also when it was interrupted: ends it first when it is under way. May be repeated."""
    _say(composition.operations().clean_up(run, person=by, reason=reason), "clean-up asked for", attach=attach)


@app.command(name="accept-difference")
def accept(
    run: RunId,
    name: Annotated[str, typer.Argument(help="CODE/SUBJECT of a difference, as the report names it.")],
    by: By,
    reason: Why,
) -> None:
    """Accept by name what an ended run left different from what should be there; its report is written anew."""
    home = settings.home()
    report = accept_difference(composition.service(home), composition.parts(home), run, name, person=by, reason=reason)
    typer.echo(f"accepted: {name}")
    if report.baseline is not None:
        typer.echo(f"  {report.baseline.reason}; the report is written anew: {report.result.overall.value}")


def _say(asked: Asked, what: str, *, attach: bool) -> None:
    print_asked(asked.run, what, driven=asked.driven, attached=attach)
    if attach and not asked.driven:
        follow(composition.service().open(asked.run), as_json=False)


@app.command()
def watch(
    run: RunId,
    follow_it: Annotated[
        bool, typer.Option("--follow", help="Show it anew at each change until the run ends.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What is under way, what is slower than usual, and what waits for whom and since when. Changes nothing."""
    parts, operations = composition.parts(settings.home()), composition.operations()
    operations.now(run)
    usual_s = usual_durations(parts, except_run=run)
    seen = -1
    while True:
        stands = standing(parts, operations, run, usual_s)
        if stands.events != seen:
            print_json(standing_to_json(stands)) if as_json else print_standing(standing_to_json(stands))
            seen = stands.events
        if not follow_it or stands.outcome is not None:
            return
        parts.clock.sleep(FOLLOW_EVERY_S)
