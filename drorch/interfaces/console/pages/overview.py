"""Overview, catalog, search, language."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from drorch.app.accounts import Role
from drorch.core.errors import NotFound
from drorch.interfaces.console.i18n import language_of
from drorch.interfaces.console.pages.frame import LANGUAGE_COOKIE, Console, go, number, query
from drorch.interfaces.console.views.catalog import application_view, catalog_view
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.overview import overview
from drorch.interfaces.console.views.search import search_view
from drorch.interfaces.http.security.rules import public, require

RENEW_S = 5
REPORTS = 20


def routes(console: Console) -> APIRouter:
    """The pages everybody with a role reads."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/", dependencies=[require()])
    def first(request: Request) -> Response:
        catalog, findings = desk.catalog()
        cards = desk.cards()
        year, problem = desk.year_status()
        view = overview(
            catalog=catalog,
            findings=findings,
            served=desk.served(catalog),
            cards=cards,
            results=desk.results(cards[:REPORTS]),
            year=year,
            year_problem=problem,
            today=desk.now().wall.date(),
        )
        return console.page(request, "overview.html", N_("Overview"), "overview", live=RENEW_S, view=view)

    @router.post("/look", dependencies=[require(Role.OPERATOR)])
    def look() -> Response:
        console.look()
        return go("/", "looked")

    @router.post("/watch", dependencies=[require(Role.OPERATOR)])
    def watch() -> Response:
        console.watch()
        return go("/", "watched")

    @router.get("/catalog", dependencies=[require()])
    def catalog_list(request: Request) -> Response:
        catalog, _ = desk.catalog()
        view = catalog_view(catalog, desk.served(catalog), query(request), number(request))
        return console.page(request, "catalog.html", N_("Catalog"), "catalog", live=RENEW_S, view=view)

    @router.get("/catalog/{application}", dependencies=[require()])
    def application_page(request: Request, application: str) -> Response:
        catalog, findings = desk.catalog()
        app = next((item for item in catalog.applications if item.id == application), None)
        if app is None:
            raise NotFound(f"there is no application {application!r}", next_step="search for it")
        reports = [report for card in desk.cards()[:REPORTS] if (report := desk.report(card.run)) is not None]
        view = application_view(app, catalog, desk.served(catalog)[app.id], reports, findings)
        return console.page(request, "application.html", app.name, "catalog", live=RENEW_S, view=view)

    @router.get("/search", dependencies=[require()])
    def search(request: Request) -> Response:
        catalog, _ = desk.catalog()
        view = search_view(query(request).get("q", ""), catalog, desk.served(catalog), desk.cards(), desk.plans())
        return console.page(request, "search.html", N_("Search"), "search", view=view)

    return router


def more(console: Console) -> APIRouter:
    """Findings, and the switch of the language."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/findings", dependencies=[require()])
    def findings_page(request: Request) -> Response:
        _, findings = desk.catalog()
        return console.page(request, "findings.html", N_("Findings in the catalog"), "catalog", findings=findings)

    @router.get("/language/{code}", dependencies=[public()])
    def language(code: str, to: str = "/") -> Response:
        # Only to a page of ours: an address that leads elsewhere would make this a trap.
        inside = to.startswith("/") and not to.startswith("//") and "\\" not in to
        response = RedirectResponse(to if inside else "/", 303)
        if (known := language_of(code)) is not None:
            response.set_cookie(
                LANGUAGE_COOKIE, known.code, max_age=365 * 86400, httponly=True, samesite="strict", path="/"
            )
        return response

    return router
