"""The catalog: its totals, applications, findings; checks, comparisons and imports of files that are sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Query
from pydantic import BaseModel
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.catalog.check import check_catalog
from drorch.catalog.diff import diff_catalogs
from drorch.catalog.files import MAX_CATALOG_BYTES, load_catalog_file
from drorch.catalog.importer import import_csv
from drorch.catalog.load import load_catalog
from drorch.catalog.model import Arrangement, Catalog, ProvenanceKind
from drorch.catalog.select import Selection, find_application, select
from drorch.catalog.totals import by_arrangement, by_provenance, count
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid
from drorch.core.files import read_input
from drorch.interfaces.http.api.base import (
    Ctx,
    Cursor,
    IfNoneMatch,
    Limit,
    Name,
    NotModified,
    Page,
    api_router,
    page_of,
    tagged,
)
from drorch.interfaces.http.api.plans import FindingOut, finding_out
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.rules import require

router = api_router("/catalog", "catalog")
Wanted = Annotated[str | None, Query(max_length=128)]
YAML = Annotated[bytes, Body(media_type="application/yaml", description="A catalog file, at most 16 MB.")]
CSV = Annotated[bytes, Body(media_type="text/csv", description="One application a row.")]
SENT = "the file that was sent"


class Counts(BaseModel):
    """How many."""

    applications: int
    enterprise: int
    departmental: int
    by_arrangement: dict[str, int]
    by_name_provenance: dict[str, int]


class CatalogOut(BaseModel):
    """The catalog without its applications."""

    title: str
    note: str | None
    content_id: str
    totals: Counts
    catalog: dict[str, Any]


class CatalogChecked(BaseModel):
    """What is to be said about a catalog."""

    content_id: str
    findings: list[FindingOut]


class CatalogChange(BaseModel):
    """One difference."""

    kind: str
    subject: str
    field: str | None = None
    old: Any = None
    new: Any = None


class CatalogDiff(BaseModel):
    """From the present catalog to the one that was sent."""

    old: str
    new: str
    changes: list[CatalogChange]


class DraftOut(BaseModel):
    """A draft made of a CSV file. Nothing is kept."""

    applications: int
    draft: str
    report: list[dict[str, Any]]


@router.get("", dependencies=[require()])
def show(context: Ctx, response: Response, if_none_match: IfNoneMatch = None) -> CatalogOut:
    """Sites, groups, departments and totals. The ETag is the catalog's content id."""
    catalog = _present(context)
    if tagged(response, f'"{catalog.content_id}"', if_none_match):
        raise NotModified(response)
    totals = count(catalog)
    data = {name: value for name, value in plain(catalog).items() if name != "applications"}
    return CatalogOut(
        title=catalog.title,
        note=catalog.note,
        content_id=catalog.content_id,
        totals=Counts(
            applications=totals.applications,
            enterprise=totals.enterprise,
            departmental=totals.departmental,
            by_arrangement={str(name): number for name, number in by_arrangement(catalog).items()},
            by_name_provenance={str(name): number for name, number in by_provenance(catalog).items()},
        ),
        catalog=data,
    )


@router.get("/applications", dependencies=[require()])
def applications(
    context: Ctx,
    site: Wanted = None,
    department: Wanted = None,
    tier: Annotated[int | None, Query(ge=1, le=4)] = None,
    arrangement: Arrangement | None = None,
    provenance: ProvenanceKind | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[dict[str, Any]]:
    """Applications that fit, in the order of the catalog."""
    wanted = Selection(site=site, department=department, tier=tier, arrangement=arrangement, provenance=provenance)
    page = page_of(select(_present(context), wanted), lambda item: item.id, cursor, limit)
    return Page(items=[plain(item) for item in page.items], next=page.next, total=page.total)


@router.get("/applications/{application}", dependencies=[require()])
def application(application: Name, context: Ctx) -> dict[str, Any]:
    """One application with the provenance of each field."""
    found: dict[str, Any] = plain(find_application(_present(context), application))
    return found


@router.get("/findings", dependencies=[require()])
def findings(context: Ctx) -> CatalogChecked:
    """What is to be said about the catalog as it is."""
    return _checked(read_input(context.files.catalog, MAX_CATALOG_BYTES), str(context.files.catalog))


@router.post("/check", dependencies=[require(Role.PLANNER)])
def check(body: YAML) -> CatalogChecked:
    """Check a catalog file that is sent. Nothing is kept."""
    return _checked(body, SENT)


@router.post("/diff", dependencies=[require(Role.PLANNER)])
def diff(body: YAML, context: Ctx) -> CatalogDiff:
    """What changes from the present catalog to the file that is sent."""
    before, after = _present(context), load_catalog(body, SENT)
    changes = [CatalogChange(**plain(change)) for change in diff_catalogs(before, after)]
    return CatalogDiff(old=before.content_id, new=after.content_id, changes=changes)


@router.post("/import", dependencies=[require(Role.PLANNER)])
def import_(body: CSV) -> DraftOut:
    """Make a draft catalog from CSV and report everything that was not understood. Nothing is guessed or kept."""
    draft = import_csv(body, SENT)
    return DraftOut(applications=draft.applications, draft=draft.text, report=plain(draft.notes))


def _present(context: WebContext) -> Catalog:
    return load_catalog_file(context.files.catalog)


def _checked(text: bytes, where: str) -> CatalogChecked:
    if not text:
        raise InputInvalid("is empty", where=where, next_step="send a catalog file")
    loaded = load_catalog(text, where)
    return CatalogChecked(content_id=loaded.content_id, findings=[finding_out(item) for item in check_catalog(loaded)])
