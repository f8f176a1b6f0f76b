"""Cells of a CSV file to values of the catalog. What is not understood raises ValueError with the reason; no guessing.

Where a cell says the same in other words (``Tier 1``, ``Citrix``, ``4 hours``) the value is read and the reading is
reported, see ``Read.remark``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drorch.catalog.durations import parse_duration, show_duration
from drorch.catalog.schema import as_date, printable
from drorch.core.ids import is_slug

UNKNOWN = frozenset({"", "-", "?", "n/a", "na", "none", "unknown", "tbd", "null"})
"""What people write when they do not know: treated as not given."""

_ARRANGEMENTS: Mapping[str, str] = MappingProxyType(
    {
        "standby": "standby",
        "replicated": "standby",
        "mirror": "mirror",
        "mirrored": "mirror",
        "unlb": "mirror",
        "remote-access": "remote-access",
        "remote access": "remote-access",
        "citrix": "remote-access",
        "mobile office": "remote-access",
    }
)
_SCOPES: Mapping[str, str] = MappingProxyType(
    {"enterprise": "enterprise", "departmental": "departmental", "department": "departmental"}
)
_FROM: Mapping[str, str] = MappingProxyType({"disruption": "disruption", "declaration": "declaration"})
_IN_WORDS = re.compile(r"(\d{1,6})\s*(s|sec|second|m|min|minute|h|hr|hour|d|day)s?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Read:
    """A value as it goes into the YAML file; ``remark`` is set when it was read from other words."""

    value: object
    remark: str | None = None


Reader = Callable[[str], Read]


def slug_of(text: str) -> str:
    """An id made from a name: ``Umoja (SAP)`` gives ``umoja-sap``; empty when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")


def line(text: str, longest: int = 200) -> Read:
    """One line of text; line breaks inside become blanks, with a remark."""
    flat = printable(" ".join(text.split()))
    if len(flat) > longest:
        raise ValueError(f"longer than {longest} characters")
    return Read(value=flat, remark="line breaks were replaced by blanks" if "\n" in text.strip() else None)


def description(text: str) -> Read:
    """A longer text, still one line."""
    return line(text, 2000)


def identity(text: str) -> Read:
    """An id; other text becomes one, with a remark."""
    if is_slug(text):
        return Read(value=text)
    made = slug_of(text)
    if not made:
        raise ValueError("no id can be made of it; use lower-case letters, digits and hyphens")
    return Read(value=made, remark=f"the id {made!r} was made from it")


def identities(text: str) -> Read:
    """Several ids, parted by semicolons or commas."""
    found = [identity(part.strip()) for part in re.split(r"[;,|]", text) if part.strip()]
    remarks = [item.remark for item in found if item.remark]
    return Read(value=[item.value for item in found], remark="; ".join(remarks) or None)


def tier(text: str) -> Read:
    """1 to 4, also as ``Tier 1``."""
    match = re.fullmatch(r"(tier\s*)?([1-4])", text.strip(), re.IGNORECASE)
    if not match:
        raise ValueError("a tier is 1, 2, 3 or 4")
    return Read(value=int(match[2]), remark=f"read as {match[2]}" if match[1] else None)


def date_text(text: str) -> Read:
    """An ISO date. Other forms are ambiguous (day or month first) and refused."""
    as_date(text)
    return Read(value=text)


def duration(unit: str | None = None) -> Reader:
    """``4h``, ``4 hours``; a bare number only when the column's name gives the unit (d, h, m or s)."""

    def read(text: str) -> Read:
        if re.fullmatch(r"\d{1,6}", text):
            if unit is None:
                raise ValueError("a number without a unit; write 4h, or name the column rto_hours")
            return Read(value=f"{text}{unit}", remark=f"read as {text}{unit}")
        match = _IN_WORDS.fullmatch(text)
        if match:
            written = f"{match[1]}{match[2][0].lower()}"
            return Read(value=written, remark=None if written == text else f"read as {written}")
        return Read(value=show_duration(parse_duration(text)))

    return read


def arrangement(text: str) -> Read:
    """Standby, mirror or remote-access, also in the words of A/67/266."""
    return _one_of(text, _ARRANGEMENTS)


def scope(text: str) -> Read:
    """Enterprise or departmental."""
    return _one_of(text, _SCOPES)


def rto_from(text: str) -> Read:
    """Disruption or declaration."""
    return _one_of(text, _FROM)


def _one_of(text: str, words: Mapping[str, str]) -> Read:
    value = words.get(text.lower())
    if value is None:
        raise ValueError(f"not one of {', '.join(sorted(set(words.values())))}")
    return Read(value=value, remark=None if value == text else f"read as {value}")
