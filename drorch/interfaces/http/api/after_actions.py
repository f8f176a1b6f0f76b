"""After-action reports: generated from evidence, completed by people, reviewed, approved by who did not write them."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.core.codec import plain
from drorch.interfaces.http.api.base import (
    Ctx,
    Cursor,
    IfMatch,
    IfNoneMatch,
    Input,
    Limit,
    Line,
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
from drorch.interfaces.http.api.papers import CSV, HTML, PDF, html_of, pdf_of
from drorch.interfaces.http.api.plans import FindingOut, finding_out
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.principal import Principal
from drorch.interfaces.http.security.rules import require
from drorch.report.after_action.codec import register_csv
from drorch.report.after_action.log import Edited
from drorch.report.after_action.log import Field as Written
from drorch.report.after_action.model import AfterAction, Rating
from drorch.report.after_action.operations import AfterActions, Draft
from drorch.year.statement import LONGEST_PAGE, Said

router = api_router("/after-actions", "after-action reports")
WRITERS = require(Role.PLANNER, Role.OPERATOR)
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}$")]
Version = Annotated[int | None, Query(ge=1, le=100_000, description="An approved version. Default: the newest.")]


class Why(Input):
    """A decision has a reason."""

    reason: Line


class DraftBody(Why):
    """``id`` None: made of the first run's. With the id of a report: its evidence anew, what people wrote stays."""

    runs: list[RunName] = Field(default=[], max_length=100)
    records: list[Annotated[int, Field(ge=1, le=10**9, strict=True)]] = Field(default=[], max_length=100)
    id: Word | None = None
    title: Line | None = None


class EditBody(Why):
    """One thing is written; ``text`` null takes it out. ``item``: which objective, finding or entry."""

    field: Written
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_PAGE)] | None
    item: Line | None = None
    rating: Rating | None = None
    role: Line | None = None
    organisation: Line | None = None
    when: Line | None = None


class ReadBody(Why):
    """``content``: the hash of what was read, as the report has it. 409 when it says something else by now."""

    content: Word


class Short(BaseModel):
    """A report in short. ``content``: the hash of what it says."""

    id: str
    title: str
    version: int
    state: str
    content: str
    reviewed: dict[str, Any] | None
    approved: dict[str, Any] | None


@router.get("", dependencies=[require()])
def list_reports(context: Ctx, cursor: Cursor = None, limit: Limit = 100) -> Page[Short]:
    """All reports in their newest version."""
    reports = _reports(context)
    page = page_of(reports.names(), str, cursor, limit)
    return Page(
        items=[_short(reports.book(name).version(None)) for name in page.items], next=page.next, total=page.total
    )


@router.get("/register.csv", dependencies=[require()], response_class=Response, responses=CSV)
def register(context: Ctx) -> Response:
    """All reports, one a line."""
    reports = _reports(context)
    text = register_csv(reports.book(name).version(None) for name in reports.names())
    return Response(text.encode(), media_type="text/csv")


@router.post("", dependencies=[WRITERS], status_code=201)
def draft(body: DraftBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Generate a report from evidence. 409 when a run has not ended. If-Match: of the report that is drafted anew."""
    if if_match is not None and body.id is not None:
        _check(context, body.id, if_match)
    wish = Draft(runs=tuple(body.runs), records=tuple(body.records), id=body.id, title=body.title)
    made = _reports(context).draft(wish, _said(who, body))
    response.headers["Location"] = f"{router.prefix}/{made.id}"
    return _answer(response, made)


@router.get("/{report}", dependencies=[require()])
def show(
    report: Name, context: Ctx, response: Response, version: Version = None, if_none_match: IfNoneMatch = None
) -> dict[str, Any]:
    """The report itself (docs/after-action.schema.json)."""
    data = _json(_reports(context).book(report).version(version))
    if tagged(response, etag_of(data), if_none_match):
        raise NotModified(response)
    return data


@router.get("/{report}/findings", dependencies=[require()])
def check(report: Name, context: Ctx) -> list[FindingOut]:
    """What is missing, which numbers people wrote that stand in no record, whether a record has changed."""
    reports = _reports(context)
    return [finding_out(found) for found in reports.check(reports.book(report).version(None))]


@router.get("/{report}/report.html", dependencies=[require()], response_class=Response, responses=HTML)
def page(report: Name, context: Ctx, version: Version = None) -> Response:
    """As one page for people, nothing fetched; with the corrective actions as they stand today."""
    reports = _reports(context)
    return html_of(context, reports.page(reports.book(report).version(version)))


@router.get("/{report}/report.pdf", dependencies=[require()], response_class=Response, responses=PDF)
def pdf(report: Name, context: Ctx, version: Version = None) -> Response:
    """As PDF. 500 where drorch was installed without its extra ``pdf``; 429 while others wait for theirs."""
    reports = _reports(context)
    found = reports.book(report).version(version)
    return pdf_of(context, reports.page(found), name=found.id, made_at=found.drafted.at)


@router.post("/{report}/edit", dependencies=[WRITERS])
def edit(
    report: Name, body: EditBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Write one thing, or take it out. An approved report gets its next version by it."""
    _check(context, report, if_match)
    change = Edited(**body.model_dump(exclude={"reason"}))
    return _answer(response, _reports(context).edit(report, change, _said(who, body)))


@router.post("/{report}/review", dependencies=[require(Role.PLANNER, Role.APPROVER)])
def review(
    report: Name, body: ReadBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Say that you have read it as it is. 409 for an author, and while something is missing."""
    _check(context, report, if_match)
    return _answer(response, _reports(context).review(report, _said(who, body), body.content))


@router.post("/{report}/approve", dependencies=[require(Role.APPROVER)])
def approve(
    report: Name, body: ReadBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Approve exactly what was read. 409 for an author, or when nobody has reviewed it."""
    _check(context, report, if_match)
    return _answer(response, _reports(context).approve(report, _said(who, body), body.content))


def _reports(context: WebContext) -> AfterActions:
    return context.after_actions


def _said(who: Principal, body: Why) -> Said:
    return Said(person=who.name, reason=body.reason)


def _json(found: AfterAction) -> dict[str, Any]:
    return cast(dict[str, Any], plain(found))


def _short(found: AfterAction) -> Short:
    data = _json(found)
    return Short(**{name: data[name] for name in Short.model_fields})


def _check(context: WebContext, report: str, if_match: str | None) -> None:
    if if_match is not None:
        check_match(if_match, etag_of(_json(_reports(context).book(report).version(None))))


def _answer(response: Response, found: AfterAction) -> dict[str, Any]:
    data = _json(found)
    response.headers["ETag"] = etag_of(data)
    return data
