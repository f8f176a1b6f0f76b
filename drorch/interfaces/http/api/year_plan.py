"""The year to come: what does not hold any more, a place for every test that is owed, the pack for the review."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.catalog.files import load_catalog_file
from drorch.catalog.text import MAX_BYTES
from drorch.core.files import read_input
from drorch.interfaces.http.api.at_once import AtOnce
from drorch.interfaces.http.api.base import (
    Ctx,
    IfMatch,
    IfNoneMatch,
    Input,
    Line,
    NotModified,
    Who,
    api_router,
    check_match,
    etag_of,
    tagged,
)
from drorch.interfaces.http.api.papers import HTML, PDF, html_of, pdf_of
from drorch.interfaces.http.api.plans import FindingOut, finding_out
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.rules import require
from drorch.report.page import Page as Paper
from drorch.report.review.operations import review_pack
from drorch.year.check import check_programme
from drorch.year.codec import event_to_json
from drorch.year.freshness import stale_to_json
from drorch.year.load import load_programme
from drorch.year.operations import Year, load_year
from drorch.year.planning.codec import plan_to_json
from drorch.year.planning.model import YearPlan
from drorch.year.planning.operations import book_plan, lay_out, load_planner_file
from drorch.year.statement import Said

router = api_router("/year", "year")
_planning = AtOnce(1, wait_s=10.0)
Number = Annotated[int | None, Query(ge=1900, le=2999, description="Like 2027. Default: this year.")]
MayMove = Annotated[bool, Query(description="Booked tests may move, as few as possible and at most two.")]
RetestStale = Annotated[bool, Query(description="Also tests whose evidence does not hold any more.")]
Signers = Annotated[
    list[Annotated[str, Field(max_length=300)]] | None,
    Query(max_length=20, description="ROLE=NAME: a line to sign on."),
]
On = Annotated[date | None, Query(description="Status of this day. Default: today.")]


class BookPlanBody(Input):
    """The plan that was read, asked for in the same way, with its ETag as If-Match."""

    year: Annotated[int, Field(ge=1900, le=2999, strict=True)] | None = None
    may_move: bool = False
    retest_stale: bool = False
    reason: Line


class Booked(BaseModel):
    """What was written into the log of the year."""

    events: list[dict[str, Any]]


@router.get("/stale", dependencies=[require()])
def stale(context: Ctx) -> dict[str, Any]:
    """Tests whose evidence does not hold any more today: what changed since, and what to test anew."""
    year = _year(context)
    found = year.freshness(year.status()[0])
    return {
        "on": found.on.isoformat(),
        "stale": [stale_to_json(item) for item in found.stale],
        "fresh": [{"application": item.application, "run": item.run} for item in found.fresh],
    }


@router.get("/findings", dependencies=[require()])
def check(context: Ctx) -> list[FindingOut]:
    """Faults of the programme file against the catalog."""
    catalog = load_catalog_file(context.files.catalog)
    programme = load_programme(read_input(context.files.year, MAX_BYTES), str(context.files.year), catalog)
    return [finding_out(item) for item in check_programme(programme, catalog)]


@router.get("/plan", dependencies=[require()])
def plan(
    context: Ctx,
    response: Response,
    year: Number = None,
    may_move: MayMove = False,
    retest_stale: RetestStale = False,
    if_none_match: IfNoneMatch = None,
) -> dict[str, Any]:
    """A place for every test that a year still owes from tomorrow on; booked ones stay. Nothing is written."""
    found = _laid_out(context, year, may_move, retest_stale)
    data = plan_to_json(found)
    if tagged(response, etag_of(data), if_none_match):
        raise NotModified(response)
    return data


@router.post("/plan/book", dependencies=[require(Role.PLANNER)], status_code=201)
def book(body: BookPlanBody, context: Ctx, who: Who, if_match: IfMatch = None) -> Booked:
    """Book exactly the plan that was read: 428 without its ETag, 412 when it is another one by now, 409 when not all
    tests have a place."""
    if if_match is None:
        raise HttpProblem(428, "booking needs If-Match", where="If-Match", next_step="read the plan, send its ETag")
    found = _laid_out(context, body.year, body.may_move, body.retest_stale)
    check_match(if_match, etag_of(plan_to_json(found)))
    events = book_plan(_year(context), found, Said(person=who.name, reason=body.reason))
    return Booked(events=[event_to_json(event) for event in events])


@router.get("/review.html", dependencies=[require()], response_class=Response, responses=HTML)
def review_page(context: Ctx, on: On = None, sign: Signers = None) -> Response:
    """The management-review pack: the year, corrective actions, after-action reports, lines to sign on."""
    return html_of(context, _pack(context, on, sign)[0])


@router.get("/review.pdf", dependencies=[require()], response_class=Response, responses=PDF)
def review_pdf(context: Ctx, on: On = None, sign: Signers = None) -> Response:
    """The same as PDF."""
    page, day = _pack(context, on, sign)
    return pdf_of(context, page, name=f"review-{day}", made_at=f"{day}T00:00:00+00:00")


def _pack(context: WebContext, on: date | None, sign: list[str] | None) -> tuple[Paper, date]:
    programme, _ = load_year(context.files.year, context.files.catalog)
    year = _year(context)
    page = review_pack(year, context.actions, context.after_actions, programme.title, on, sign or ())
    return page, on or year.today()


def _year(context: WebContext) -> Year:
    programme, catalog = load_year(context.files.year, context.files.catalog)
    return context.year(programme, catalog)


def _laid_out(context: WebContext, number: int | None, may_move: bool, retest_stale: bool) -> YearPlan:
    with _planning.turn():
        programme, catalog = load_year(context.files.year, context.files.catalog)
        year = context.year(programme, catalog)
        first = year.today() + timedelta(days=1)
        rules = load_planner_file(context.files.planner, catalog)
        return lay_out(
            year, rules, programme, catalog, number or first.year, first, may_move=may_move, retest_stale=retest_stale
        )
