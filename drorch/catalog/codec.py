"""The catalog as JSON and back. ``catalog.json`` of a run, ``--json`` and the content id are this form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

from drorch.catalog.model import (
    Application,
    Arrangement,
    Catalog,
    Department,
    ManualKind,
    ManualStep,
    ManualWhen,
    Objective,
    ProbeKind,
    ProbeSpec,
    ProtectionGroup,
    Provenance,
    ProvenanceKind,
    RtoFrom,
    Scope,
    Site,
    SiteRole,
    Totals,
)
from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash

Entry = Site | Department | ProtectionGroup | Application
_E = TypeVar("_E", bound=Enum)

_NOT_CONTENT = frozenset({"content_id", "lines", "source"})


def catalog_to_json(catalog: Catalog) -> dict[str, object]:
    """Plain JSON data with everything but line numbers. Durations in seconds, dates as ISO text."""
    return {**_content(catalog), "content_id": catalog.content_id}


def catalog_from_json(data: object) -> Catalog:
    """Inverse of :func:`catalog_to_json`. InputInvalid when it is no catalog or its content id does not fit."""
    try:
        catalog = _catalog(_mapping(data))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputInvalid(
            f"not a catalog in JSON form: {type(error).__name__} {error}", next_step="write it again from the YAML file"
        ) from error
    if identified(catalog).content_id != catalog.content_id:
        raise InputInvalid(
            "the catalog's content id does not fit its content: it was changed afterwards",
            next_step="write it again from the YAML file",
        )
    return catalog


def identified(catalog: Catalog) -> Catalog:
    """The same catalog with the content id that its data have."""
    return replace(catalog, content_id=content_hash(_content(catalog)))


def entry_to_json(entry: Entry) -> dict[str, object]:
    """One site, department, group or application as plain JSON data, provenance included."""
    return {
        item.name: _plain(getattr(entry, item.name))
        for item in fields(entry)
        if not _left_out(item.name, getattr(entry, item.name))
    }


def _left_out(name: str, value: object) -> bool:
    """An entry without manual steps says nothing of them: catalogs from before there were any keep their content id."""
    return name == "manual" and value == ()


def _content(catalog: Catalog) -> dict[str, object]:
    return {item.name: _plain(getattr(catalog, item.name)) for item in fields(catalog) if item.name not in _NOT_CONTENT}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "__dataclass_fields__"):
        names = [name for name in value.__dataclass_fields__ if not _left_out(name, getattr(value, name))]
        return {name: _plain(getattr(value, name)) for name in names}
    return value


def _catalog(data: Mapping[str, object]) -> Catalog:
    note = data["note"]
    return Catalog(
        schema=_integer(data["schema"]),
        title=_text(data["title"]),
        note=None if note is None else _text(note),
        totals=Totals(**{name: _integer(number) for name, number in _mapping(data["totals"]).items()}),
        sites=tuple(_site(item) for item in _mappings(data["sites"])),
        departments=tuple(_department(item) for item in _mappings(data["departments"])),
        groups=tuple(_group(item) for item in _mappings(data["groups"])),
        applications=tuple(_application(item) for item in _mappings(data["applications"])),
        content_id=_text(data["content_id"]),
    )


def _site(data: Mapping[str, object]) -> Site:
    return Site(
        id=_text(data["id"]),
        name=_text(data["name"]),
        role=_member(SiteRole, data["role"]),
        mirror=_optional_text(data["mirror"]),
        valid_from=_day(data["valid_from"]),
        valid_until=_day(data["valid_until"]),
        timezone=_text(data["timezone"]),
        provenance=_provenance(data["provenance"]),
    )


def _department(data: Mapping[str, object]) -> Department:
    return Department(
        id=_text(data["id"]),
        name=_text(data["name"]),
        focal_point=_optional_text(data["focal_point"]),
        provenance=_provenance(data["provenance"]),
    )


def _group(data: Mapping[str, object]) -> ProtectionGroup:
    return ProtectionGroup(
        id=_text(data["id"]),
        name=_text(data["name"]),
        method=_text(data["method"]),
        primary_site=_text(data["primary_site"]),
        recovery_site=_optional_text(data["recovery_site"]),
        manual=_manual(data),
        provenance=_provenance(data["provenance"]),
    )


def _application(data: Mapping[str, object]) -> Application:
    return Application(
        id=_text(data["id"]),
        name=_text(data["name"]),
        description=_text(data["description"]),
        scope=_member(Scope, data["scope"]),
        tier=_integer(data["tier"]),
        department=_text(data["department"]),
        arrangement=_member(Arrangement, data["arrangement"]),
        group=_text(data["group"]),
        rto=_objective(_mapping(data["rto"])),
        rpo=_objective(_mapping(data["rpo"])),
        rto_from=_member(RtoFrom, data["rto_from"]),
        depends_on=tuple(_text(item) for item in _list(data["depends_on"])),
        probes=tuple(
            ProbeSpec(
                kind=_member(ProbeKind, item["kind"]), path=_text(item["path"]), port_name=_text(item["port_name"])
            )
            for item in _mappings(data["probes"])
        ),
        need_until=_day(data["need_until"]),
        migration_target=_optional_text(data["migration_target"]),
        gateway=data["gateway"] is True,
        manual=_manual(data),
        provenance=_provenance(data["provenance"]),
    )


def _manual(data: Mapping[str, object]) -> tuple[ManualStep, ...]:
    return tuple(
        ManualStep(
            id=_text(item["id"]),
            when=_member(ManualWhen, item["when"]),
            kinds=tuple(_member(ManualKind, kind) for kind in _list(item["kinds"])),
            text=_text(item["text"]),
            role=_text(item["role"]),
            minutes=_integer(item["minutes"]),
            evidence_required=item["evidence_required"] is True,
            deadline_s=None if item["deadline_s"] is None else _seconds(item["deadline_s"]),
        )
        for item in _mappings(data.get("manual", []))
    )


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"seconds are a number, not {value!r}")
    return float(value)


def _objective(data: Mapping[str, object]) -> Objective:
    return Objective(
        seconds=_seconds(data["seconds"]), basis=_optional_text(data["basis"]), owner=_optional_text(data["owner"])
    )


def _provenance(data: object) -> Mapping[str, Provenance]:
    found = {
        name: Provenance(kind=_member(ProvenanceKind, inner["kind"]), source=_optional_text(inner["source"]))
        for name, inner in ((name, _mapping(item)) for name, item in _mapping(data).items())
    }
    return MappingProxyType(found)


def _member(kind: type[_E], value: object) -> _E:
    return kind(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {value!r}")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"an integer expected, not {value!r}")
    return value


def _day(value: object) -> date | None:
    return None if value is None else date.fromisoformat(_text(value))


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"an object expected, not {type(value).__name__}")
    return value


def _list(value: object) -> Iterable[object]:
    if not isinstance(value, list):
        raise TypeError(f"a list expected, not {type(value).__name__}")
    return value


def _mappings(value: object) -> Iterable[Mapping[str, object]]:
    return (_mapping(item) for item in _list(value))
