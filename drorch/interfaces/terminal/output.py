"""What every command shares: tables for people, JSON for machines, errors on stderr with their exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drorch.core.findings import Finding, Severity

SEVERITY_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def console(*, stderr: bool = False) -> Console:
    """A console that does not guess colours into pipes and does not cut tables in logs."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


def print_json(value: object) -> None:
    """One JSON document on stdout, keys in their own order, readable."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table people can read. Cells are data: never interpreted as markup. A `Text` cell keeps its style."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    console().print(table)


def print_findings(findings: Iterable[Finding]) -> None:
    """Findings, one a line with place and next step, the gravest first."""
    out = console()
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    for finding in sorted(findings, key=lambda item: order[item.severity]):
        line = Text()
        line.append(f"{finding.severity.value:<8}", style=SEVERITY_STYLE[finding.severity])
        line.append(f"{finding.where or '-'}  ", style="cyan")
        line.append(finding.message)
        out.print(line, soft_wrap=True)
        if finding.next_step:
            out.print(Text(f"         next: {finding.next_step}", style="dim"), soft_wrap=True)


def print_error(error: BaseException) -> None:
    """An error for people on stderr: what, where, what to do next. Never a traceback."""
    console(stderr=True).print(Text(f"drorch: {error}", style="red"), soft_wrap=True)
