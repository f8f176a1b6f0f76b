"""The yearly test of working from elsewhere: how it stands, and the signatures of the departments.

It is prepared, held and sealed on the machine: that needs test accounts, and a private key which stays there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from drorch.access.denial_test.course import Standing
from drorch.access.denial_test.text import report_text, result_to_json
from drorch.app.accounts import Role
from drorch.interfaces.http.api.base import (
    Ctx,
    Cursor,
    IfMatch,
    IfNoneMatch,
    Input,
    Limit,
    Name,
    NotModified,
    Page,
    Who,
    Word,
    api_router,
    check_match,
    etag_of,
    page_of,
    tagged,
)
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.rules import require

router = api_router("/access/tests", "access")


class SignBody(Input):
    """``what``: the demand before the test, the result after it. ``applications``: those people reached (observed)."""

    department: Word
    what: Literal["demand", "result"]
    applications: Annotated[list[Word], Field(max_length=20_000)] = Field(default=[])


class Signed(BaseModel):
    """Who agreed to what, when."""

    department: str
    what: str
    person: str
    at: str
    applications: list[str]


@router.get("", dependencies=[require()])
def list_tests(context: Ctx, cursor: Cursor = None, limit: Limit = 50) -> Page[dict[str, Any]]:
    """Every test that was prepared, as it stands."""
    page = page_of(context.access_tests.names(), str, cursor, limit)
    return Page(items=[_json(_standing(context, name)) for name in page.items], next=page.next, total=page.total)


@router.get("/{test}", dependencies=[require()])
def show(test: Name, context: Ctx, response: Response, if_none_match: IfNoneMatch = None) -> dict[str, Any]:
    """How a test stands, and what it proves; department totals only."""
    data = _json(_standing(context, test))
    if tagged(response, etag_of(data), if_none_match):
        raise NotModified(response)
    return data


@router.get(
    "/{test}/report.txt",
    dependencies=[require()],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
def report(test: Name, context: Ctx) -> Response:
    """The same as one page of text."""
    return Response(report_text(_standing(context, test)).encode(), media_type="text/plain")


@router.get(
    "/{test}/evidence.zip",
    dependencies=[require(Role.OPERATOR, Role.APPROVER, Role.PLANNER)],
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
)
def evidence(test: Name, context: Ctx) -> Response:
    """The signed archive. 404 until the test was sealed."""
    data = context.access_tests.evidence(test)
    headers = {"Content-Disposition": f'attachment; filename="access-test-{test}.zip"'}
    return Response(data, media_type="application/zip", headers=headers)


@router.post("/{test}/sign", dependencies=[require(Role.DEPARTMENT)], status_code=201)
def sign(test: Name, body: SignBody, context: Ctx, who: Who, if_match: IfMatch = None) -> Signed:
    """A person of a department agrees for it. 409 for who prepared or started the test, and at the wrong time."""
    if if_match is not None:
        check_match(if_match, etag_of(_json(_standing(context, test))))
    context.access_tests.load(test)
    if body.department not in who.departments:
        raise HttpProblem(
            403,
            f"{body.department} is not of {who.name}'s departments ({', '.join(who.departments) or 'none'})",
            next_step="let a person of that department sign",
        )
    made = context.access_tests.sign(test, body.department, body.what, who.name, body.applications)
    return Signed(
        department=made.department,
        what=made.what,
        person=made.person,
        at=made.at,
        applications=list(made.applications),
    )


def _standing(context: WebContext, test: str) -> Standing:
    return context.access_tests.standing(test)


def _json(stands: Standing) -> dict[str, Any]:
    return {**result_to_json(stands), "state": stands.state, "warnings": list(stands.warnings)}
