"""``app_catalog.yaml`` (bytes) to the frozen catalog. Every error names file, line and field, and nothing is guessed.

``load_catalog`` only parses; what does not fit together is found by ``catalog.check``, and :func:`checked` refuses it.
"""

from __future__ import annotations

from types import MappingProxyType

from drorch.catalog.check import check_catalog
from drorch.catalog.codec import identified
from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.model import (
    Application,
    Catalog,
    Department,
    ManualStep,
    ManualWhen,
    Objective,
    ProbeSpec,
    ProtectionGroup,
    Site,
    Totals,
)
from drorch.catalog.schema import (
    ApplicationEntry,
    CatalogFile,
    DepartmentEntry,
    GroupEntry,
    ManualEntry,
    ObjectiveEntry,
    SiteEntry,
)
from drorch.catalog.text import parse_document
from drorch.core.findings import errors

LISTS = ("sites", "departments", "groups", "applications")


def load_catalog(text: bytes, source: str) -> Catalog:
    """The catalog in ``text``; ``source`` is the file's name for messages. InputInvalid with ``file:line field``."""
    document = parse_document(text, source)
    file = validated(CatalogFile, document, what="a catalog", example="app_catalog.yaml")
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
            lines=MappingProxyType(line_index(document, LISTS)),
            source=source,
        )
    )


def checked(catalog: Catalog) -> Catalog:
    """The same catalog when it has no finding of severity error; else InputInvalid listing those findings."""
    found = errors(check_catalog(catalog))
    if not found:
        return catalog
    raise listed([(finding.where or catalog.source or "catalog", finding.message) for finding in found])


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
        manual=tuple(_manual(item, item.when) for item in entry.manual),
        provenance=MappingProxyType(entry.resolved_provenance()),
    )


def _manual(entry: ManualEntry, when: str) -> ManualStep:
    return ManualStep(
        id=entry.id,
        when=ManualWhen(when),
        kinds=tuple(entry.kinds),
        text=entry.text,
        role=entry.role,
        minutes=entry.minutes,
        evidence_required=entry.evidence == "required",
        deadline_s=entry.deadline,
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
        manual=tuple(_manual(item, item.when) for item in entry.manual),
        provenance=MappingProxyType(entry.resolved_provenance()),
    )
