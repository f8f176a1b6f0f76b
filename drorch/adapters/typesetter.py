"""PDF by typst. Every character is looked up in the fonts first: none is printed as an empty box without a word."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from drorch.core.errors import Broken

FONT_PACKAGES = ("fontpkg_noto_sans", "fontpkg_noto_sans_arabic", "manimgx_fonts_cjk")
"""Python packages that carry the fonts, SIL Open Font License."""
PREFERRED = ("Noto Sans", "Noto Sans Arabic", "Noto Sans CJK SC", "Noto Sans SC", "Noto Sans Hebrew", "DejaVu Sans")
INSTALL = "install the fonts: pip install 'drorch[pdf]', or the packages fonts-noto-core and fonts-noto-cjk of Debian"
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn"})


@dataclass(frozen=True, kw_only=True)
class Typeset:
    """A PDF, the font families it uses, and the characters that no font here has (shown by their code)."""

    data: bytes
    families: tuple[str, ...]
    not_printable: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Face:
    """One font in a file (``index`` in a collection)."""

    family: str
    path: str
    index: int


def typeset(template: str, data: Mapping[str, object], made_at: datetime, *, system_fonts: bool = True) -> Typeset:
    """The PDF of ``data`` by ``template``, with ``made_at`` as its date: the same input gives the same bytes.

    Broken without the packages, without any font for plain text, or when typst fails.
    """
    try:
        import typst
    except ImportError:
        raise Broken("PDF needs the package typst", next_step="pip install 'drorch[pdf]'") from None
    fonts = typst.Fonts(
        include_system_fonts=system_fonts, include_embedded_fonts=False, font_paths=list(_package_folders())
    )
    faces = [Face(family=i.family, path=i.path, index=i.index) for i in fonts.fonts() if i.path is not None]
    needed = {char for text in _texts(data) for char in text} | {chr(code) for code in range(33, 127)} | set("/–…")
    visible = {char for char in needed if unicodedata.category(char) not in _INVISIBLE}
    families, missing = families_for(faces, visible)
    if any(char in missing for char in "abcABC0123"):
        raise Broken("no font for plain text is installed", next_step=INSTALL)
    shown = cast(dict[str, object], _replaced(data, missing))
    shown |= {"fonts": list(families), "not_printable": _said(missing)}
    with tempfile.TemporaryDirectory(prefix="drorch-pdf-") as name:
        folder = Path(name)
        (folder / "paper.typ").write_text(template, encoding="utf-8")
        (folder / "page.json").write_text(json.dumps(shown, ensure_ascii=False), encoding="utf-8")
        try:
            made = typst.Compiler(str(folder / "paper.typ"), root=str(folder), font_paths=fonts).compile(
                format="pdf", timestamp=made_at
            )
        except (RuntimeError, ValueError) as error:
            raise Broken(f"typst cannot set it: {error}", next_step="report this as a fault") from error
    return Typeset(data=cast(bytes, made), families=families, not_printable=tuple(sorted(missing)))


def _package_folders() -> Iterator[str]:
    for name in FONT_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            yield str(Path(spec.origin).parent)


def package_faces() -> tuple[Face, ...]:
    """The fonts of the Python packages that are installed; none without typst."""
    try:
        import typst
    except ImportError:
        return ()
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=list(_package_folders())
    ).fonts()
    return tuple(Face(family=i.family, path=i.path, index=i.index) for i in fonts if i.path is not None)


def families_for(faces: Sequence[Face], needed: set[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The families that together have all characters, preferred ones first, and the characters none has."""
    by_family: dict[str, Face] = {}
    for face in faces:
        by_family.setdefault(face.family, face)
    order = [name for name in PREFERRED if name in by_family]
    order += sorted(name for name in by_family if name not in order)
    used: list[str] = []
    # What a font has for private use means something else in each font.
    unknown = {char for char in needed if unicodedata.category(char) in ("Co", "Cn", "Cs")}
    left = needed - unknown
    for name in order:
        # The first family carries the plain text whatever it has; the others only what is still missing.
        if not left and used:
            break
        covered = left & characters_of(by_family[name])
        if covered:
            used.append(name)
            left -= covered
    return tuple(used), frozenset(left | unknown)


def characters_of(face: Face) -> frozenset[str]:
    """What a font has a glyph for; nothing when it cannot be read: then another is taken."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
            return frozenset(map(chr, font.getBestCmap() or {}))
    except (TTLibError, OSError, KeyError):
        return frozenset()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _replaced(value: object, missing: frozenset[str]) -> object:
    if isinstance(value, str):
        return "".join(f"[U+{ord(char):04X}]" if char in missing else char for char in value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, missing) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, missing) for item in value]
    return value


def _said(missing: frozenset[str]) -> list[str]:
    if not missing:
        return []
    codes = ", ".join(f"U+{ord(char):04X}" for char in sorted(missing)[:12]) + (" ..." if len(missing) > 12 else "")
    return [f"No font on the machine that made this paper has these characters; they are shown by code: {codes}."]
