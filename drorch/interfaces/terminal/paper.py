"""Write a paper as HTML and as PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from drorch.app import composition
from drorch.core.files import write_whole, write_whole_bytes
from drorch.report.page import Page
from drorch.report.paper import page_as_data, page_as_html, pdf_template


def write_paper(page: Page, *, html: Path | None, pdf: Path | None, made_at: str) -> None:
    """The forms asked for. ``made_at``: ISO 8601, the date inside the PDF; what no font can print is said."""
    if html is not None:
        text = page_as_html(page)
        write_whole(html, page_as_html(page, composition.font_faces(text)))
        typer.echo(f"written: {html}", err=True)
    if pdf is not None:
        made = composition.typeset(pdf_template(), page_as_data(page), datetime.fromisoformat(made_at))
        write_whole_bytes(pdf, made.data)
        typer.echo(f"written: {pdf}", err=True)
        if made.not_printable:
            codes = ", ".join(f"U+{ord(char):04X}" for char in made.not_printable)
            typer.echo(f"drorch: no font here has {codes}; the paper shows their codes and says so", err=True)
