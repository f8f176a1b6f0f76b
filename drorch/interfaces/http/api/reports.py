"""The record of a run, and its evidence as one sealed archive."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.core.codec import plain
from drorch.evidence.export import export_run
from drorch.evidence.record.files import load_report
from drorch.interfaces.http.api.base import Ctx, IfNoneMatch, NotModified, RunId, api_router, etag_of, tagged
from drorch.interfaces.http.security.rules import require
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text

router = api_router("/runs", "reports")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.S)
_STYLE_OF_ELEMENT = re.compile(r"\sstyle=\"([^\"]*)\"")


def report_csp(page: str) -> str:
    """The page is one file with its styles inside: exactly these are allowed, by their hashes, and nothing else."""
    found = {*_STYLE.findall(page), *_STYLE_OF_ELEMENT.findall(page)}
    hashes = sorted(base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found)
    allowed = " ".join(f"'sha256-{item}'" for item in hashes)
    inside = "img-src data:; font-src data:"
    return f"default-src 'none'; style-src 'unsafe-hashes' {allowed}; {inside}; base-uri 'none'; sandbox"


@router.get("/{run}/report", dependencies=[require()])
def show(run: RunId, context: Ctx, response: Response, if_none_match: IfNoneMatch = None) -> dict[str, Any]:
    """The record itself. 404 until it is written."""
    data: dict[str, Any] = plain(load_report(context.home, run))
    if tagged(response, etag_of(data), if_none_match):
        raise NotModified(response)
    return data


@router.get(
    "/{run}/report.html",
    dependencies=[require()],
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
)
def page(run: RunId, context: Ctx) -> Response:
    """The record as one page for people."""
    text = report_as_html(load_report(context.home, run))
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": report_csp(text)})


@router.get(
    "/{run}/report.txt",
    dependencies=[require()],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
def text(run: RunId, context: Ctx) -> Response:
    """The record as plain text."""
    return Response(report_as_text(load_report(context.home, run)), media_type="text/plain")


@router.get(
    "/{run}/evidence.zip",
    dependencies=[require(Role.OPERATOR, Role.APPROVER, Role.PLANNER)],
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
)
def evidence(run: RunId, context: Ctx) -> Response:
    """Everything the run proved, as one archive that shows any later change. Check it: ``drorch report verify``."""
    exported = export_run(context.sealing(), run)
    headers = {
        "Content-Disposition": f'attachment; filename="evidence-{exported.run}.zip"',
        "X-Evidence-Root": exported.root,
        "X-Evidence-Sha256": exported.sha256,
    }
    return Response(exported.data, media_type="application/zip", headers=headers)
