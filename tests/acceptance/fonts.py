"""Fonts that a test brings itself: a browser that is given them sees none of the machine's.

Fonts differ in width, not only in shape: DejaVu Sans runs a tenth wider than Noto Sans, Arial Narrow a fifth narrower.
Both kinds are made of Noto Sans (a Python package of the ``pdf`` part) by stretching what each letter advances.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTFont

FAMILIES = ("fontpkg_noto_sans", "fontpkg_noto_sans_arabic")
WIDTHS: Mapping[str, float] = {"narrow": 0.8, "wide": 1.2}
"""How far a letter advances, as a part of what it does in Noto Sans."""


def make_fonts(folder: Path, width: str) -> dict[str, str]:
    """Write the fonts of this width; the environment in which a browser finds these and no others."""
    folder.mkdir()
    for package in FAMILIES:
        spec = find_spec(package)
        assert spec is not None, package
        assert spec.origin is not None, package
        for source in sorted((Path(spec.origin).parent / "files").rglob("*.ttf")):
            _stretch(source, folder / source.name, WIDTHS[width])
    (folder / "fonts.conf").write_text(
        f"<fontconfig><dir>{folder}</dir><cachedir>{folder / 'cache'}</cachedir></fontconfig>\n", encoding="utf-8"
    )
    return {"FONTCONFIG_FILE": str(folder / "fonts.conf")}


def _stretch(source: Path, target: Path, factor: float) -> None:
    with TTFont(source, lazy=True) as font:
        metrics = font["hmtx"].metrics
        for glyph, (advance, bearing) in metrics.items():
            metrics[glyph] = (round(advance * factor), bearing)
        font["hhea"].advanceWidthMax = round(font["hhea"].advanceWidthMax * factor)
        del font["HVAR"]  # says once more what each letter advances
        font.save(target)
