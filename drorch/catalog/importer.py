"""A CSV list of applications to a draft of ``app_catalog.yaml`` and a report of everything that was not understood.

The draft never holds a guess: what the CSV does not give is ``null`` there, and the loader refuses the file until a
person has filled it in. Provenance is ``assumed`` unless the CSV names a source and says which fields it attests.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import yaml

from drorch.catalog import import_values as values
from drorch.catalog.schema import SCHEMA_VERSION
from drorch.catalog.text import decode
from drorch.core.errors import InputInvalid


class Understanding(StrEnum):
    """What became of a cell that was not simply taken over."""

    READ_AS = "read as"
    """It said something in other words; the remark says what was made of it."""
    NOT_GIVEN = "not given"
    """The catalog needs it and the CSV does not have it: ``null`` in the draft."""
    NOT_UNDERSTOOD = "not understood"
    """It was left out: ``null`` in the draft."""


@dataclass(frozen=True, kw_only=True)
class ImportNote:
    """One entry of the report. ``line`` is the line of the CSV file where the row starts, from 1."""

    understanding: Understanding
    line: int
    column: str
    value: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Text of the draft catalog and the report."""

    text: str
    applications: int
    notes: tuple[ImportNote, ...]


@dataclass(frozen=True, kw_only=True)
class _Column:
    """Where a column goes: ``field`` of the application, ``part`` of its objective."""

    field: str
    reader: values.Reader
    part: str | None = None


_PLAIN: Mapping[str, values.Reader] = MappingProxyType(
    {
        "id": values.identity,
        "name": values.line,
        "description": values.description,
        "scope": values.scope,
        "tier": values.tier,
        "department": values.identity,
        "arrangement": values.arrangement,
        "group": values.identity,
        "rto_from": values.rto_from,
        "depends_on": values.identities,
        "need_until": values.date_text,
        "migration_target": values.identity,
        "source": values.description,
        "attested_fields": values.description,
    }
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "application": "name",
        "application_name": "name",
        "system": "name",
        "title": "name",
        "purpose": "description",
        "criticality": "tier",
        "owner": "department",
        "owner_department": "department",
        "unit": "department",
        "recovery_arrangement": "arrangement",
        "protection_group": "group",
        "dependencies": "depends_on",
        "depends": "depends_on",
        "needed_until": "need_until",
        "migrates_to": "migration_target",
    }
)
_REQUIRED = ("name", "description", "scope", "tier", "department", "arrangement", "group", "rto", "rpo", "rto_from")
_ABOUT_SOURCES = frozenset({"source", "attested_fields"})
"""Columns that become provenance instead of fields."""
_HEADER = """\
# DRAFT made from {source}: {count} applications. `null` means: not given or not understood there, see the report of the
# import. Fill these in, add sites and groups, then run `drorch catalog check`.
"""


def import_csv(text: bytes, source: str) -> Draft:
    """Draft and report. Delimiter: whichever of ``,;|`` and tab the header has most. InputInvalid when it is no CSV."""
    rows = _rows(decode(text, source), source)
    line, header = next(rows, (1, []))
    notes: list[ImportNote] = []
    columns = _columns(header, line, notes)
    if "name" not in {column.field for column in columns if column}:
        raise InputInvalid(
            f"no column is called name; found {', '.join(repr(cell) for cell in header[:12])}",
            where=f"{source}:{line}",
            next_step="call the column with the applications' names 'name'",
        )
    entries = [entry for line, row in rows if (entry := _entry(line, row, header, columns, notes)) is not None]
    if not entries:
        raise InputInvalid("the file has a header and no application", where=source, next_step="name the right file")
    _note_repeated_ids(entries, notes)
    shown = [entry for _, entry in entries]
    body = yaml.safe_dump(_document(shown), sort_keys=False, allow_unicode=True, width=118)
    name = " ".join(source.split())
    return Draft(text=_HEADER.format(source=name, count=len(shown)) + body, applications=len(shown), notes=tuple(notes))


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with the line they start on."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, [cell.strip() for cell in row]
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputInvalid(
            f"not valid CSV: {error}", where=f"{source}:{line}", next_step="correct the quotes of that row"
        ) from error


def _columns(header: Sequence[str], line: int, notes: list[ImportNote]) -> list[_Column | None]:
    found: list[_Column | None] = []
    for name in header:
        column = _column(name)
        why = "no field of the catalog is called so; the column is left out" if column is None else None
        if column is not None and column in found:
            column, why = None, "a second column for the same field; it is left out"
        if why:
            notes.append(_not_understood(line, name, "", why))
        found.append(column)
    return found


def _column(name: str) -> _Column | None:
    key = re.sub(r"[^a-z]+", "_", name.lower()).strip("_")
    key = _ALIASES.get(key, key)
    if key in _PLAIN:
        return _Column(field=key, reader=_PLAIN[key])
    match = re.fullmatch(r"(rto|rpo)(?:_(basis|owner|days|d|hours|h|minutes|min|m|seconds|s))?", key)
    if match is None:
        return None
    objective, part = match[1], match[2]
    if part in {"basis", "owner"}:
        return _Column(field=objective, reader=values.line, part=part)
    return _Column(field=objective, reader=values.duration(part[0] if part else None), part="time")


def _entry(
    line: int, row: list[str], header: Sequence[str], columns: Sequence[_Column | None], notes: list[ImportNote]
) -> tuple[int, dict[str, object]] | None:
    if len(row) != len(header):
        why = f"the row has {len(row)} cells, the header {len(header)}; the row is left out"
        notes.append(_not_understood(line, "(row)", " | ".join(row)[:80], why))
        return None
    entry: dict[str, object] = {}
    for name, column, cell in zip(header, columns, row, strict=True):
        if column is None or cell.lower() in values.UNKNOWN:
            continue
        try:
            read = column.reader(cell)
        except ValueError as error:
            notes.append(_not_understood(line, name, cell, str(error)))
            continue
        if read.remark:
            notes.append(
                ImportNote(understanding=Understanding.READ_AS, line=line, column=name, value=cell, why=read.remark)
            )
        _put(entry, column, read.value)
    return line, _completed(entry, line, notes)


def _put(entry: dict[str, object], column: _Column, value: object) -> None:
    if column.part is None:
        entry[column.field] = value
        return
    objective = entry.setdefault(column.field, {})
    if isinstance(objective, dict):
        objective[column.part] = value


def _completed(entry: dict[str, object], line: int, notes: list[ImportNote]) -> dict[str, object]:
    """The entry in the catalog's order of fields, with null for what is missing, and its provenance."""
    missing = [name for name in _REQUIRED if name not in entry]
    for name in ("rto", "rpo"):
        objective = entry.get(name)
        if isinstance(objective, dict) and "time" not in objective:
            entry[name] = {"time": None, **objective}
            missing.append(name)
    for name in missing:
        why = "the catalog needs it; it is null in the draft"
        notes.append(ImportNote(understanding=Understanding.NOT_GIVEN, line=line, column=name, value="", why=why))
    if "id" not in entry and isinstance(entry.get("name"), str):
        entry["id"] = values.slug_of(str(entry["name"])) or None
        why = f"the id {entry['id']!r} was made from it"
        notes.append(
            ImportNote(understanding=Understanding.READ_AS, line=line, column="name", value=str(entry["name"]), why=why)
        )
    order = ["id", *_REQUIRED, *(name for name in _PLAIN if name not in _REQUIRED and name != "id")]
    filled = {name: entry.get(name) for name in order if name in entry or name in ("id", *_REQUIRED)}
    shown = {name: value for name, value in filled.items() if name not in _ABOUT_SOURCES}
    return {**shown, "provenance": _provenance(entry, line, notes)}


def _provenance(entry: Mapping[str, object], line: int, notes: list[ImportNote]) -> dict[str, object]:
    found: dict[str, object] = {"default": "assumed"}
    source, claimed = entry.get("source"), str(entry.get("attested_fields") or "")
    for part in (part.strip() for part in claimed.split(";") if part.strip()):
        field = _ALIASES.get(part, part)
        if not source:
            notes.append(_not_understood(line, "attested_fields", part, "no source is named; it stays assumed"))
        elif field in _PLAIN and field in entry and field not in _ABOUT_SOURCES:
            found[field] = {"attested": source}
        else:
            notes.append(_not_understood(line, "attested_fields", part, "no such field here; it stays assumed"))
    return found


def _note_repeated_ids(entries: Sequence[tuple[int, Mapping[str, object]]], notes: list[ImportNote]) -> None:
    first: dict[object, int] = {}
    for line, entry in entries:
        known = first.setdefault(entry["id"], line)
        if known != line and entry["id"] is not None:
            why = f"the same id as on line {known}; give one of them another id"
            notes.append(_not_understood(line, "id", str(entry["id"]), why))


def _document(entries: Sequence[Mapping[str, object]]) -> dict[str, object]:
    departments = sorted({str(entry["department"]) for entry in entries if entry["department"] is not None})
    scopes = [entry["scope"] for entry in entries]
    return {
        "schema": SCHEMA_VERSION,
        "title": "Draft catalog, not confirmed by the owner departments",
        "totals": {
            "applications": len(entries),
            "enterprise": scopes.count("enterprise"),
            "departmental": scopes.count("departmental"),
        },
        "sites": [],
        "departments": [{"id": name, "name": name, "provenance": {"default": "assumed"}} for name in departments],
        "groups": [],
        "applications": list(entries),
    }


def _not_understood(line: int, column: str, value: str, why: str) -> ImportNote:
    return ImportNote(understanding=Understanding.NOT_UNDERSTOOD, line=line, column=column, value=value, why=why)
