"""Papers for people as answers: one page, or a PDF."""

from __future__ import annotations

import threading
from typing import Any, Final

from starlette.responses import Response

from drorch.report.page import Page
from drorch.web.api.reports import report_csp
from drorch.web.context import WebContext
from drorch.web.problems import HttpProblem

_setting = threading.BoundedSemaphore(2)
"""A PDF takes a processor for as long as it is made."""
WAIT_S: Final = 10.0
HTML: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/html": {}}}}
PDF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/pdf": {}}}}
CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {}}}}


def html_of(context: WebContext, page: Page) -> Response:
    """The page with everything inside, and a policy that allows nothing else."""
    text = context.papers.html(page)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": report_csp(text)})


def pdf_of(context: WebContext, page: Page, *, name: str, made_at: str) -> Response:
    """429 while others are waiting for theirs, Broken where the packages of the extra ``pdf`` are missing."""
    if not _setting.acquire(timeout=WAIT_S):
        raise HttpProblem(429, "others wait for a PDF", next_step="wait some seconds", headers={"Retry-After": "5"})
    try:
        data = context.papers.pdf(page, made_at)
    finally:
        _setting.release()
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(data, media_type="application/pdf", headers=headers)
