"""Every text that people read is in the catalogs, in every complete language, with the same places for values."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from drorch.app.accounts import Role
from drorch.interfaces.console.i18n import DOMAIN, LANGUAGES, LOCALE_FOLDER, negotiate, texts_of
from tests.console.conftest import Visit
from tests.console.stage import OPEN_RUN

TEMPLATES = sorted((LOCALE_FOLDER.parent / "templates").glob("*.html"))
READ_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "label", "data-label")
SAME_EVERYWHERE = {"drorch", "UTC", "RTO", "RPO", "RTA", "lag", "window", "capacity"}
"""Names: of the tool, of measures, of interlocks."""
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))


def words(text: str) -> set[str]:
    """Words of a text, without entities and lone signs."""
    return set(re.findall(r"[^\W\d_]{2,}", re.sub(r"&\w+;|&#\d+;", " ", text)))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_outside_the_catalogs(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    data = "".join(
        value if kind == "data" else " \x00 " for _, kind, value in Environment().lex(source) if kind in _SHOWN
    )
    shown = set()
    for attribute in READ_ATTRIBUTES:
        for value in re.findall(rf'\b{attribute}="([^"]*)"', data):
            shown |= words(value)
    outside_tags = re.sub(r"<[^>]*>", " ", re.sub(r"<!doctype[^>]*>", "", data))
    shown |= words(outside_tags)
    assert shown - SAME_EVERYWHERE == set()


_SHOWN = {"data", "variable_begin", "block_begin"}


def test_every_text_is_in_every_catalog_and_complete_languages_are_complete() -> None:
    import console_texts

    template = console_texts.texts()
    for language in LANGUAGES:
        if language.code == "en":
            continue
        file = LOCALE_FOLDER / language.code / "LC_MESSAGES" / f"{DOMAIN}.po"
        with file.open("rb") as stream:
            catalog = read_po(stream, locale=language.code, domain=DOMAIN)
        known = {str(message.id) for message in catalog if message.id}
        assert {str(message.id) for message in template if message.id} == known, language.code
        if language.complete:
            assert console_texts.missing(catalog) == [], language.code


def test_translations_keep_the_places_for_values() -> None:
    for language in LANGUAGES:
        texts = texts_of(language.code)
        pairs = [
            *texts.singles.items(),
            *((many, form) for (_, many), forms in texts.plurals.items() for form in forms),
        ]
        for text, translated in pairs:
            if translated:
                assert places(translated) == places(text), (language.code, text)


def places(text: str) -> list[str]:
    """``%(name)s`` of a text; any other per cent sign would break it."""
    assert re.sub(r"%\(\w+\)s", "", text).count("%") == 0, text
    return sorted(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize(
    ("chosen", "accept", "code"),
    [
        (None, "fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        (None, "de, zh-TW;q=0.5, en;q=0.4", "zh"),
        ("es", "fr", "es"),
        ("xx", "fr", "fr"),
        (None, "", "en"),
        (None, "fr;q=0, en", "en"),
        (None, ";;q=x,,fr;q=abc", "en"),
    ],
)
def test_the_switch_comes_before_the_browsers_wish(chosen: str | None, accept: str, code: str) -> None:
    assert negotiate(chosen, accept).code == code


def test_plural_forms_follow_the_language() -> None:
    one, many = "%(num)s application", "%(num)s applications"
    assert texts_of("fr").ngettext(one, many, 0) == "%(num)s application"
    assert texts_of("fr").ngettext(one, many, 2) == "%(num)s applications"
    assert texts_of("en").ngettext(one, many, 0) == "%(num)s applications"
    assert texts_of("zh").ngettext(one, many, 1) == "%(num)s 个应用"


def test_pages_speak_the_language_of_the_browser_and_of_the_switch(visit: Visit) -> None:
    client = visit(Role.OPERATOR, language="fr")
    page = client.get(f"/runs/{OPEN_RUN}").text
    assert '<html lang="fr" dir="ltr">' in page
    assert "Ce qui attend qui" in page
    client.get("/language/zh?to=/")
    assert "何事在等待何人" in client.get("/").text
    client.get("/language/ar?to=/")
    page = client.get("/").text
    assert '<html lang="ar" dir="rtl">' in page
    assert "What waits for whom" in page


def test_the_switch_leads_nowhere_else(visit: Visit) -> None:
    for to in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"):
        answer = visit().get("/language/fr", params={"to": to}, follow_redirects=False)
        assert answer.headers["location"] == "/"
