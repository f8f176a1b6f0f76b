"""``drorch report``: the record of a run for people and for machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from drorch.app.settings import home
from drorch.core.errors import Broken, InputInvalid
from drorch.evidence.record.codec import report_to_text
from drorch.evidence.record.files import load_report
from drorch.interfaces.terminal import evidence
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text

app = typer.Typer(no_args_is_help=True)
app.command()(evidence.export)
app.command()(evidence.verify)


@app.callback()
def root() -> None:
    """The record of a run: show, write as HTML, text or JSON; export it as sealed evidence, and verify that."""


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Run id, as 'drorch run list' shows it.")],
    json: Annotated[bool, typer.Option("--json", help="The record itself, as JSON on standard output.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the page to FILE.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Plain text on standard output (the default).")] = False,
) -> None:
    """Show the record of a run. With --html the page is written, and printed only if another form is asked for."""
    if json and text:
        raise InputInvalid("--json and --text exclude each other", next_step="give one of them")
    report = load_report(home(), run)
    if html is not None:
        _write(html, report_as_html(report))
    if json:
        sys.stdout.write(report_to_text(report))
    elif text or html is None:
        sys.stdout.write(report_as_text(report))


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise Broken(
            f"the page cannot be written: {error.strerror}",
            where=str(path),
            next_step="name a file in an existing folder that can be written",
        ) from error
    sys.stderr.write(f"written: {path}\n")
