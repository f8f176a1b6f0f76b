"""Characters that a reader's machine may lack, as fonts inside the page: small subsets, nothing fetched."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from drorch.adapters.typesetter import Face, characters_of, families_for, package_faces

COMMON = 0x0250
"""Below this (Latin with its accents) every reader's own fonts have the characters."""
_PUNCTUATION = range(0x2000, 0x2400)


def font_faces(text: str) -> str:
    """CSS with one subset font for each family that ``text`` needs; empty when it needs none, or none is installed.

    The fonts come last in the list: they are used where the reader's own have no glyph.
    """
    needed = {char for char in text if ord(char) >= COMMON and ord(char) not in _PUNCTUATION}
    faces = {face.family: face for face in package_faces()}
    if not needed or not faces:
        return ""
    names, _ = families_for(tuple(faces.values()), needed)
    rules, families = [], []
    left = set(needed)
    for number, name in enumerate(names, start=1):
        mine = left & characters_of(faces[name])
        left -= mine
        data = base64.b64encode(_subset(faces[name], mine)).decode()
        source = f'url("data:font/woff;base64,{data}") format("woff")'
        rules.append(f'@font-face {{ font-family: "paper-{number}"; font-weight: 100 900; src: {source}; }}')
        families.append(f'"paper-{number}"')
    return "\n".join([*rules, f"body {{ font-family: {OWN}, {', '.join(families)}, sans-serif; }}"])


OWN = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", Arial'


def _subset(face: Face, wanted: Sequence[str] | set[str]) -> bytes:
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    options = Options(layout_features=["*"], notdef_outline=True, hinting=False, recalc_timestamp=False)
    subsetter = Subsetter(options=options)
    subsetter.populate(unicodes=[ord(char) for char in wanted])
    out = io.BytesIO()
    with TTFont(face.path, fontNumber=face.index, recalcTimestamp=False) as font:
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(out)
    return out.getvalue()
