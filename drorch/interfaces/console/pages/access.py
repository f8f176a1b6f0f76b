"""Remote access: what the model says, and the model with what was last read. No page asks a system."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from drorch.access.live_check import Checked, check_files
from drorch.access.operations import assess_file
from drorch.core.errors import DrorchError, NotFound
from drorch.interfaces.console.pages.frame import Console
from drorch.interfaces.console.pages.plans import told
from drorch.interfaces.console.views.access_check import check_page
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.year import access_page
from drorch.interfaces.http.security.rules import require

RENEW_S = 30


def routes(console: Console) -> APIRouter:
    """Everything below /access."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/access", dependencies=[require()])
    def access(request: Request) -> Response:
        try:
            view, problem = access_page(assess_file(desk.places.capacity, desk.now().wall)), ""
        except DrorchError as error:
            view, problem = None, told(error)
        return console.page(request, "access.html", N_("Remote access"), "access", view=view, problem=problem)

    @router.get("/access/check", dependencies=[require()])
    def as_read(request: Request) -> Response:
        view, check, problem = None, None, ""
        try:
            found = _checked(console)
            view, check = access_page(found.assessment, found.measured), check_page(found)
        except DrorchError as error:
            problem = told(error)
        return console.page(
            request, "access_check.html", N_("Remote access, as read"), "access", live=RENEW_S, view=view, check=check,
            problem=problem,
        )  # fmt: skip

    return router


def _checked(console: Console) -> Checked:
    files = console.context.files
    if not files.access.exists():
        raise NotFound(
            "no systems are named that tell about remote access: nothing was read",
            where=str(files.access),
            next_step="write it (docs/citrix.md) and let the schedule run its check access-poll",
        )
    return check_files(console.context.access_parts(), model=files.capacity, sources=files.access)
