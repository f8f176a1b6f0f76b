"""Pages: Jinja2 with escaping, one environment per language, texts from the catalogs, nothing inline."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from drorch.core.ids import short
from drorch.interfaces.console.i18n import LANGUAGES, Texts, texts_of
from drorch.interfaces.console.svg import share_bar
from drorch.interfaces.console.views import labels, numbers
from drorch.interfaces.console.views.sentence import Say

STATIC = Path(__file__).parent / "static"


@cache
def environment(code: str) -> Environment:
    """The templates in one language."""
    texts = texts_of(code)
    made = Environment(
        loader=PackageLoader("drorch.interfaces.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # The extension adds this method; it is the documented way to hand it the texts.
    made.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        span=numbers.span,
        clock=numbers.clock_time,
        moment=numbers.day_and_time,
        day=numbers.day,
        objective=numbers.objective,
        short=short,
        said=_said,
        grouped=grouped,
    )
    made.globals.update(
        words=labels,
        language=texts.language,
        languages=LANGUAGES,
        static=static_address,
        draw_share=share_bar,
    )
    return made


def render(template: str, texts: Texts, values: Mapping[str, object]) -> str:
    """The page. Raises what Jinja2 raises when a template and its values do not fit."""
    return environment(texts.language.code).get_template(template).render(**values)


@pass_context
def _said(context: Context, sentence: Say) -> Markup:
    """A sentence with its values, translated; values are escaped by the newstyle gettext of Jinja2."""
    return Markup(context.environment.globals["gettext"](context, sentence.text, **sentence.values))  # type: ignore[operator]


def grouped(content_id: str) -> str:
    """A content hash in groups of four, so that two people can read it to each other."""
    digits = content_id.removeprefix("sha256:")
    return " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))


@cache
def static_address(name: str) -> str:
    """The address of a file under ``static``, with a mark of its content: it may be cached for good."""
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
