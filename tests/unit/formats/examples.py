"""An example of any frozen value, made from its annotations: the same each time, every field with its own content."""

from __future__ import annotations

import types
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from drorch.core.codec import LOCAL

FACTS = MappingProxyType(
    {
        "lag_s": 0.25,
        "hosts": ("db-nyc", "db-piscataway"),
        "deep": MappingProxyType({'na\u00efve \u2028 "text"': None, "list": ((1, 2), ()), "flag": True}),
    }
)
"""What stands under ``Mapping[str, object]``: nested, frozen, with characters that need care."""
_BEGAN = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


def filled(kind: Any, **given: object) -> Any:
    """A value of the dataclass with something in every field."""
    return _made(kind, given, everything=True)


def bare(kind: Any, **given: object) -> Any:
    """A value of the dataclass with its obligatory fields only; what may be None is None."""
    return _made(kind, given, everything=False)


def _made(kind: Any, given: Mapping[str, object], *, everything: bool) -> Any:
    origin = get_origin(kind) or kind
    hints = get_type_hints(origin)
    holes = dict(zip(getattr(origin, "__parameters__", ()), get_args(kind), strict=False))
    wanted = [
        item.name
        for item in fields(origin)
        if item.init and item.name not in given and (everything or _obligatory(item))
    ]
    values: dict[str, Any] = {}
    for name in wanted:
        hint = holes.get(hints[name], hints[name])
        # A record may hold records of its own kind (StoppedStep): those below it are left out.
        values[name] = _value(hint, name, everything=everything and origin not in get_args(hint))
        if origin.__dataclass_fields__[name].metadata == LOCAL:
            values[name] = values[name].replace(tzinfo=None)
    return origin(**{**values, **given})


def _obligatory(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _value(kind: Any, name: str, *, everything: bool) -> object:
    origin, options = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        if NoneType in options:
            inner = [option for option in options if option is not NoneType]
            return _value(inner[0], name, everything=everything) if everything else None
        return _value(options[0], name, everything=everything)
    if origin is Literal:
        return options[0]
    if origin in (tuple, frozenset):
        return _several(origin, options, name, everything=everything)
    if origin is Mapping:
        return _mapping(options, name, everything=everything)
    if is_dataclass(origin or kind):
        return _made(kind, {}, everything=everything)
    return _scalar(kind, name)


def _several(origin: Any, options: tuple[Any, ...], name: str, *, everything: bool) -> object:
    if not everything and origin is frozenset:
        return frozenset()
    if origin is tuple and options[-1] is not Ellipsis:
        return tuple(_value(option, f"{name}-{at}", everything=everything) for at, option in enumerate(options))
    many = 2 if everything else 0
    return origin(_value(options[0], f"{name}-{at}", everything=everything) for at in range(many))


def _mapping(options: tuple[Any, ...], name: str, *, everything: bool) -> object:
    if not everything:
        return MappingProxyType({})
    if options[1] is object:
        return FACTS
    keys = [f"{name}-{at}" for at in range(2)] if options[0] is str else list(options[0])[:2]
    return MappingProxyType({key: _value(options[1], f"{name} of {key}", everything=True) for key in keys})


def _scalar(kind: Any, name: str) -> object:
    kind = getattr(kind, "__supertype__", kind)
    number = zlib.crc32(name.encode()) % 9973
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = list(kind)
        return members[number % len(members)]
    made: dict[Any, object] = {
        bool: number % 2 == 0,
        int: number,
        float: number / 8 + 0.1234567,
        str: f"{name} \u00fc",
        object: f"any {name}",
        Path: Path("/somewhere") / name,
        datetime: _BEGAN + timedelta(minutes=number),
        date: (_BEGAN + timedelta(days=number)).date(),
    }
    return made[kind]
