"""The record of a run as a file, and the JSON Schema of what is made of dataclasses: both follow the annotations."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from drorch.core.codec import parsed, read, to_text
from drorch.core.errors import InputInvalid
from drorch.evidence.record.model import REPORT_SCHEMA, Report

_RESTORE = "the record was edited or damaged: restore it from a copy; the journal still holds the run"
SCHEMA_NAME = f"drorch-report-{REPORT_SCHEMA}"


def report_to_text(report: Report) -> str:
    """The record as the bytes of ``report.json``: readable, UTF-8, one trailing newline."""
    return to_text(report, indent=2)


def report_from_json(data: object, where: str = "report.json") -> Report:
    """A report out of its JSON form. InputInvalid names each field that is missing, unknown or of a wrong type."""
    if isinstance(data, dict) and data.get("schema") != REPORT_SCHEMA:
        raise InputInvalid(
            f"schema: a report of schema {data.get('schema')!r}; this drorch reads schema {REPORT_SCHEMA}",
            where=where,
            next_step="read it with the drorch version that wrote it",
        )
    return read(Report, data, where=where, next_step=_RESTORE)


def report_from_text(text: str | bytes, where: str = "report.json") -> Report:
    """A report from the text of its file. InputInvalid with the place when it is not one."""
    return report_from_json(parsed(text, where=where, next_step=_RESTORE), where)


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of the record, as published in ``docs/report.schema.json``."""
    return schema_of(Report, name=SCHEMA_NAME, title="The record of one drorch run")


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


def _schema_of(kind: Any, definitions: dict[str, object]) -> object:
    origin = get_origin(kind)
    if origin in (types.UnionType, Union):
        given = next(option for option in get_args(kind) if option is not NoneType)
        return {"anyOf": [_schema_of(given, definitions), {"type": "null"}]}
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
        hints = get_type_hints(kind)
        definitions[name] = {
            "description": " ".join((kind.__doc__ or "").split()),
            "type": "object",
            "additionalProperties": False,
            "required": [item.name for item in fields(kind)],
            "properties": {item.name: _schema_of(hints[item.name], definitions) for item in fields(kind)},
        }
    return {"$ref": f"#/$defs/{name}"}
