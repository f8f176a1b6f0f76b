"""Runs as text, from their JSON: the same words whether they come from the state folder or from a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import typer

from drorch.core.ids import short
from drorch.interfaces.terminal.output import console, print_table

Data = Mapping[str, Any]


def print_runs(rows: Iterable[Data]) -> None:
    """One line per run, and on the error output one per run that cannot be read."""
    rows = list(rows)
    columns = ("run", "kind", "plan", "operator", "outcome", "steps done", "failed")
    print_table("runs", columns, (_run(row) for row in rows))
    for row in rows:
        if row["problem"] is not None:
            typer.echo(f"run {row['run']} cannot be read: {row['problem']}", err=True)


def _run(row: Data) -> tuple[object, ...]:
    unread = row["problem"] is not None
    done, failed = ("?", "?") if unread else (f"{row['done']}/{row['steps']}", row["failed"])
    return row["run"], row["kind"], short(row["plan_id"]), row["operator"], row["outcome"], done, failed


def print_steps(run: str, rows: Iterable[Data]) -> None:
    """One line per step."""
    print_table(f"run {run}", ("step", "state", "try", "seconds", "why"), (_step(row) for row in rows))


def _step(row: Data) -> tuple[object, ...]:
    seconds, blocked = row["seconds"], row["blocked_by"]
    why = row["reason"] or (f"blocked by {', '.join(blocked)}" if blocked else "")
    return row["step"], row["state"], row["attempt"] or "", "" if seconds is None else f"{seconds:.1f}", why


def print_standing(stands: Data) -> None:
    """What is under way and what waits for whom (`orchestration.run_status.standing_to_json`)."""
    outcome = stands["outcome"] or ("under way" if stands["driven"] else "not driven")
    lines = [
        f"run {stands['run']}  {stands['kind']}  {outcome}  {stands['done']}/{stands['steps']} steps  "
        f"{_wall(stands['at']):%Y-%m-%d %H:%M:%S} UTC"
    ]
    for item in stands["under_way"]:
        slow = f": {item['slow']['text']}" if item["slow"] else ""
        lines.append(f"  {item['what']} {item['step']} for {item['seconds']:.0f} s{slow}")
    for need in stands["waits_for"]:
        step = f": {need['step']}" if need["step"] else ""
        since = f"{_wall(need['since']):%H:%M:%S} UTC ({need['seconds']:.0f} s)"
        lines.append(f"  waits for {need['who']}, since {since}{step}: {need['what']}")
        lines.append(f"    next: {need['next_step']}")
    if stands["requests"]:
        lines.append(f"  requests not yet taken by a driver: {stands['requests']}")
    lines.append(f"  people {stands['people_s']:.1f} s, machines {stands['machine_s']:.1f} s")
    for line in lines:
        console().print(line, soft_wrap=True)


def print_asked(run: str, what: str, *, driven: bool, attached: bool = False) -> None:
    """What was asked for, and who takes it up."""
    typer.echo(f"{what}: run {run}")
    if driven:
        typer.echo("  the driver of the run takes it up now; see 'drorch run watch'")
    elif not attached:
        typer.echo(f"  no driver is at the run: continue with drorch run attach {run}")


def _wall(instant: Data) -> datetime:
    return datetime.fromisoformat(instant["wall"])
