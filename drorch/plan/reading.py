"""Strict reading of plain JSON data: every complaint names the place, unknown fields are refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from drorch.core.errors import InputInvalid

NEXT_STEP = "build the plan again with `drorch plan build`; a plan file is not meant to be edited"
Choice = TypeVar("Choice", bound=StrEnum)


def invalid(what: str, where: str) -> InputInvalid:
    """The error for a plan file, with the place and the next step."""
    return InputInvalid(what, where=where, next_step=NEXT_STEP)


class Fields:
    """The fields of one JSON object. Each reader method raises InputInvalid naming the place of a wrong value."""

    def __init__(self, data: object, where: str, allowed: frozenset[str]) -> None:
        if not isinstance(data, dict):
            raise invalid(f"expected an object, found {type(data).__name__}", where)
        unknown = sorted(str(key) for key in data if key not in allowed)
        if unknown:
            raise invalid(f"unknown field {unknown[0]!r}", where)
        missing = sorted(allowed - data.keys())
        if missing:
            raise invalid(f"field {missing[0]!r} is missing", where)
        self._data: dict[str, object] = data
        self.where = where

    def place(self, name: str) -> str:
        """Where the field is, for messages."""
        return f"{self.where}.{name}"

    def raw(self, name: str) -> object:
        """The value as it is."""
        return self._data[name]

    def _typed(self, name: str, kind: type, words: str) -> object:
        value = self._data[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise invalid(f"expected {words}, found {type(value).__name__}", self.place(name))
        return value

    def text(self, name: str) -> str:
        """A string."""
        return str(self._typed(name, str, "text"))

    def optional_text(self, name: str) -> str | None:
        """A string or null."""
        return None if self._data[name] is None else self.text(name)

    def flag(self, name: str) -> bool:
        """true or false."""
        return self._typed(name, bool, "true or false") is True

    def whole(self, name: str) -> int:
        """An integer."""
        value = self._typed(name, int, "a whole number")
        assert isinstance(value, int)
        return value

    def seconds(self, name: str) -> float:
        """A finite number of seconds, not negative."""
        value = self._data[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(f"expected a number of seconds, found {type(value).__name__}", self.place(name))
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found) or found < 0:
            raise invalid(f"expected seconds of 0 or more, found {found}", self.place(name))
        return found

    def optional_seconds(self, name: str) -> float | None:
        """As :meth:`seconds`, or null."""
        return None if self._data[name] is None else self.seconds(name)

    def items(self, name: str) -> tuple[object, ...]:
        """A list."""
        value = self._typed(name, list, "a list")
        assert isinstance(value, list)
        return tuple(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        found = self.items(name)
        for number, item in enumerate(found):
            if not isinstance(item, str):
                raise invalid(f"expected text, found {type(item).__name__}", f"{self.place(name)}[{number}]")
        return tuple(str(item) for item in found)

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        """One of the words of an enumeration."""
        word = self.text(name)
        try:
            return kind(word)
        except ValueError:
            raise invalid(f"{word!r} is none of {', '.join(kind)}", self.place(name)) from None

    def variables(self, name: str) -> Mapping[str, object]:
        """An object of plain JSON data, frozen."""
        value = self._typed(name, dict, "an object")
        assert isinstance(value, dict)
        return MappingProxyType({key: frozen(item) for key, item in value.items()})


_PLAIN = frozenset({str, int, float, bool, type(None)})


def frozen(value: object) -> object:
    """JSON data that nobody can change: lists become tuples, objects read-only mappings."""
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): frozen(item) for key, item in value.items()})
    return value


def plain(value: object) -> object:
    """Inverse of :func:`frozen`: what ``json.dumps`` takes."""
    if type(value) in _PLAIN:  # nearly everything is: asking an abstract class about each would take most of the time
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value
