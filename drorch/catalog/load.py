"""``app_catalog.yaml`` (bytes) to the frozen catalog. Every error names file, line and field, and nothing is guessed.

``load_catalog`` only parses; what does not fit together is found by ``catalog.check``, and :func:`checked` refuses it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drorch.catalog.check import check_catalog
from drorch.catalog.codec import identified
from drorch.catalog.model import Application, Catalog, Department, Objective, ProbeSpec, ProtectionGroup, Site, Totals
from drorch.catalog.schema import (
    ApplicationEntry,
    CatalogFile,
    DepartmentEntry,
    GroupEntry,
    ObjectiveEntry,
    SiteEntry,
)
from drorch.catalog.text import Document, Path, parse_document
from drorch.core.errors import InputInvalid
from drorch.core.findings import errors

SHOWN_ERRORS = 10
"""More errors than these are counted, not listed."""

_LISTS: Mapping[str, type[BaseModel]] = MappingProxyType(
    {"sites": SiteEntry, "departments": DepartmentEntry, "groups": GroupEntry, "applications": ApplicationEntry}
)


def load_catalog(text: bytes, source: str) -> Catalog:
    """The catalog in ``text``; ``source`` is the file's name for messages. InputInvalid with ``file:line field``."""
    document = parse_document(text, source)
    if not isinstance(document.data, dict):
        raise InputInvalid(
            "a catalog is made of key: value lines",
            where=f"{source}:{document.line_of(())}",
            next_step="start from the example app_catalog.yaml",
        )
    try:
        file = CatalogFile.model_validate(document.data)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False), document) from None
    return identified(
        Catalog(
            schema=file.schema_version,
            title=file.title,
            note=file.note,
            totals=Totals(**file.totals.model_dump()),
            sites=tuple(_site(entry) for entry in file.sites),
            departments=tuple(_department(entry) for entry in file.departments),
            groups=tuple(_group(entry) for entry in file.groups),
            applications=tuple(_application(entry) for entry in file.applications),
            content_id="",
            lines=MappingProxyType(_lines(document)),
            source=source,
        )
    )


def checked(catalog: Catalog) -> Catalog:
    """The same catalog when it has no finding of severity error; else InputInvalid listing those findings."""
    found = errors(check_catalog(catalog))
    if not found:
        return catalog
    raise _listed([(finding.where or catalog.source or "catalog", finding.message) for finding in found], None)


def _invalid(details: Sequence[ErrorDetails], document: Document) -> InputInvalid:
    # A misspelt field is also a missing one: the spelling is what to tell first.
    ordered = sorted(details, key=lambda detail: detail["type"] != "extra_forbidden")
    found = [(_where(detail["loc"], document), *_sentence(detail)) for detail in ordered]
    return _listed([(where, what) for where, what, _ in found], found[0][2])


def _listed(found: Sequence[tuple[str, str]], next_step: str | None) -> InputInvalid:
    (where, what), *more = found
    lines = [what, *(f"  also {place}: {text}" for place, text in more[: SHOWN_ERRORS - 1])]
    if len(found) > SHOWN_ERRORS:
        lines.append(f"  and {len(found) - SHOWN_ERRORS} more")
    return InputInvalid("\n".join(lines), where=where, next_step=next_step or "correct the file there")


def _where(path: Path, document: Document) -> str:
    field = _named(path, document.data)
    place = f"{document.source}:{document.line_of(path)}"
    return f"{place} {field}" if field else place


def _named(path: Path, data: object) -> str:
    """``applications.umoja.rto`` for ``("applications", 3, "rto")``: entries by their id where they have one."""
    parts: list[str] = []
    for part in path:
        inside = data[part] if _is_inside(data, part) else None  # type: ignore[index]
        identity = inside.get("id") if isinstance(part, int) and isinstance(inside, dict) else None
        parts.append(identity if isinstance(identity, str) and identity else str(part))
        data = inside
    return ".".join(parts)


def _is_inside(data: object, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _sentence(detail: ErrorDetails) -> tuple[str, str | None]:
    """What is wrong and what to do, from pydantic's error."""
    kind, given, last = detail["type"], detail["input"], detail["loc"][-1] if detail["loc"] else ""
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(last), _known_fields(detail["loc"]), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"unknown field {last!r}{hint}", f"write {near[0]!r}" if near else f"remove {last!r}"
    if kind == "missing":
        return f"{last!r} is missing", f"add {last!r}"
    if kind in {"enum", "literal_error"}:
        return f"{given!r} is not allowed here", f"write {context.get('expected', 'an allowed value')}"
    if kind.endswith("_type"):
        return f"{_type_name(kind)} expected, not {_shown(given)}", "correct the value, or its quotes or indentation"
    if kind == "value_error":
        return str(context.get("error", detail["msg"])), None
    return f"{_shown(given)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", None


def _type_name(kind: str) -> str:
    names = {"string": "text", "int": "a whole number", "list": "a list (- item)", "bool": "true or false"}
    return names.get(kind.removesuffix("_type"), "key: value lines")


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_fields(path: Path) -> list[str]:
    model: type[BaseModel] = _LISTS.get(str(path[0]), CatalogFile) if len(path) > 1 else CatalogFile
    if len(path) > 1 and path[-2] in {"rto", "rpo"}:
        model = ObjectiveEntry
    return [item.alias or name for name, item in model.model_fields.items()]


def _lines(document: Document) -> dict[str, int]:
    """Lines keyed ``applications.umoja.rto``; a second entry with the same id is ``applications.umoja#2``."""
    seen: dict[str, int] = {}
    names: dict[Path, str] = {}
    found: dict[str, int] = {}
    for path, line in document.lines.items():
        if not path:
            continue
        above = names.get(path[:-1], "")
        name = f"{above}.{path[-1]}" if above else str(path[-1])
        if len(path) == 2 and path[0] in _LISTS:
            name = _numbered(_named(path, document.data), seen)
        names[path] = name
        found[name] = line
    return found


def _numbered(name: str, seen: dict[str, int]) -> str:
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}#{seen[name]}"


def _site(entry: SiteEntry) -> Site:
    return Site(
        id=entry.id,
        name=entry.name,
        role=entry.role,
        mirror=entry.mirror,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        timezone=entry.timezone,
        provenance=MappingProxyType(entry.resolved_provenance()),
    )


def _department(entry: DepartmentEntry) -> Department:
    return Department(
        id=entry.id,
        name=entry.name,
        focal_point=entry.focal_point,
        provenance=MappingProxyType(entry.resolved_provenance()),
    )


def _group(entry: GroupEntry) -> ProtectionGroup:
    return ProtectionGroup(
        id=entry.id,
        name=entry.name,
        method=entry.method,
        primary_site=entry.primary_site,
        recovery_site=entry.recovery_site,
        provenance=MappingProxyType(entry.resolved_provenance()),
    )


def _objective(entry: ObjectiveEntry) -> Objective:
    return Objective(seconds=entry.time, basis=entry.basis, owner=entry.owner)


def _application(entry: ApplicationEntry) -> Application:
    return Application(
        id=entry.id,
        name=entry.name,
        description=entry.description,
        scope=entry.scope,
        tier=entry.tier,
        department=entry.department,
        arrangement=entry.arrangement,
        group=entry.group,
        rto=_objective(entry.rto),
        rpo=_objective(entry.rpo),
        rto_from=entry.rto_from,
        depends_on=tuple(entry.depends_on),
        probes=tuple(ProbeSpec(kind=probe.kind, path=probe.path, port_name=probe.port_name) for probe in entry.probes),
        need_until=entry.need_until,
        migration_target=entry.migration_target,
        gateway=entry.gateway,
        provenance=MappingProxyType(entry.resolved_provenance()),
    )
