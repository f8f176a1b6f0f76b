"""A sentence with places for values: its English text is the key of the catalogs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Say:
    """``text`` with ``%(name)s`` for each of ``values``; numbers choose no plural form here."""

    text: str
    values: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def say(text: str, **values: object) -> Say:
    """Short for `Say`."""
    return Say(text=text, values=MappingProxyType(values))
