"""Languages of the console: gettext catalogs read from their ``.po`` files when first needed; no build step.

English is the source. A text that a catalog does not hold falls back to English, never to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from babel import Locale
from babel.core import UnknownLocaleError
from babel.messages.pofile import read_po
from babel.plural import to_python

LOCALE_FOLDER = Path(__file__).parent / "locale"
DOMAIN = "console"
SOURCE = "en"


@dataclass(frozen=True, kw_only=True)
class Language:
    """One language people may choose. ``name`` in its own words; ``complete``: every text of the console is in it."""

    code: str
    name: str
    direction: str = "ltr"
    complete: bool = False


LANGUAGES = (
    Language(code="ar", name="العربية", direction="rtl"),
    Language(code="zh", name="中文", complete=True),
    Language(code="en", name="English", complete=True),
    Language(code="fr", name="Français", complete=True),
    Language(code="ru", name="Русский"),
    Language(code="es", name="Español"),
)
"""The six official languages, in the order of their English names."""
_BY_CODE: Mapping[str, Language] = MappingProxyType({language.code: language for language in LANGUAGES})


def language_of(code: str) -> Language | None:
    """The language with this code; ``fr-CA`` is French. None when the console does not speak it."""
    return _BY_CODE.get(code.strip().lower().replace("_", "-").partition("-")[0])


def negotiate(chosen: str | None, accept: str) -> Language:
    """``chosen`` (the switch) when it is a language of ours, else the best of ``Accept-Language``, else English."""
    if chosen and (language := language_of(chosen)) is not None:
        return language
    for _, code in sorted(_weighted(accept), reverse=True):
        if (language := language_of(code)) is not None:
            return language
    return _BY_CODE[SOURCE]


def _weighted(accept: str) -> list[tuple[tuple[float, int], str]]:
    """Weight and place of each named language; what is not readable is passed over."""
    found: list[tuple[tuple[float, int], str]] = []
    for place, part in enumerate(accept[:1000].split(",")):
        code, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        if 0 < quality <= 1:
            found.append(((quality, -place), code))
    return found


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts of one language."""

    language: Language
    singles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    plurals: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def gettext(self, text: str) -> str:
        """The text in this language, or as it is."""
        return self.singles.get(text) or text

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form for ``number``."""
        forms = self.plurals.get((one, many))
        if forms is None:
            return one if number == 1 else many
        return forms[min(_form(self.language.code, number), len(forms) - 1)] or (one if number == 1 else many)


_FORMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"ar": ("zero", "one", "two", "few", "many", "other"), "ru": ("one", "few", "many"), "zh": ("other",)}
)
"""Plural categories in the order of the catalog's forms; elsewhere one and other."""


@cache
def _rule(code: str) -> object:
    try:
        return to_python(Locale.parse(code).plural_form)
    except (UnknownLocaleError, ValueError):
        return to_python({"one": "n is 1"})


def _form(code: str, number: int) -> int:
    category = _rule(code)(number)  # type: ignore[operator]
    forms = _FORMS.get(code, ("one", "other"))
    return forms.index(category) if category in forms else len(forms) - 1


@cache
def texts_of(code: str) -> Texts:
    """The catalog of a language, read once. A language without a catalog file speaks English."""
    language = _BY_CODE.get(code, _BY_CODE[SOURCE])
    file = LOCALE_FOLDER / language.code / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not file.exists():
        return Texts(language=language)
    with file.open("rb") as stream:
        catalog = read_po(stream, locale=language.code, domain=DOMAIN)
    singles: dict[str, str] = {}
    plurals: dict[tuple[str, str], tuple[str, ...]] = {}
    for message in catalog:
        if not message.id or message.fuzzy:
            continue
        if isinstance(message.id, str):
            singles[message.id] = str(message.string)
        else:
            one, many = message.id[:2]
            forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
            plurals[one, many] = tuple(str(form) for form in forms)
    return Texts(language=language, singles=MappingProxyType(singles), plurals=MappingProxyType(plurals))
