"""The one converter: frozen values as plain JSON data and back, by their annotations alone. Pure.

Reading is strict: nothing is coerced, an unknown field is an error, and every wrong field is named at once. A field
that has a default may be missing. What stands under ``object`` is any JSON data, frozen when it is read. Unions of
records are told apart by the field that is a ``Literal`` in each of them. A field may say how it is written:
``field(metadata=MICROSECONDS)``. How each type is converted: `drorch.core.conversion`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, cast, get_args

from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

MICROSECONDS: Final[Mapping[str, str]] = MappingProxyType({"codec": "microseconds"})
"""A time in seconds, or an instant, that is written to the microsecond (an instant with them always, as ``+00:00``)."""
LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType({"codec": "left out"})
"""Not written while it has its default value."""
LOCAL: Final[Mapping[str, str]] = MappingProxyType({"codec": "local"})
"""A wall time at a place whose time zone stands elsewhere; any other time has to have its zone."""
UNWRITTEN: Final[Mapping[str, str]] = MappingProxyType({"codec": "unwritten"})
"""Never written, and unknown when it is read: known to this process only."""


def plain(value: Any) -> Any:
    """The value as what ``json.dumps`` takes, fields in the order of their declaration."""
    return _writer(value.__class__)(value)


def read(kind: type[T], data: object, *, where: str | None, next_step: str | None) -> T:
    """Inverse of :func:`plain` for a value of type ``kind``. InputInvalid names each field that is wrong."""
    try:
        return _converter(detailed=False).structure(data, kind)
    except Exception:  # whatever it was: the slower converter finds everything that is wrong, and where
        pass
    try:
        return _converter(detailed=True).structure(data, kind)
    except Exception as error:
        from drorch.core.conversion import complaints

        raise InputInvalid("; ".join(complaints(error)), where=where, next_step=next_step) from None


def reader(kind: type[T]) -> Callable[[Any], T]:
    """What :func:`read` tries first, for many values of one kind; raises anything when ``data`` is none."""
    hook = _converter(detailed=False).get_structure_hook(kind)
    return lambda data: cast(T, hook(data, kind))


def to_text(value: object, indent: int | None = None) -> str:
    """The text of a file: canonical JSON in one line, or readable with an indent, with its line end."""
    if indent is None:
        return canonical_json(plain(value)) + "\n"
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def from_text(kind: type[T], text: str | bytes, *, where: str, next_step: str | None) -> T:
    """Inverse of :func:`to_text`, and of any other JSON form of the value. InputInvalid with the line or the fields."""
    return read(kind, parsed(text, where=where, next_step=next_step), where=where, next_step=next_step)


def parsed(text: str | bytes, *, where: str, next_step: str | None) -> Any:
    """JSON data of a text that people may have touched: no field twice, no number that JSON does not have."""
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(decoded, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except json.JSONDecodeError as error:
        # A text of one line is itself a line of something; its place says which.
        place, what = (
            f"{where}:{error.lineno}" if "\n" in decoded else where,
            f"not JSON: {error.msg} (column {error.colno})",
        )
    except UnicodeDecodeError as error:
        place, what = where, f"not UTF-8 at byte {error.start}"
    except RecursionError:
        place, what = where, "nested too deeply"
    except ValueError as error:
        place, what = where, str(error)
    raise InputInvalid(what, where=place, next_step=next_step)


def kebab(kind: type) -> str:
    """The word for a class in JSON: ``step-started`` for ``StepStarted``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def kinds(union: Any) -> Mapping[str, type[Any]]:
    """The members of a union by their words, for bodies whose kind stands beside them."""
    return MappingProxyType({kebab(member): member for member in get_args(union)})


@cache
def _converter(*, detailed: bool) -> Converter:
    from drorch.core.conversion import make_converter  # not before it is needed: a command has to start at once

    return make_converter(detailed=detailed)


@cache
def _writer(kind: Any) -> Callable[[Any], Any]:
    return _converter(detailed=False).get_unstructure_hook(kind)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number that JSON has")


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"field {twin!r} is there {keys.count(twin)} times")
    return found
