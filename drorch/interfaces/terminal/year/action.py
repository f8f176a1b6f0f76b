"""``drorch action``: what is done about findings, by whom, until when, and what proves that it helped."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from drorch.actions.codec import action_to_json, counts, register_csv
from drorch.actions.events import ActionEvent, Assigned, Updated
from drorch.actions.log import standing, told
from drorch.actions.model import Action, ActionSeverity, ActionState, Element, Subject, SubjectKind
from drorch.actions.operations import Actions, ByHand
from drorch.app import composition
from drorch.app.settings import home
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, InputInvalid
from drorch.core.files import write_whole
from drorch.core.findings import Finding
from drorch.interfaces.terminal.output import console, print_findings, print_json
from drorch.interfaces.terminal.year.action_table import print_action, print_actions
from drorch.year.local_time import parse_day, parse_instant
from drorch.year.statement import Said

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the action, like ca-7.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
ByOption = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who says so.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also those that are verified or closed.")] = False,
    state: Annotated[ActionState | None, typer.Option(help="Only those in this state.")] = None,
    severity: Annotated[ActionSeverity | None, typer.Option(help="Only of this severity.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only of this person.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The actions that are open, gravest first. Exit code 1 when one is overdue."""
    actions = _actions()
    book, findings = actions.book()
    today = actions.today()
    shown = [
        item
        for item in book.actions.values()
        if (item.state is state if state else every or item.is_open)
        and severity in (None, item.severity)
        and owner in (None, item.owner)
    ]
    totals = counts(book.actions.values(), today)
    if as_json:
        listed = [action_to_json(item, today) for item in shown]
        print_json({"on": today, "counts": totals, "actions": listed, "findings": plain(findings)})
    else:
        print_actions(shown, totals, today)
        print_findings(findings)
    if any(item.overdue(today) for item in book.actions.values()):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


@app.command()
def show(action: IdArgument, as_json: JsonOption = False) -> None:
    """One action with its whole history."""
    actions = _actions()
    book, findings = actions.book()
    found = standing(book, action)
    if as_json:
        print_json(action_to_json(found, actions.today()))
    else:
        print_action(found, actions.today())
        print_findings(findings)


@app.command("open")
def open_(
    by: ByOption,
    reason: ReasonOption,
    title: Annotated[str | None, typer.Option(help="What is wrong, when no run found it.")] = None,
    run: Annotated[str | None, typer.Option(help="The run that found it.")] = None,
    finding: Annotated[str | None, typer.Option(help="Which finding of the run, like step-failed/umoja/start.")] = None,
    severity: Annotated[ActionSeverity | None, typer.Option(help="How grave it is, when no run found it.")] = None,
    step: Annotated[list[str] | None, typer.Option(help="A step that a retest has to cover.")] = None,
    application: Annotated[list[str] | None, typer.Option(help="An application that a retest has to cover.")] = None,
    exercise: Annotated[
        list[str] | None, typer.Option(help="ACTIVITY/SUBJECT of the year, proved by a later record.")
    ] = None,
    estate: Annotated[str | None, typer.Option(help="Where a retest has to run, as a run's record names it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Open an action: for one finding of a run, or by hand."""
    who = Said(person=by, reason=reason)
    if run is not None and finding is not None:
        if title or severity or step or application or exercise or estate:
            raise InputInvalid("a finding of a run says that itself", next_step="give --run and --finding alone")
        _say(_actions().open_from(run, finding, who), as_json)
        return
    if run is not None or finding is not None:
        raise InputInvalid("--run and --finding belong together", next_step="give both, or 'import-from RUN' for all")
    if title is None or severity is None:
        raise InputInvalid("nothing says what is wrong", next_step="give --title and --severity, or a finding of a run")
    named = ((SubjectKind.STEP, step), (SubjectKind.APPLICATION, application), (SubjectKind.EXERCISE, exercise))
    subjects = tuple(Subject(kind=kind, id=name) for kind, names in named for name in dict.fromkeys(names or ()))
    _say(_actions().open(ByHand(title=title, severity=severity, subjects=subjects, estate=estate), who), as_json)


@app.command("import-from")
def import_from(
    run: Annotated[str, typer.Argument(help="Id of the run.")],
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Open an action for each finding of a run that has none yet."""
    made, known = _actions().import_from(run, Said(person=by, reason=reason))
    if as_json:
        print_json({"run": run, "opened": [getattr(event.body, "id", None) for event in made], "known_already": known})
        return
    for event in made:
        console().print(_told(event), soft_wrap=True)
    console().print(f"{len(made)} opened, {known} of its findings have an action already")


@app.command()
def assign(
    action: IdArgument,
    owner: Annotated[str, typer.Option(metavar="PERSON", help="Who is responsible.")],
    organisation: Annotated[str, typer.Option(help="The department or unit.")],
    due: Annotated[str, typer.Option(metavar="DATE", help="The last day, like 2014-03-31.")],
    by: ByOption,
    reason: ReasonOption,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="The first day.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Name who is responsible, and until when."""
    body = Assigned(
        id=action,
        owner=owner,
        organisation=organisation,
        due=parse_day(due, "--due"),
        start=parse_day(start, "--start") if start else None,
    )
    _say(_actions().assign(body, Said(person=by, reason=reason)), as_json)


@app.command()
def update(
    action: IdArgument,
    by: ByOption,
    reason: ReasonOption,
    begin: Annotated[bool, typer.Option("--begin", help="Work on it has begun.")] = False,
    what: Annotated[str | None, typer.Option("--action", metavar="TEXT", help="What is done about it.")] = None,
    immediate_correction: Annotated[str | None, typer.Option(help="What was done at once.")] = None,
    root_cause: Annotated[str | None, typer.Option(help="Why it happened.")] = None,
    similar_cases: Annotated[str | None, typer.Option(help="Where else it was looked for, what was found.")] = None,
    plan_change: Annotated[str | None, typer.Option(help="Which plan was changed, or why none.")] = None,
    element: Annotated[Element | None, typer.Option(help="What has to change.")] = None,
    severity: Annotated[ActionSeverity | None, typer.Option(help="How grave it is.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write down what is known by now, or that work has begun."""
    body = Updated(
        id=action,
        action=what,
        immediate_correction=immediate_correction,
        root_cause=root_cause,
        similar_cases=similar_cases,
        plan_change=plan_change,
        element=element,
        severity=severity,
        begin=begin,
    )
    _say(_actions().update(body, Said(person=by, reason=reason)), as_json)


@app.command()
def claim(
    action: IdArgument,
    by: ByOption,
    reason: ReasonOption,
    completed: Annotated[str | None, typer.Option(metavar="TIME", help="When it was done, UTC. Default: now.")] = None,
    evidence: Annotated[list[Path] | None, typer.Option(help="A file that shows it; its SHA-256 is kept.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say that it is done. It stays open until a later test proves it and another person verifies."""
    at: datetime | None = parse_instant(completed, "UTC", "--completed") if completed else None
    _say(_actions().claim(action, at, evidence or (), Said(person=by, reason=reason)), as_json)


@app.command()
def verify(
    action: IdArgument,
    retest: Annotated[str, typer.Option(metavar="RUN", help="The later run, or 'record N' of the year.")],
    method: Annotated[str, typer.Option(metavar="TEXT", help="How it was verified.")],
    by: ByOption,
    reason: ReasonOption,
    not_effective: Annotated[bool, typer.Option("--not-effective", help="It did not help: open again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say that it helped, or not. Exit code 3 when you own it, or the test does not prove it."""
    event = _actions().verify(action, retest, method, not not_effective, Said(person=by, reason=reason))
    _say(event, as_json)


@app.command()
def close(action: IdArgument, by: ByOption, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Close what was verified. Exit code 3 when something is missing."""
    _say(_actions().close(action, Said(person=by, reason=reason)), as_json)


@app.command()
def reopen(action: IdArgument, by: ByOption, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Say that it is not solved."""
    _say(_actions().reopen(action, Said(person=by, reason=reason)), as_json)


@app.command()
def register(
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: stdout.")] = None,
) -> None:
    """All actions with all fields as CSV."""
    actions = _actions()
    book, findings = actions.book()
    text = register_csv(book.actions.values(), actions.today())
    _print_aside(findings)
    if output is None:
        typer.echo(text.encode(), nl=False)
        return
    write_whole(output, text)
    typer.echo(f"written: {output}", err=True)


def _print_aside(findings: tuple[Finding, ...]) -> None:
    """What could not be read, on stderr: stdout is the register."""
    for finding in findings:
        typer.echo(f"drorch: {finding.message}", err=True)


def _actions() -> Actions:
    return Actions(home(), composition.event_store(), composition.clock(), composition.record_holds)


def _say(event: ActionEvent, as_json: bool) -> None:
    if as_json:
        actions = _actions()
        print_json(action_to_json(_standing(actions, event), actions.today()))
    else:
        console().print(_told(event), soft_wrap=True)


def _standing(actions: Actions, event: ActionEvent) -> Action:
    return standing(actions.book()[0], event.body.id)


def _told(event: ActionEvent) -> str:
    return f"{event.body.id}: {told(event.body)}"
