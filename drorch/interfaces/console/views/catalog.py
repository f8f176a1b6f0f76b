"""The catalog for people: filtered and searched on the server, each value with how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drorch.catalog.model import Application, Catalog
from drorch.core.findings import Finding
from drorch.evidence.record.model import ApplicationResult, Report
from drorch.interfaces.console.views import labels
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.numbers import day, objective
from drorch.interfaces.console.views.paging import Page, matching, page_of
from drorch.interfaces.console.views.service_state import Served
from drorch.report.wording import measured

FILTERS = ("scope", "arrangement", "site", "tier", "department", "served")


@dataclass(frozen=True, kw_only=True)
class CatalogRow:
    """One application in the list."""

    app: Application
    home: str
    recovered_at: str | None
    department: str
    served: Served
    name_mark: str
    rto_mark: str
    rpo_mark: str


@dataclass(frozen=True, kw_only=True)
class CatalogView:
    """The list."""

    title: str
    note: str | None
    page: Page[CatalogRow]
    query: Mapping[str, str]
    filters: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    """Name, text, and the choices as value and text."""


def catalog_view(catalog: Catalog, served: Mapping[str, Served], query: Mapping[str, str], page: int) -> CatalogView:
    """The page of the list that fits ``query`` (``q`` and `FILTERS`)."""
    asked = {name: query.get(name, "") for name in ("q", *FILTERS)}
    fitting = [app for app in catalog.applications if _fits(app, catalog, served, asked)]
    found = matching(fitting, asked["q"], lambda app: _text(app, catalog))
    part = page_of(found, page, asked)
    rows = Page(
        items=tuple(_row(app, catalog, served) for app in part.items),
        number=part.number,
        size=part.size,
        total=part.total,
        query=part.query,
    )
    return CatalogView(title=catalog.title, note=catalog.note, page=rows, query=asked, filters=_filters(catalog))


def _filters(catalog: Catalog) -> tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]:
    tiers = sorted({app.tier for app in catalog.applications})
    return (
        ("scope", N_("Scope"), tuple(labels.SCOPE.items())),
        ("arrangement", N_("Arrangement"), tuple(labels.ARRANGEMENT.items())),
        ("site", N_("At home at"), tuple((site.id, site.name) for site in catalog.sites)),
        ("tier", N_("Tier"), tuple((str(tier), str(tier)) for tier in tiers)),
        ("department", N_("Department"), tuple((item.id, item.name) for item in catalog.departments)),
        ("served", N_("Served now"), tuple((code, word.text) for code, word in labels.SERVED.items())),
    )


def _fits(app: Application, catalog: Catalog, served: Mapping[str, Served], asked: Mapping[str, str]) -> bool:
    values = {
        "scope": app.scope.value,
        "arrangement": app.arrangement.value,
        "site": catalog.primary_site_of(app),
        "tier": str(app.tier),
        "department": app.department,
        "served": served[app.id].code,
    }
    return all(not asked[name] or asked[name] == value for name, value in values.items())


def _text(app: Application, catalog: Catalog) -> str:
    return f"{app.id} {app.name} {app.description} {app.group} {catalog.department(app.department).name}"


def _row(app: Application, catalog: Catalog, served: Mapping[str, Served]) -> CatalogRow:
    return CatalogRow(
        app=app,
        home=catalog.primary_site_of(app),
        recovered_at=catalog.recovery_site_of(app),
        department=catalog.department(app.department).name,
        served=served[app.id],
        name_mark=app.provenance_of("name").kind.value,
        rto_mark=app.provenance_of("rto").kind.value,
        rpo_mark=app.provenance_of("rpo").kind.value,
    )


@dataclass(frozen=True, kw_only=True)
class TestLine:
    """What one run's record says of the application."""

    __test__ = False

    run: str
    kind: str
    verdict: str
    rta: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ApplicationView:
    """One application's page."""

    app: Application
    served: Served
    fields: tuple[tuple[str, str, str, str], ...]
    """Name, value, provenance and source."""
    needs: tuple[Application, ...]
    needed_by: tuple[Application, ...]
    tests: tuple[TestLine, ...]
    findings: tuple[Finding, ...]


def application_view(
    app: Application, catalog: Catalog, served: Served, reports: Sequence[Report], findings: Sequence[Finding]
) -> ApplicationView:
    """Everything known of one application; ``reports`` newest first."""
    known = {item.id: item for item in catalog.applications}
    return ApplicationView(
        app=app,
        served=served,
        fields=_fields(app, catalog),
        needs=tuple(known[name] for name in app.depends_on if name in known),
        needed_by=tuple(other for other in catalog.applications if app.id in other.depends_on),
        tests=tuple(_test(report, item) for report in reports for item in report.applications if item.id == app.id),
        findings=tuple(finding for finding in findings if finding.subject == app.id),
    )


def _test(report: Report, item: ApplicationResult) -> TestLine:
    time = item.recovery_time
    counted = time.from_declaration if time.counts == "declaration" else time.from_disruption
    return TestLine(
        run=report.run.id, kind=report.run.kind, verdict=item.verdict.value, rta=measured(counted), reason=item.reason
    )


def _fields(app: Application, catalog: Catalog) -> tuple[tuple[str, str, str, str], ...]:
    rto, rpo = app.rto, app.rpo
    rows = (
        ("name", N_("name"), app.name),
        ("scope", N_("scope"), app.scope.value),
        ("tier", N_("tier"), str(app.tier)),
        ("department", N_("owner department"), catalog.department(app.department).name),
        ("arrangement", N_("arrangement"), app.arrangement.value),
        ("group", N_("protection group"), app.group),
        ("rto", N_("recovery time objective"), f"{objective(rto.seconds)} ({rto.basis or '–'}; {rto.owner or '–'})"),
        ("rto_from", N_("counted from"), app.rto_from.value),
        ("rpo", N_("recovery point objective"), f"{objective(rpo.seconds)} ({rpo.basis or '–'}; {rpo.owner or '–'})"),
        ("need_until", N_("needed until"), day(app.need_until)),
        ("migration_target", N_("to be moved to"), app.migration_target or "–"),
    )
    found = [
        (text, value, mark.kind.value, mark.source or "")
        for name, text, value in rows
        for mark in (app.provenance_of(name),)
    ]
    home, away = catalog.primary_site_of(app), catalog.recovery_site_of(app) or "–"
    group = catalog.group(app.group)
    primary = group.provenance.get("primary_site", group.provenance.get("default"))
    kind = primary.kind.value if primary else "assumed"
    found += [(N_("primary site"), home, kind, ""), (N_("recovery site"), away, kind, "")]
    return tuple(found)
