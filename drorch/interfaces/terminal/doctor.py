"""``drorch doctor``: would a run work from here, tonight?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from drorch.app import composition
from drorch.app.doctor import Check, Health
from drorch.core.codec import plain
from drorch.core.errors import ExitCode
from drorch.interfaces.terminal.output import console, print_json

STYLE = {Health.GOOD: "green", Health.WARNING: "yellow", Health.BAD: "bold red", Health.UNKNOWN: "magenta"}


def doctor(
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
    estate: Annotated[
        Path | None, typer.Option("--estate", help="Where things answer. Default: the running lab's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Look at everything a run needs; nothing is changed.

    Exit codes: 0 nothing is bad (warnings may be), 1 something is bad or cannot be looked at.
    """
    checks = list(_told(composition.examine(catalog, estate), quiet=as_json))
    if as_json:
        print_json(plain(checks))
    else:
        console().print(_table(checks))
    if any(check.health in (Health.BAD, Health.UNKNOWN) for check in checks):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _told(checks: Iterable[Check], *, quiet: bool) -> Iterable[Check]:
    """The checks; on a terminal with what is being looked at, since a silent name server takes its time."""
    out = console(stderr=True)
    if quiet or not out.is_terminal:
        yield from checks
        return
    with out.status("looking"):
        yield from checks


def _table(checks: list[Check]) -> Table:
    bad = sum(check.health in (Health.BAD, Health.UNKNOWN) for check in checks)
    title = f"{bad} of {len(checks)} need attention" if bad else f"{len(checks)} looked at, nothing is bad"
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in ("what", "state", "seen"):
        table.add_column(column, overflow="fold")
    for check in checks:
        seen = Text(check.said)
        if check.next_step:
            seen.append(f"\nnext: {check.next_step}", style="dim")
        table.add_row(Text(check.name), Text(check.health.value, style=STYLE[check.health]), seen)
    return table
