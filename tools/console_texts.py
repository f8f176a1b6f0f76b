"""Bring the console's catalogs up to date: every text of templates and views gets its entry; translations stay.

python tools/console_texts.py            write the .po files
python tools/console_texts.py --check    say what is missing; exit code 1 when a complete language misses a text
"""

from __future__ import annotations

import io
import sys

from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_python
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from drorch.interfaces.console.i18n import DOMAIN, LANGUAGES, LOCALE_FOLDER, SOURCE

CONSOLE = LOCALE_FOLDER.parent
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}


def texts() -> Catalog:
    """Every text that people read, with where it stands (file only: line numbers would change with every edit)."""
    found = Catalog(domain=DOMAIN, project="drorch", charset="utf-8", locale="en")
    for path in sorted(CONSOLE.rglob("*")):
        if path.suffix not in {".html", ".py"}:
            continue
        method = babel_extract if path.suffix == ".html" else extract_python
        with path.open("rb") as stream:
            options = {"trimmed": "true", "silent": "false"} if path.suffix == ".html" else {}
            for _, message, _, _ in extract(method, stream, keywords=KEYWORDS, options=options):
                found.add(message, locations=[(str(path.relative_to(CONSOLE)), None)])
    return found


def updated(code: str, template: Catalog) -> Catalog:
    """The language's catalog with exactly the present texts."""
    file = LOCALE_FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    known = Catalog(locale=code, domain=DOMAIN)
    if file.exists():
        with file.open("rb") as stream:
            known = read_po(stream, locale=code, domain=DOMAIN)
    made = Catalog(locale=code, domain=DOMAIN, project="drorch", charset="utf-8", fuzzy=False)
    for message in template:
        if message.id:
            old = known.get(message.id)
            made.add(message.id, old.string if old is not None else "", locations=message.locations)
    return made


def missing(catalog: Catalog) -> list[object]:
    """Texts without a translation."""
    return [
        message.id
        for message in catalog
        if message.id and not all(message.string if isinstance(message.string, tuple | list) else [message.string])
    ]


def main() -> int:
    """Write, or check."""
    template, check, bad = texts(), "--check" in sys.argv, 0
    for language in LANGUAGES:
        if language.code == SOURCE:
            continue
        catalog = updated(language.code, template)
        left = missing(catalog)
        sys.stdout.write(f"{language.code}: {len(template) - len(left)} of {len(template)} texts\n")
        if language.complete:
            bad += len(left)
            for text in left:
                sys.stdout.write(f"  missing: {text}\n")
        if not check:
            file = LOCALE_FOLDER / language.code / "LC_MESSAGES" / f"{DOMAIN}.po"
            file.parent.mkdir(parents=True, exist_ok=True)
            buffer = io.BytesIO()
            write_po(buffer, catalog, width=120, sort_output=True, include_lineno=False, omit_header=False)
            text = buffer.getvalue().decode()
            kept = [
                line
                for line in text.splitlines()
                if not line.startswith(('"POT-Creation', '"PO-Revision', '"Generated'))
            ]
            file.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
