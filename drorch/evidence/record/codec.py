"""Report ⇄ JSON, and the published JSON Schema. All three follow the annotations of ``model``: one truth."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType, NoneType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from drorch.core.errors import InputInvalid
from drorch.evidence.record.model import REPORT_SCHEMA, Report

_RESTORE = "the record was edited or damaged: restore it from a copy; the journal still holds the run"
SCHEMA_NAME = f"drorch-report-{REPORT_SCHEMA}"


def report_to_json(report: Report) -> dict[str, object]:
    """The record as plain JSON data, keys in the order of the model."""
    return cast(dict[str, object], _plain(report))


def report_to_text(report: Report) -> str:
    """The record as the bytes of ``report.json``: readable, UTF-8, one trailing newline."""
    return json.dumps(report_to_json(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def report_from_json(data: object, where: str = "report.json") -> Report:
    """Inverse of :func:`report_to_json`. InputInvalid names the field that is missing, unknown or of a wrong type."""
    if isinstance(data, dict) and data.get("schema") != REPORT_SCHEMA:
        raise InputInvalid(
            f"a report of schema {data.get('schema')!r}; this drorch reads schema {REPORT_SCHEMA}",
            where=f"{where} schema",
            next_step="read it with the drorch version that wrote it",
        )
    return cast(Report, _value(data, Report, "", where))


def report_from_text(text: str | bytes, where: str = "report.json") -> Report:
    """A report from the text of its file. InputInvalid with the place when it is not one."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InputInvalid(
            f"not readable as JSON: {error}",
            where=f"{where}:{line}" if line else where,
            next_step=_RESTORE,
        ) from error
    return report_from_json(data, where)


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of the record, as published in ``docs/report.schema.json``."""
    return schema_of(Report, name=SCHEMA_NAME, title="The record of one drorch run")


def plain(value: object) -> object:
    """A frozen value of the record's kind (dataclasses, tuples, words, numbers) as plain JSON data."""
    return _plain(value)


def value_of(data: object, kind: Any, where: str) -> object:
    """Inverse of :func:`plain` for a value of type ``kind``. InputInvalid names the field that is wrong."""
    return _value(data, kind, "", where)


def schema_of(kind: Any, *, name: str, title: str) -> dict[str, object]:
    """JSON Schema (2020-12) of the values of a dataclass."""
    definitions: dict[str, object] = {}
    root = _schema_of(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        "title": title,
        **cast(dict[str, object], root),
        "$defs": dict(sorted(definitions.items())),
    }


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return MappingProxyType(get_type_hints(cls))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def _wrong(place: str, where: str, expected: str, value: object) -> InputInvalid:
    return InputInvalid(
        f"expected {expected}, found {type(value).__name__} {str(value)[:60]!r}",
        where=f"{where} {place or 'the whole'}",
        next_step=_RESTORE,
    )


def _value(data: object, kind: Any, place: str, where: str) -> object:
    origin = get_origin(kind)
    if origin in (types.UnionType, Union):
        return None if data is None else _value(data, _not_none(kind), place, where)
    if origin is tuple:
        if not isinstance(data, list):
            raise _wrong(place, where, "a list", data)
        item_kind = get_args(kind)[0]
        return tuple(_value(item, item_kind, f"{place}[{index}]", where) for index, item in enumerate(data))
    if origin is Mapping:
        if not isinstance(data, dict):
            raise _wrong(place, where, "an object", data)
        return MappingProxyType(data)
    if is_dataclass(kind):
        return _record(data, cast(type, kind), place, where)
    return _scalar(data, kind, place, where)


def _record(data: object, kind: type, place: str, where: str) -> object:
    if not isinstance(data, dict):
        raise _wrong(place, where, "an object", data)
    hints = _hints(kind)
    for name in data:
        if name not in hints:
            raise _wrong(f"{place}.{name}".lstrip("."), where, f"no such field in {kind.__name__}", data[name])
    values: dict[str, object] = {}
    for item in fields(kind):
        here = f"{place}.{item.name}".lstrip(".")
        if item.name in data:
            values[item.name] = _value(data[item.name], hints[item.name], here, where)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise InputInvalid(f"the field is missing in {kind.__name__}", where=f"{where} {here}", next_step=_RESTORE)
    return kind(**values)


def _scalar(data: object, kind: Any, place: str, where: str) -> object:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if isinstance(data, str) and data in set(kind):
            return kind(data)
        raise _wrong(place, where, "one of " + ", ".join(kind), data)
    if kind is float and isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    if kind in (int, str, bool) and type(data) is kind:
        return data
    raise _wrong(place, where, getattr(kind, "__name__", str(kind)), data)


def _not_none(kind: Any) -> Any:
    return next(option for option in get_args(kind) if option is not NoneType)


def _schema_of(kind: Any, definitions: dict[str, object]) -> object:
    origin = get_origin(kind)
    if origin in (types.UnionType, Union):
        return {"anyOf": [_schema_of(_not_none(kind), definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(get_args(kind)[0], definitions)}
    if origin is Mapping:
        return {"type": "object"}
    if is_dataclass(kind):
        return _schema_of_record(cast(type, kind), definitions)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}


def _schema_of_record(kind: type, definitions: dict[str, object]) -> object:
    name = kind.__name__
    if name not in definitions:
        # The empty entry first: a record may contain itself (StoppedStep).
        definitions[name] = {}
        hints = _hints(kind)
        definitions[name] = {
            "description": " ".join((kind.__doc__ or "").split()),
            "type": "object",
            "additionalProperties": False,
            "required": [item.name for item in fields(kind)],
            "properties": {item.name: _schema_of(hints[item.name], definitions) for item in fields(kind)},
        }
    return {"$ref": f"#/$defs/{name}"}
