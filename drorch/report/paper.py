"""A paper as one self-contained HTML page, and as the data that the PDF template reads."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from drorch.core.codec import plain
from drorch.report.page import Page


def page_as_html(page: Page, font_faces: str = "") -> str:
    """The page: no script, nothing fetched, everything escaped. ``font_faces``: CSS of fonts inside the page, ours."""
    return _environment().get_template("paper.html.j2").render(page=page, font_faces=Markup(font_faces))


def page_as_data(page: Page) -> dict[str, object]:
    """The page as plain data for ``paper.typ``."""
    return cast(dict[str, object], plain(page))


def pdf_template() -> str:
    """The text of the PDF template."""
    return (files("drorch.report") / "templates" / "paper.typ").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    loader = PackageLoader("drorch.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    styles = (loader.get_source(environment, name)[0] for name in ("report.css", "paper.css"))
    environment.globals["style"] = Markup("\n".join(styles))
    return environment
