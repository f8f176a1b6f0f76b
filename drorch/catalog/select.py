"""Applications by what people ask for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from drorch.catalog.model import Application, Arrangement, Catalog, ProvenanceKind
from drorch.core.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is wanted; None means any. ``site`` counts as primary and as recovery site, ``provenance`` is the name's."""

    site: str | None = None
    department: str | None = None
    tier: int | None = None
    arrangement: Arrangement | None = None
    provenance: ProvenanceKind | None = None


def select(catalog: Catalog, wanted: Selection) -> tuple[Application, ...]:
    """Applications that fit all of ``wanted``, in catalog order. NotFound for an unknown site or department."""
    if wanted.site is not None:
        _known("site", wanted.site, [site.id for site in catalog.sites])
    if wanted.department is not None:
        _known("department", wanted.department, [department.id for department in catalog.departments])
    sites = {group.id: (group.primary_site, group.recovery_site) for group in catalog.groups}
    return tuple(
        app
        for app in catalog.applications
        if (wanted.site is None or wanted.site in sites.get(app.group, ()))
        and wanted.department in (None, app.department)
        and wanted.tier in (None, app.tier)
        and wanted.arrangement in (None, app.arrangement)
        and wanted.provenance in (None, app.provenance_of("name").kind)
    )


def find_application(catalog: Catalog, application_id: str) -> Application:
    """The application with this id. NotFound with the nearest id."""
    _known("application", application_id, [app.id for app in catalog.applications])
    return catalog.application(application_id)


def _known(kind: str, wanted: str, ids: list[str]) -> None:
    if wanted in ids:
        return
    near = difflib.get_close_matches(wanted, ids, n=3)
    next_step = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(ids)[:20])}"
    raise NotFound(f"there is no {kind} {wanted!r} in the catalog", next_step=next_step)
