"""The pages for people. ``/login``, ``/logout`` and ``/first?code=`` are pages too: what they do is in
``drorch.web.security.signin`` (`sign_in`, `sign_out`, `first_admin`)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from drorch.web.context import WebContext
from drorch.web.problems import Problem


def router(context: WebContext) -> APIRouter:
    """Every page. Each route has ``dependencies=[require(...)]`` or ``[public()]``; static files are a mount."""
    del context
    return APIRouter(include_in_schema=False)


def error_page(context: WebContext, request: Request, problem: Problem) -> Response | None:
    """What people see instead of a problem document; None: the document."""
    del context, request, problem
    return None
