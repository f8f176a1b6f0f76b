"""``drorch plan``: build, show, check, compare and forecast plans."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from drorch.catalog.files import load_catalog_file
from drorch.core.codec import plain
from drorch.core.diff import Change
from drorch.core.errors import Broken, ExitCode
from drorch.core.files import read_input
from drorch.core.findings import Finding, errors
from drorch.core.ids import short
from drorch.interfaces.terminal.forecast import show_forecast
from drorch.interfaces.terminal.output import print_findings, print_json, print_table
from drorch.plan.check import check_plan
from drorch.plan.codec import MAX_BYTES, plan_from_text, plan_id, plan_to_json, plan_to_text
from drorch.plan.critical import critical_path, estimated_duration
from drorch.plan.diagram.svg import draw_svg
from drorch.plan.diagram.text import draw_text
from drorch.plan.diff import diff_plans
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.plan.store import PLAYBOOKS_CHANGED, PlanWish, make_plan

app = typer.Typer(no_args_is_help=True)
CatalogOption = Annotated[Path, typer.Option("--catalog", help="The catalog file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
PlanArgument = Annotated[Path, typer.Argument(help="A plan file.")]
DEFAULT_CATALOG = Path("app_catalog.yaml")


@app.command()
def build(
    kind: Annotated[Kind, typer.Option(help="What the plan is for.")],
    lose: Annotated[str | None, typer.Option(help="Site that is lost, or whose applications are meant.")] = None,
    app_ids: Annotated[list[str] | None, typer.Option("--app", help="Application; its group comes along.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Protection group.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: plan-<kind>-<hash>.json")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Playbooks under way at once.")] = Limits().total,
    per_site: Annotated[int, typer.Option(min=1, help="Playbooks under way at once at one site.")] = Limits().per_site,
    proof_limit: Annotated[
        float | None, typer.Option(min=1, help="Seconds after which a validation or a look at replication fails.")
    ] = None,
    lag_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds a standby may be behind at most, where that is less.")
    ] = None,
    estate: Annotated[Path | None, typer.Option(help="The estate it is for: the plan then runs on no other.")] = None,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Build a plan, check it and write it to a file (not when it has errors). Nothing is run."""
    loaded = load_catalog_file(catalog)
    wish = PlanWish(
        kind=kind,
        lose=lose,
        applications=tuple(app_ids or ()),
        groups=tuple(group or ()),
        limits=Limits(total=parallel, per_site=per_site, proof_s=proof_limit, lag_s=lag_limit),
        estate=estate,
    )
    plan, findings = make_plan(loaded, wish)
    target = output or Path(f"plan-{kind.value}-{short(plan_id(plan))}.json")
    if not errors(findings):
        _write(target, plan_to_text(plan))
    if as_json:
        print_json({"file": str(target), **_summary(plan), "findings": plain(findings)})
    else:
        # What is not recovered has its own table in the summary.
        print_findings(finding for finding in findings if finding.code != "not-recovered")
        _print_summary(plan, target)
    _end(findings)


@app.command()
def show(
    file: PlanArgument,
    svg: Annotated[Path | None, typer.Option(help="Write the graph as SVG to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a plan: wave by wave in the terminal, as a drawing (--svg) or as JSON."""
    plan = _load(file)
    if svg is not None:
        _write(svg, draw_svg(plan))
    if as_json:
        print_json(plan_to_json(plan))
        return
    typer.echo(draw_text(plan))
    _print_summary(plan, svg or file)


@app.command()
def check(
    file: PlanArgument,
    catalog: CatalogOption = DEFAULT_CATALOG,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day the plan is meant for: judges site validity.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for faults in a plan: exit code 2 when there is an error among them."""
    plan = _load(file)
    findings = check_plan(plan, load_catalog_file(catalog), on=on.date() if on else None)
    if plan.playbooks_id != playbooks_id(read_playbooks()):
        findings = (*findings, PLAYBOOKS_CHANGED)
    if as_json:
        print_json(plain(findings))
    else:
        print_findings(findings)
        typer.echo(f"{len(errors(findings))} errors, {len(findings)} findings")
    _end(findings)


@app.command()
def diff(old: PlanArgument, new: PlanArgument, as_json: JsonOption = False) -> None:
    """Compare two plans step by step."""
    changes = diff_plans(_load(old), _load(new))
    if as_json:
        print_json(plain(changes))
    elif changes:
        print_table(f"{len(changes)} differences", ("what", "where", "field", "old", "new"), _rows(changes))
    else:
        typer.echo("no difference")


app.command("forecast")(show_forecast)


def _rows(changes: Iterable[Change]) -> Iterable[tuple[object, ...]]:
    for change in changes:
        whole = change.field is None
        yield change.kind.value, change.subject, change.field, *(("", "") if whole else (change.old, change.new))


def _load(file: Path) -> Plan:
    return plan_from_text(read_input(file, MAX_BYTES), str(file))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Broken(
            f"cannot be written: {error.strerror}", where=str(file), next_step="name a file that can be written"
        ) from error


def _summary(plan: Plan) -> dict[str, object]:
    return {
        "id": plan_id(plan),
        "kind": plan.kind.value,
        "title": plan.title,
        "steps": len(plan.steps),
        "applications": len(plan.scope),
        "estimated_s": estimated_duration(plan),
        "critical_path": list(critical_path(plan)),
        "not_recovered": [
            {"application": scope.application, "reason": scope.reason} for scope in plan.scope if scope.to_site is None
        ],
    }


def _print_summary(plan: Plan, file: Path) -> None:
    lost = [scope for scope in plan.scope if scope.to_site is None]
    remote = sum(scope.remote_access and scope.to_site is not None for scope in plan.scope)
    rows = (
        ("plan", plan.title),
        ("file", str(file)),
        ("hash", plan_id(plan)),
        ("steps", str(len(plan.steps))),
        ("applications", f"{len(plan.scope)}, of these {remote} by remote access (reachability only)"),
        ("estimated", f"{estimated_duration(plan):g} s"),
        ("critical path", " → ".join(critical_path(plan))),
        ("not recovered", str(len(lost))),
    )
    for name, value in rows:
        typer.echo(f"{name:<14} {value}")
    if lost:
        why = ((scope.application, scope.reason) for scope in lost)
        print_table("Not recovered by this plan", ("application", "why"), why)


def _end(findings: Iterable[Finding]) -> None:
    if errors(findings):
        raise typer.Exit(int(ExitCode.BAD_INPUT))
