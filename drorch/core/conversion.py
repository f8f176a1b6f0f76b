"""How each type of a frozen value is converted: the hooks of `drorch.core.codec` into cattrs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from cattrs import Converter, ForbiddenExtraKeysError, transform_error
from cattrs.cols import homogenous_tuple_structure_factory, mapping_structure_factory, mapping_unstructure_factory
from cattrs.fns import identity
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, make_hetero_tuple_structure_fn, override

from drorch.core.errors import DrorchError
from drorch.core.frozen import SIMPLE, frozen

T = TypeVar("T")
Reading = Callable[[Any, Any], Any]
Writing = Callable[[Any], Any]

_WORDS: Final[Mapping[type, str]] = MappingProxyType({str: "text", int: "a whole number", bool: "true or false"})


def make_converter(*, detailed: bool) -> Converter:
    """The fast one, or the one that goes on after an error and knows where each was."""
    made = Converter(forbid_extra_keys=True, detailed_validation=detailed)
    for kind in (str, int, bool):
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(float, _number)
    made.register_structure_hook(StrEnum, _member)
    made.register_structure_hook(date, _day)
    made.register_structure_hook(datetime, _instant)
    made.register_structure_hook(Path, lambda value, _: Path(_text(value)))
    made.register_structure_hook_func(lambda kind: kind is object, lambda value, _: frozen(value))
    made.register_structure_hook_func(_is(Literal), _word)
    made.register_structure_hook_factory(_is(tuple), lambda kind: _from_list(kind, made))
    made.register_structure_hook_factory(_is(frozenset), lambda kind: _from_list(kind, made))
    made.register_structure_hook_factory(_is(Mapping), lambda kind: _from_object(kind, made))
    made.register_structure_hook_factory(_is_record, lambda kind: _record(kind, made))
    made.register_structure_hook_factory(lambda kind: bool(_tag_of(kind)), lambda kind: _tagged(kind, made))
    made.register_unstructure_hook(float, float)
    made.register_unstructure_hook(StrEnum, lambda value: value.value)
    made.register_unstructure_hook(date, date.isoformat)
    made.register_unstructure_hook(datetime, _stamp)
    thawed = _thaw(made)
    made.register_unstructure_hook(MappingProxyType, thawed)
    made.register_unstructure_hook_func(lambda kind: kind is object, thawed)
    made.register_unstructure_hook_factory(_is(tuple), lambda kind: _to_list(kind, made))
    made.register_unstructure_hook_func(
        _is(frozenset), lambda values: sorted(made.unstructure(value) for value in values)
    )
    made.register_unstructure_hook_factory(_is(Mapping), lambda kind: mapping_unstructure_factory(kind, made, dict))
    made.register_unstructure_hook_factory(_is_record, lambda kind: make_dict_unstructure_fn(kind, made, **_how(kind)))
    return made


def _is(wanted: Any) -> Callable[[Any], bool]:
    return lambda kind: (get_origin(kind) or kind) is wanted


def _is_record(kind: Any) -> bool:
    return is_dataclass(get_origin(kind) or kind)


def _how(kind: Any) -> dict[str, Any]:
    """What the fields of a record say about how they are written."""
    ways = {
        "microseconds": override(unstruct_hook=_to_the_microsecond),
        "local": override(unstruct_hook=datetime.isoformat, struct_hook=_local_time),
        "left out": override(omit_if_default=True),
        "unwritten": override(omit=True),
    }
    return {
        item.name: ways[item.metadata["codec"]] for item in fields(get_origin(kind) or kind) if "codec" in item.metadata
    }


# ---- writing


def _to_the_microsecond(value: Any) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return None if value is None else round(value, 6)


def _stamp(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a time without a time zone is never written")
    return value.isoformat().replace("+00:00", "Z")


def _to_list(kind: Any, made: Converter) -> Writing:
    part = (get_args(kind) or (None,))[0]
    if part is None or get_args(kind)[1:] != (...,):
        return lambda values: [made.unstructure(value) for value in values]
    try:
        write = made.get_unstructure_hook(part)
    except RecursionError:  # a record that holds records of its own kind
        write = made.unstructure
    return list if write is identity else lambda values: [write(value) for value in values]


def _thaw(made: Converter) -> Writing:
    def thawed(value: object) -> object:
        if type(value) in SIMPLE:
            return value
        if isinstance(value, (list, tuple)):
            return [part if type(part) in SIMPLE else thawed(part) for part in value]
        if isinstance(value, Mapping):
            return {str(key): part if type(part) in SIMPLE else thawed(part) for key, part in value.items()}
        return made.unstructure(value)

    return thawed


# ---- reading


def _exactly(kind: type[T]) -> Reading:
    def exact(value: object, _: object) -> T:
        if type(value) is not kind:
            raise _wrong(_WORDS[kind], value)
        return value

    return exact


def _text(value: object) -> str:
    if type(value) is not str:
        raise _wrong("text", value)
    return value


def _number(value: object, _: object) -> float:
    if type(value) is not float and type(value) is not int:
        raise _wrong("a number", value)
    return float(value)


def _member(value: object, kind: type[StrEnum]) -> StrEnum:
    if type(value) is str and value in kind._value2member_map_:
        return kind(value)
    raise _wrong("one of " + ", ".join(kind), value)


def _word(value: object, kind: Any) -> object:
    if value not in get_args(kind):
        raise _wrong("one of " + ", ".join(map(str, get_args(kind))), value)
    return value


def _day(value: object, _: object) -> date:
    return date.fromisoformat(_text(value))


def _instant(value: object, _: object) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise _wrong("an instant with its time zone", value)
    return found


def _local_time(value: object, _: object) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is not None:
        raise _wrong("a local time without a time zone", value)
    return found


def _from_list(kind: Any, made: Converter) -> Reading:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is tuple and parts[1:] != (...,):
        inner: Reading = make_hetero_tuple_structure_fn(kind, made)
    else:
        inner = homogenous_tuple_structure_factory(kind, made)

    def several(value: object, kind: Any) -> object:
        if type(value) is not list:
            raise _wrong("a list", value)
        found = inner(value, kind)
        return found if origin is tuple else frozenset(found)

    return several


def _from_object(kind: Any, made: Converter) -> Reading:
    inner: Reading = mapping_structure_factory(kind, made)
    anything = get_args(kind) == (str, object)

    def mapping(value: object, _: object) -> object:
        if type(value) is not dict:
            raise _wrong("an object", value)
        return frozen(value) if anything else MappingProxyType(inner(value, kind))

    return mapping


def _record(kind: Any, made: Converter) -> Reading:
    inner: Reading = make_dict_structure_fn(kind, made, **_how(kind))

    if not made.detailed_validation and any(_obligatory(item) for item in fields(get_origin(kind) or kind)):
        return inner  # which cannot find the field in anything else than an object

    def record(value: object, _: object) -> object:
        if type(value) is not dict:
            raise _wrong("an object", value)
        return inner(value, kind)

    return record


def _obligatory(item: Field[Any]) -> bool:
    return item.init and item.default is MISSING and item.default_factory is MISSING


def _tag_of(union: Any) -> str:
    """The field by which the records of a union are told apart; empty when it is no such union."""
    members = [member for member in get_args(union) if member is not NoneType]
    if get_origin(union) not in (UnionType, Union) or len(members) < 2 or not all(map(is_dataclass, members)):
        return ""
    tags = (
        {name for name, hint in get_type_hints(member).items() if get_origin(hint) is Literal} for member in members
    )
    return min(set.intersection(*tags), default="")


def _tagged(union: Any, made: Converter) -> Reading:
    tag, members = _tag_of(union), [member for member in get_args(union) if member is not NoneType]
    known = {word: member for member in members for word in get_args(get_type_hints(member)[tag])}

    def member_of(value: object, _: object) -> object:
        if value is None and NoneType in get_args(union):
            return None
        if type(value) is not dict:
            raise _wrong("an object", value)
        word = value.get(tag)
        if word not in known:
            raise _wrong(f"{tag} to be one of " + ", ".join(known), word)
        return made.structure(value, known[word])

    return member_of


def _wrong(wanted: str, value: object) -> TypeError:
    shown = "nothing" if value is None else f"{type(value).__name__} {str(value)[:60]!r}"
    return TypeError(f"expected {wanted}, found {shown}")


def complaints(error: BaseException) -> Iterable[str]:
    """What was wrong, and in which field, of an error of the detailed converter."""
    for line in transform_error(error, path="", format_exception=_told):
        told, _, place = line.rpartition(" @ ")
        yield f"{place.removeprefix('.')}: {told}" if place else told


def _told(error: BaseException, _: object) -> str:
    if isinstance(error, KeyError):
        return "the field is missing"
    if isinstance(error, ForbiddenExtraKeysError):
        return "unknown field " + ", ".join(repr(str(name)) for name in sorted(error.extra_fields))
    return error.what if isinstance(error, DrorchError) else str(error)
