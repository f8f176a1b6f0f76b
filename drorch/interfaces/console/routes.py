"""The pages for people, put together."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from drorch.interfaces.console.pages import access, account, overview, plans, runs, schedule, stream, year
from drorch.interfaces.console.pages.frame import Console
from drorch.interfaces.console.render import STATIC
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import Problem


def router(context: WebContext) -> APIRouter:
    """Every page. Each route has ``dependencies=[require(...)]`` or ``[public()]``; static files are a mount."""
    console = Console(context)
    found = APIRouter(include_in_schema=False)
    for part in (
        overview.routes(console),
        overview.more(console),
        runs.routes(console),
        runs.asking(console),
        stream.routes(console),
        plans.routes(console),
        year.reports(console),
        year.routes(console),
        access.routes(console),
        schedule.routes(console),
        account.routes(console),
    ):
        found.routes.extend(part.routes)
    found.routes.append(Mount("/static", StaticFiles(directory=STATIC), name="static"))
    return found


_TITLES = {
    401: N_("Log in"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    409: N_("Refused"),
    412: N_("Changed meanwhile"),
    422: N_("Something is wrong with what was asked"),
}


def error_page(context: WebContext, request: Request, problem: Problem) -> Response | None:
    """What people see instead of a problem document; None: the document."""
    if "text/html" not in request.headers.get("accept", "*/*") and "*/*" not in request.headers.get("accept", "*/*"):
        return None
    if problem.status == 401:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?to={quote(path if request.method == 'GET' else '/', safe='')}", 303)
    view = {
        "tone": "warn" if problem.status < 500 else "bad",
        "what": problem.detail,
        "where": problem.where,
        "next_step": problem.next_step,
        "back": "/",
    }
    title = _TITLES.get(problem.status, N_("drorch failed"))
    return Console(context).page(request, "message.html", title, "error", status=problem.status, view=view)
