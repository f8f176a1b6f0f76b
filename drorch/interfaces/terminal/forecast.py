"""``drorch plan forecast``: how long a plan will take, and what the loss of a site on a day would mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drorch.app import composition, settings
from drorch.catalog.files import load_catalog_file
from drorch.core.errors import ExitCode, InputInvalid
from drorch.core.findings import errors
from drorch.interfaces.terminal.output import console, print_findings, print_json, print_table
from drorch.orchestration.duration_history import History, load_history, recorded_runs, save_history
from drorch.orchestration.forecast import foresee, foreseen_to_json, lost_on
from drorch.plan.files import load_plan_file
from drorch.plan.forecast import Forecast, Span
from drorch.plan.loss import GONE, Fate, Loss
from drorch.plan.model import Plan
from drorch.year.local_time import parse_day

_STYLE = {
    Fate.NOT_RECOVERED: "bold red",
    Fate.ALREADY_GONE: "red",
    Fate.DEAD_DEPENDENCY: "red",
    Fate.RECOVERED: "green",
    Fate.INTERRUPTED: "yellow",
    Fate.UNPROTECTED: "yellow",
    Fate.UNTOUCHED: "dim",
}


def show_forecast(
    file: Annotated[Path | None, typer.Argument(metavar="[PLAN]", help="A plan file.")] = None,
    lose: Annotated[str | None, typer.Option(metavar="SITE", help="What if this site were lost?")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="On this day. Default: today.")] = None,
    records: Annotated[
        Path | None, typer.Option(help="Recorded durations; default: the runs of the state folder.")
    ] = None,
    estate_name: Annotated[
        str | None, typer.Option("--estate-name", help="Whose runs, when there are several.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save-records", metavar="FILE", help="Write the durations used, without run ids.")
    ] = None,
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Forecast recovery times (P50, P90) from past runs; with --lose, what becomes of every application.

    Exit code 1 when an application would not be recovered, or its objective is out of reach.
    """
    if (file is None) is (lose is None):
        raise InputInvalid("name a plan file, or a site with --lose", next_step="drorch plan forecast PLAN|--lose SITE")
    entries = load_catalog_file(catalog)
    history = load_history(records) if records else recorded_runs(composition.parts(settings.home()), estate_name)
    if save is not None:
        save_history(save, history.runs, f"estate {history.estate}" if history.estate else f"from {records}")
    lost = lost_on(entries, lose, parse_day(at, "--at") if at else None, composition.clock()) if lose else None
    plan = lost.plan if lost else load_plan_file(file or Path())
    seen = foresee(plan, entries, history, lost)
    found, findings = seen.forecast, seen.findings
    if as_json:
        print_json(foreseen_to_json(seen))
    else:
        _show(plan, found, lost, history)
        print_findings(findings)
    gone = lost is not None and any(lost.totals()[fate] for fate in GONE)
    if gone or errors(findings):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _show(plan: Plan | None, found: Forecast | None, lost: Loss | None, history: History) -> None:
    out = console()
    if lost is not None:
        _show_loss(lost)
    if plan is None or found is None:
        out.print("nothing can be recovered: there is no plan to forecast")
        return
    of = f"the estate {history.estate}" if history.estate else "the file"
    out.print(f"{plan.title}: {len(plan.steps)} steps; {len(history.runs)} runs of {of}, {history.left_out} left out")
    if found.reason is not None:
        out.print(Text(f"no forecast for all of it: {found.reason}", style="yellow"), soft_wrap=True)
    else:
        spans = [("all recovered", found.recovered), ("over", found.over)]
        print_table(
            "From the start of the run", ("what", "P50", "P90"), [(name, *_cells(span)) for name, span in spans]
        )
    rows = [(item.application, *_cells(item.span)) for item in found.applications if item.span]
    if rows:
        print_table("Applications, from the start of the run", ("application", "P50", "P90"), rows)
    if missing := len(found.applications) - len(rows):
        out.print(f"no forecast for {missing} of {len(found.applications)} applications (each with its reason: --json)")
    if found.waves:
        rows = [(item.wave, str(item.steps), *_cells(item.span)) for item in found.waves]  # type: ignore[misc]
        print_table("Waves", ("wave", "steps", "P50", "P90"), rows)
    if found.gains:
        rows = [(item.step, f"{item.critical_share:.0%}", f"{item.gain_s:.2f} s") for item in found.gains]
        print_table("What buys most: half the time of one step", ("step", "decides", "median gain"), rows)
    out.print("Detection and declaration come before: they are people's time, and in no forecast.")


def _show_loss(lost: Loss) -> None:
    rows = [(fate.value, str(number)) for fate, number in lost.totals().items()]
    print_table(f"Loss of {lost.site} on {lost.on}", ("fate", "applications"), rows)
    for note in lost.notes:
        console().print(note, soft_wrap=True)
    order = list(Fate)
    shown = sorted(
        (item for item in lost.consequences if item.fate is not Fate.UNTOUCHED),
        key=lambda item: (order.index(item.fate), item.wave or 0, item.tier, item.application),
    )
    cells = [
        (item.application, item.tier, Text(item.fate.value, style=_STYLE[item.fate]), item.wave or "", item.reason)
        for item in shown
    ]
    print_table("Applications it touches", ("application", "tier", "fate", "wave", "because"), cells)


def _cells(span: Span | None) -> tuple[str, str]:
    return (f"{span.p50_s:.1f} s", f"{span.p90_s:.1f} s") if span else ("no forecast", "no forecast")
