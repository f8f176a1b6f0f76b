"""``drorch --server URL --token-file F …``: runs, plans and reports of a server. Same output, same exit codes.

The person of every act is the token's; ``--by`` is taken for a check that it is who you think.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from drorch.app import composition
from drorch.core.errors import InputInvalid
from drorch.core.ids import short
from drorch.evidence.record.codec import report_from_json, report_to_text
from drorch.interfaces.terminal.client import Server, checked_url
from drorch.interfaces.terminal.output import print_json, print_table
from drorch.interfaces.terminal.runs.commands import CommitAfter, CommitPolicy, commit_agreed
from drorch.interfaces.terminal.runs.view import print_asked, print_runs, print_standing, print_steps
from drorch.metrics.server import read_token
from drorch.plan.model import Kind
from drorch.report.text import report_as_text
from drorch.run.events import NO_EVIDENCE
from drorch.run.interlocks import same_person

app = typer.Typer(
    name="drorch",
    help="A server's runs, plans and reports. Everything else works on the server's machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
run_app, plan_app, report_app = (typer.Typer(no_args_is_help=True) for _ in range(3))
app.add_typer(run_app, name="run", help="Runs: start, attach, list, show, watch and operator decisions.")
app.add_typer(plan_app, name="plan", help="Plans that the server keeps: build, list.")
app.add_typer(report_app, name="report", help="The record of a run.")

FOLLOW_EVERY_S = 1.0
RunId = Annotated[str, typer.Argument(help="A run id of 'run list'.")]
StepId = Annotated[str, typer.Argument(help="A step id of 'run show RUN'.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept in the journal and shown in the report.")]
By = Annotated[str | None, typer.Option("--by", help="Who you are; refused when the token is somebody else's.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Attach = Annotated[bool, typer.Option("--attach", help="Let the server drive the run when no driver is at it.")]


def wanted(words: Sequence[str]) -> bool:
    """Whether a command line names a server before its command."""
    before: list[str] = []
    skip = False
    for word in words:
        if not skip and not word.startswith("-"):
            break
        skip = word in ("--server", "--token-file", "--ca") and not skip
        before.append(word)
    return any(word == "--server" or word.startswith("--server=") for word in before)


@app.callback()
def root(
    context: typer.Context,
    server: Annotated[str, typer.Option("--server", help="Like https://drorch.example.org.")],
    token_file: Annotated[Path, typer.Option("--token-file", help="File with your token, mode 0600.")],
    authority: Annotated[Path | None, typer.Option("--ca", help="PEM file of a private authority.")] = None,
) -> None:
    """Ask a server instead of the state folder here."""
    context.obj = Server(
        url=checked_url(server), token=read_token(token_file), clock=composition.clock(), authority=authority
    )


def _server(context: typer.Context) -> Server:
    found = context.find_root().obj
    assert isinstance(found, Server)
    return found


@run_app.command(name="list")
def list_runs(context: typer.Context, as_json: AsJson = False) -> None:
    """All runs, newest first."""
    rows = list(_server(context).pages("/runs"))
    print_json(rows) if as_json else print_runs(rows)


@run_app.command()
def show(context: typer.Context, run: RunId, as_json: AsJson = False) -> None:
    """Steps of a run as the journal has them."""
    data = _server(context).get(_of(run))
    if as_json:
        print_json({name: data[name] for name in ("run", "events", "chain", "steps")})
    else:
        print_steps(run, data["steps"])


@run_app.command()
def watch(
    context: typer.Context,
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", help="Show it anew at each change until the run ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is under way, what is slower than usual, and what waits for whom and since when. Changes nothing."""
    server, seen = _server(context), -1
    while True:
        stands = server.get(f"{_of(run)}/standing")
        if stands["events"] != seen:
            print_json(stands) if as_json else print_standing(stands)
            seen = stands["events"]
        if not follow or stands["outcome"] is not None:
            return
        server.clock.sleep(FOLLOW_EVERY_S)


@run_app.command()
def start(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(help="Hash of a plan that the server keeps ('plan list').")],
    reason: Why,
    declare: Annotated[bool, typer.Option("--declare", help="Failover: you declare the site lost.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="You approve it, where one person is enough.")] = False,
    prepare: Annotated[bool, typer.Option("--prepare", help="Record it only; 'run attach' drives it.")] = False,
    commit: CommitPolicy = None,
    commit_after: CommitAfter = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Start a run on the server; it goes on there. Repeated by itself when the connection fails: it starts once."""
    server = _server(context)
    _check_person(server, by)
    body = {"plan": plan, "reason": reason, "declare": declare, "approve": approve, "begin": not prepare}
    agreed = commit_agreed("", reason, commit, commit_after)
    if agreed is not None:
        body |= {"commit": agreed.then.value, "commit_within_s": agreed.within_s}
    told = server.post("/runs", body, key=secrets.token_hex(16))
    if as_json:
        print_json(told)
    else:
        typer.echo(f"run {told['run']} {'is prepared' if prepare else 'is under way'}: drorch run watch {told['run']}")


@run_app.command()
def attach(context: typer.Context, run: RunId) -> None:
    """Let the server take up a run that nobody drives."""
    told = _server(context).post(f"{_of(run)}/attach")
    typer.echo(f"run {run}: " + ("a driver is at it now" if told["started"] else "a driver was at it already"))


@run_app.command()
def approve(
    context: typer.Context,
    run: RunId,
    plan: Annotated[str, typer.Option("--plan", help="Hash of the plan that was read: at least 12 hex digits.")],
    reason: Why,
    by: By = None,
    attach: Attach = False,
) -> None:
    """Approve exactly this plan. A switchover, failover and failback need somebody other than the operator."""
    _ask(context, run, "approve", "approved", by, attach, reason=reason, plan=plan)


@run_app.command()
def pause(context: typer.Context, run: RunId, reason: Why, by: By = None) -> None:
    """Let no new step start. Steps under way go on."""
    _ask(context, run, "pause", "pause asked for", by, False, reason=reason)


@run_app.command()
def resume(context: typer.Context, run: RunId, reason: Why, by: By = None, attach: Attach = False) -> None:
    """Let steps start again."""
    _ask(context, run, "resume", "resume asked for", by, attach, reason=reason)


@run_app.command()
def commit(context: typer.Context, run: RunId, reason: Why, by: By = None, attach: Attach = False) -> None:
    """Take what the run did as final, where that was agreed before its start."""
    _ask(context, run, "commit", "commit asked for", by, attach, reason=reason)


@run_app.command()
def stop(context: typer.Context, run: RunId, reason: Why, by: By = None, attach: Attach = False) -> None:
    """End the steps under way with their process trees, and the run."""
    _ask(context, run, "stop", "stop asked for", by, attach, reason=reason)


@run_app.command()
def retry(context: typer.Context, run: RunId, step: StepId, reason: Why, by: By = None, attach: Attach = False) -> None:
    """Let a failed or unknown step be performed again."""
    _ask(context, run, "retry", f"retry of {step} asked for", by, attach, reason=reason, step=step)


@run_app.command()
def skip(context: typer.Context, run: RunId, step: StepId, reason: Why, by: By = None, attach: Attach = False) -> None:
    """Take the risk of not doing a step; what needs it goes on."""
    _ask(context, run, "skip", f"skip of {step} asked for", by, attach, reason=reason, step=step)


@run_app.command()
def resolve(
    context: typer.Context,
    run: RunId,
    step: StepId,
    reason: Why,
    evidence: Annotated[str, typer.Option("--evidence", help="A file here (it is sent along) or a text.")],
    by: By = None,
    attach: Attach = False,
) -> None:
    """Sign off a step that was done by hand."""
    what = f"{step} signed off as done by hand"
    _ask(context, run, "resolve", what, by, attach, reason=reason, step=step, evidence=_sent(context, run, evidence))


@run_app.command("sign-off")
def sign_off(
    context: typer.Context,
    run: RunId,
    step: StepId,
    reason: Why,
    evidence: Annotated[
        str | None, typer.Option("--evidence", help="A file here (it is sent along) or a text.")
    ] = None,
    by: By = None,
    attach: Attach = False,
) -> None:
    """Sign off a manual step: what the plan gives to a person is done."""
    shown = NO_EVIDENCE if evidence is None else _sent(context, run, evidence)
    _ask(context, run, "resolve", f"{step} signed off", by, attach, reason=reason, step=step, evidence=shown)


def _sent(context: typer.Context, run: str, evidence: str) -> str:
    """How the server names the evidence: a file of this machine is sent along, a text stays one."""
    file = Path(evidence)
    try:
        is_file = file.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        return evidence
    return str(_server(context).upload(f"{_of(run)}/evidence", file.read_bytes(), file.name)["evidence"])


@run_app.command()
def undo(
    context: typer.Context,
    run: RunId,
    reason: Why,
    step: Annotated[list[str] | None, typer.Argument(help="Steps to undo. None: everything that can be.")] = None,
    by: By = None,
    attach: Attach = False,
) -> None:
    """Undo what was done, dependents first."""
    what = f"undo asked for: {', '.join(step or ['everything that can be'])}"
    _ask(context, run, "undo", what, by, attach, reason=reason, steps=step or [])


@run_app.command()
def cleanup(context: typer.Context, run: RunId, reason: Why, by: By = None, attach: Attach = False) -> None:
    """Remove what a drill made; ends it first when it is under way."""
    _ask(context, run, "cleanup", "clean-up asked for", by, attach, reason=reason)


@plan_app.command()
def build(
    context: typer.Context,
    kind: Annotated[Kind, typer.Option(help="What the plan is for.")],
    lose: Annotated[str | None, typer.Option(help="Site that is lost, or whose applications are meant.")] = None,
    app_ids: Annotated[list[str] | None, typer.Option("--app", help="Application; its group comes along.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Protection group.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build a plan on the server and keep it there."""
    body = {"kind": kind.value, "lose": lose, "applications": app_ids or [], "groups": group or []}
    told = _server(context).post("/plans", body)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{told['title']}: {told['steps']} steps, {told['applications']} applications\nhash {told['id']}")


@plan_app.command(name="list")
def list_plans(context: typer.Context, as_json: AsJson = False) -> None:
    """Plans that the server keeps, newest first."""
    rows = list(_server(context).pages("/plans"))
    if as_json:
        print_json(rows)
        return
    columns = ("plan", "kind", "title", "steps", "applications")
    lines = ((short(row["id"]), row["kind"], row["title"], row["steps"], row["applications"]) for row in rows)
    print_table("plans", columns, lines)


@report_app.command(name="show")
def show_report(context: typer.Context, run: RunId, as_json: AsJson = False) -> None:
    """Show the record of a run."""
    report = report_from_json(_server(context).get(f"{_of(run)}/report"), "the server's record")
    sys.stdout.write(report_to_text(report) if as_json else report_as_text(report))


def _of(run: str) -> str:
    return f"/runs/{quote(run, safe='')}"


def _ask(context: typer.Context, run: str, act: str, what: str, by: str | None, attach: bool, **body: Any) -> None:
    server = _server(context)
    _check_person(server, by)
    told = server.post(f"{_of(run)}/{act}", body)
    print_asked(run, what, driven=told["driven"], attached=attach)
    if attach and not told["driven"]:
        server.post(f"{_of(run)}/attach")
        typer.echo("  the server drives it now; see 'drorch run watch'")


def _check_person(server: Server, by: str | None) -> None:
    if by is None:
        return
    person = server.get("/session")["person"]
    if not same_person(by, person):
        raise InputInvalid(
            f"the token is {person}'s", where=f"--by {by}", next_step="use your own token, or leave --by away"
        )
