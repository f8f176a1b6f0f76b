"""JSON data that nobody can change."""

from __future__ import annotations

from types import MappingProxyType, NoneType
from typing import Final

SIMPLE: Final = frozenset({str, int, float, bool, NoneType})


def frozen(value: object) -> object:
    """JSON data that nobody can change: lists become tuples, objects read-only mappings."""
    if type(value) in SIMPLE:  # nearly everything is: asking about classes would take most of the time
        return value
    if isinstance(value, (dict, MappingProxyType)):
        return MappingProxyType(
            {str(key): part if type(part) in SIMPLE else frozen(part) for key, part in value.items()}
        )
    if isinstance(value, (list, tuple)):
        return tuple([part if type(part) in SIMPLE else frozen(part) for part in value])
    return value
