"""Papers for people as answers: one page, or a PDF."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from drorch.interfaces.http.api.at_once import AtOnce
from drorch.interfaces.http.api.reports import report_csp
from drorch.interfaces.http.context import WebContext
from drorch.report.page import Page

_setting = AtOnce(2, wait_s=10.0)
"""A PDF takes a processor for as long as it is made."""
HTML: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/html": {}}}}
PDF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/pdf": {}}}}
CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {}}}}


def html_of(context: WebContext, page: Page) -> Response:
    """The page with everything inside, and a policy that allows nothing else."""
    text = context.papers.html(page)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": report_csp(text)})


def pdf_of(context: WebContext, page: Page, *, name: str, made_at: str) -> Response:
    """429 while others are waiting for theirs, Broken where the packages of the extra ``pdf`` are missing."""
    with _setting.turn():
        data = context.papers.pdf(page, made_at)
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(data, media_type="application/pdf", headers=headers)
