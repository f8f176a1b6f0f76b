"""Errors over HTTP: RFC 9457 problem documents made of ``drorch.core.errors``, for every error there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drorch.core.errors import DrorchError, ExitCode, InputInvalid, NotFound, OperatorNeeded, ProviderFailed, Refused
from drorch.core.records import Stale
from drorch.core.redact import redact_text

MEDIA_TYPE = "application/problem+json"
_STATUS: Final[tuple[tuple[type[DrorchError], int], ...]] = (
    (NotFound, 404),
    (InputInvalid, 422),
    (Stale, 412),
    (Refused, 409),
    (OperatorNeeded, 409),
    (ProviderFailed, 503),
)


class Invalid(BaseModel):
    """One field that does not fit."""

    field: str
    message: str


class Problem(BaseModel):
    """An error: what is wrong, where, and what to do next (RFC 9457, with the members of drorch's own errors)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable name of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What is wrong.")
    where: str | None = Field(default=None, description="File, field or run it is about.")
    next_step: str | None = Field(default=None, description="What to do next.")
    exit_code: int = Field(description="What the same error makes the drorch command end with.")
    errors: list[Invalid] = Field(default=[])


class HttpProblem(DrorchError):
    """An error that only HTTP knows: no right to it, too much, too often."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(
        self,
        status: int,
        what: str,
        *,
        where: str | None = None,
        next_step: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.status, self.headers = status, dict(headers or {})
        if status in (401, 403):
            self.exit_code = ExitCode.REFUSED


def problem_of(error: DrorchError) -> Problem:
    """The document for an error."""
    status = error.status if isinstance(error, HttpProblem) else _status(error)
    return _problem(
        status,
        detail=redact_text(error.what),
        where=error.where,
        next_step=error.next_step,
        exit_code=int(error.exit_code),
    )


def _status(error: DrorchError) -> int:
    if error.exit_code is ExitCode.REFUSED and not isinstance(error, Refused):
        return 409  # JournalConflict: another driver was faster
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _problem(status: int, *, detail: str, exit_code: int, **more: Any) -> Problem:
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    kind = f"urn:drorch:problem:{title.lower().replace(' ', '-')}"
    return Problem(type=kind, title=title, status=status, detail=detail, exit_code=exit_code, **more)


ErrorPage = Callable[[Request, Problem], Response | None]
"""A page for people instead of the document; None: the document."""


def install(app: FastAPI, error_page: ErrorPage) -> None:
    """Let every error of the app be answered by a problem document, or by a page outside the API."""

    def answer(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
        request.state.problem = problem
        page = None if request.url.path.startswith("/api/") else error_page(request, problem)
        if page is not None:
            page.headers.update(headers or {})
            return page
        content = problem.model_dump(exclude_none=True)
        return JSONResponse(content, problem.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)

    @app.exception_handler(DrorchError)
    def _ours(request: Request, error: DrorchError) -> Response:
        return answer(request, problem_of(error), error.headers if isinstance(error, HttpProblem) else None)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        # Never the value itself: it may be a password.
        errors = [
            Invalid(field=".".join(str(part) for part in item["loc"]), message=str(item["msg"]))
            for item in error.errors()
        ]
        first = errors[0] if errors else Invalid(field="", message="the request does not fit")
        detail = f"{first.field}: {first.message}"
        step = "see /api/v1/openapi.json"
        return answer(request, _problem(422, detail=detail, next_step=step, exit_code=2, errors=errors))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        code = int(ExitCode.BROKEN if error.status_code >= 500 else ExitCode.BAD_INPUT)
        return answer(request, _problem(error.status_code, detail=str(error.detail), exit_code=code), error.headers)

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> Response:
        detail = f"drorch failed ({type(error).__name__}); the server's log says more"
        return answer(request, _problem(500, detail=detail, exit_code=int(ExitCode.BROKEN)))


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code, text in (("4XX", "What was asked for is wrong, or not allowed."), ("5XX", "drorch itself failed."))
}
"""``responses`` of every route of the API."""
