"""The year, reports and evidence, corrective actions."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from drorch.app.accounts import Role
from drorch.core.errors import DrorchError, NotFound
from drorch.core.state_folder import run_folder
from drorch.evidence.export import export_run
from drorch.interfaces.console.pages.frame import Console, go, number, query, texts_of_form
from drorch.interfaces.console.pages.plans import told
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.paging import page_of
from drorch.interfaces.console.views.runs import run_card
from drorch.interfaces.console.views.year import actions_shown, year_page
from drorch.interfaces.http.security.rules import require
from drorch.orchestration.difference_acceptance import accept_difference
from drorch.report.after_action.operations import newest
from drorch.report.paper import page_as_html

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The report is one file for anywhere: its style is inside. It holds no script, and none may run."""


def routes(console: Console) -> APIRouter:
    """The year, corrective actions."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/year", dependencies=[require()])
    def year(request: Request) -> Response:
        try:
            programme, of_year = desk.year()
            status, findings = of_year.status()
            events = of_year.events()
            view = year_page(
                programme, status, events, of_year.bookings(), desk.now().wall, query(request), number(request)
            )
        except DrorchError as error:
            return console.page(
                request, "year.html", N_("The year"), "year", view=None, problem=told(error), findings=()
            )
        return console.page(request, "year.html", N_("The year"), "year", view=view, problem="", findings=findings)

    @router.get("/year/calendar.ics", dependencies=[require()])
    def calendar() -> Response:
        return Response(desk.year()[1].feed(), media_type="text/calendar")

    @router.get("/actions", dependencies=[require()])
    def actions(request: Request) -> Response:
        kept = console.context.actions
        shown = actions_shown(tuple(kept.read_only().actions.values()), desk.now().wall.date())
        page = page_of(shown, number(request), {})
        return console.page(request, "actions.html", N_("Corrective actions"), "actions", page=page)

    @router.get("/actions/{action}", dependencies=[require()])
    def one_action(request: Request, action: str) -> Response:
        kept = console.context.actions.read_only().actions
        if action not in kept:
            raise NotFound(f"there is no corrective action {action!r}", next_step="see the list")
        return console.page(
            request, "action.html", N_("Corrective action"), "actions", view=kept[action],
            overdue=kept[action].overdue(desk.now().wall.date()),
        )  # fmt: skip

    return router


def reports(console: Console) -> APIRouter:
    """Reports, evidence, and differences that somebody accepts."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/reports", dependencies=[require()])
    def report_list(request: Request) -> Response:
        found = [(card, report) for card in desk.cards() if (report := desk.record(card)) is not None]
        page = page_of(found, number(request), {}, size=30)
        kept = console.context.after_actions
        return console.page(
            request, "reports.html", N_("Reports"), "reports", page=page, papers=newest(kept, kept.names())
        )

    @router.get("/after-action/{report_id}", dependencies=[require()])
    def after_action(report_id: str) -> Response:
        kept = console.context.after_actions
        paper = page_as_html(kept.page(kept.book(report_id).version(None)))
        return HTMLResponse(paper, headers={"Content-Security-Policy": REPORT_POLICY})

    @router.get("/runs/{run}/report", dependencies=[require()])
    def report(run: str) -> Response:
        path = run_folder(console.context.home, run).report("html")
        if not path.exists():
            raise NotFound(f"the run {run} has no report yet", next_step="wait for its end")
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    @router.get("/runs/{run}/evidence.zip", dependencies=[require()])
    def evidence(run: str) -> Response:
        exported = export_run(console.context.sealing(), run)
        name = f"{run}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Evidence-SHA256": exported.sha256}
        return Response(exported.data, media_type="application/zip", headers=headers)

    @router.get("/runs/{run}/accept", dependencies=[require(Role.OPERATOR)])
    def accept_page(request: Request, run: str, name: str = "") -> Response:
        return _accept(console, request, run, name, "")

    @router.post("/runs/{run}/accept", dependencies=[require(Role.OPERATOR)])
    async def accept(request: Request, run: str) -> Response:
        form = texts_of_form(await request.form())
        return await console.in_thread(lambda: _accepted(console, request, run, form))

    return router


def _accept(console: Console, request: Request, run: str, name: str, problem: str, status: int = 200) -> Response:
    report = console.desk.report(run)
    known = report.baseline.differences if report is not None and report.baseline is not None else ()
    found = next((item for item in known if item.name == name), None)
    if found is None:
        raise NotFound(f"the run left no difference {name!r}", where=f"run {run}", next_step="see its report")
    return console.page(
        request, "accept.html", N_("Accept a difference"), "runs", status=status, item=found,
        run=run_card(console.desk.run(run)), problem=problem,
    )  # fmt: skip


def _accepted(console: Console, request: Request, run: str, form: dict[str, str]) -> Response:
    name = form.get("name", "")
    request.state.noted = f"accept {name} of {run}"
    try:
        accept_difference(
            console.context.service, console.context.parts, run, name, person=console.person(request).name,
            reason=form.get("reason", ""),
        )  # fmt: skip
    except NotFound:
        raise
    except DrorchError as error:
        return _accept(console, request, run, name, told(error), 409)
    return go(f"/runs/{run}", "accepted")
