"""The year: how it stands, what was done by hand, what is planned, when sites are open."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.core.codec import plain
from drorch.core.errors import NotFound
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
from drorch.interfaces.http.api.uploads import EvidenceFiles, kept
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.principal import Principal
from drorch.interfaces.http.security.rules import require
from drorch.year.codec import event_to_json, status_to_json
from drorch.year.local_time import parse_instant
from drorch.year.log import YearEvent
from drorch.year.model import Activity, TestResult
from drorch.year.operations import Claim, Wish, Year, load_year
from drorch.year.statement import Said

router = api_router("/year", "year")
LONGEST_S = 366 * 86_400.0
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)]
Start = Annotated[str, Field(min_length=1, max_length=40, description="By the first site's clock: 2013-03-09T06:00.")]


class RecordBody(Input):
    """As ``drorch year record``."""

    activity: Activity
    subjects: Annotated[list[Word], Field(min_length=1, max_length=1000)]
    reason: Line
    day: date | None = None
    result: TestResult | None = None
    evidence: EvidenceFiles = Field(default=[])
    run: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}$")] = None
    component: Word | None = None
    signed_off_by: Line | None = None
    took_part: Annotated[int | None, Field(ge=0, le=10**7, strict=True)] = None
    expected: Annotated[int | None, Field(ge=0, le=10**7, strict=True)] = None


class ReasonBody(Input):
    """Why."""

    reason: Line


class BookBody(Input):
    """As ``drorch year book``."""

    id: Word
    activity: Activity
    title: Line
    sites: Annotated[list[Word], Field(min_length=1, max_length=100)]
    subjects: Annotated[list[Word], Field(min_length=1, max_length=20_000)]
    start: Start
    seconds: Seconds
    reason: Line


class MoveBody(Input):
    """Another time; another length when it is given."""

    start: Start
    seconds: Seconds | None = None
    reason: Line


class Recorded(BaseModel):
    """What was written, and for which obligation it does not count."""

    event: dict[str, Any]
    warnings: list[str]


class Window(BaseModel):
    """Whether a site is open for tests."""

    site: str
    at: datetime
    open: bool
    because: list[str]
    next_open: datetime | None


@router.get("/status", dependencies=[require()])
def status(
    context: Ctx,
    on: date | None = None,
    obligation: Annotated[str | None, Query(max_length=128, description="Only this one.")] = None,
) -> dict[str, Any]:
    """How the year stands at the end of a day (today when none is named)."""
    found, findings = _year(context).status(on)
    if obligation is not None and obligation not in found.totals():
        known = ", ".join(found.totals()) or "none"
        raise NotFound(f"no obligation {obligation!r} is in force on {found.on}", next_step=f"in force: {known}")
    data = status_to_json(found)
    duties = data.get("duties")
    if obligation is not None and isinstance(duties, list):
        data["duties"] = [item for item in duties if item.get("obligation") == obligation]
    return {**data, "findings": plain(findings)}


@router.get("/records", dependencies=[require()])
def records(
    context: Ctx, response: Response, cursor: Cursor = None, limit: Limit = 100, if_none_match: IfNoneMatch = None
) -> Page[dict[str, Any]]:
    """Everything people said about the year, in order."""
    events = _year(context).events()
    if tagged(response, log_etag(events), if_none_match):
        raise NotModified(response)
    page = page_of(events, lambda event: str(event.seq), cursor, limit)
    return Page(items=[event_to_json(event) for event in page.items], next=page.next, total=page.total)


@router.post("/records", dependencies=[require(Role.PLANNER, Role.DEPARTMENT)], status_code=201)
def record(body: RecordBody, context: Ctx, who: Who, if_match: IfMatch = None) -> Recorded:
    """Write down what was done by hand. The role department may do so for its own departments only."""
    year = _year(context)
    _check_log(year, if_match)
    _own_only(context, who, body.subjects)
    with kept(body.evidence) as files:
        claim = Claim(
            activity=body.activity,
            subjects=tuple(dict.fromkeys(body.subjects)),
            day=body.day,
            result=body.result,
            files=files,
            run=body.run,
            component=body.component,
            signed_off_by=body.signed_off_by,
            took_part=body.took_part,
            expected=body.expected,
        )
        event, warnings = year.record(claim, Said(person=who.name, reason=body.reason))
    return Recorded(event=event_to_json(event), warnings=list(warnings))


@router.post("/records/{number}/withdraw", dependencies=[require(Role.PLANNER)])
def withdraw(number: int, body: ReasonBody, context: Ctx, who: Who, if_match: IfMatch = None) -> dict[str, Any]:
    """Let a record not count any more. Both stay in the log."""
    year = _year(context)
    _check_log(year, if_match)
    return event_to_json(year.withdraw(number, Said(person=who.name, reason=body.reason)))


@router.get("/bookings", dependencies=[require()])
def bookings(context: Ctx, cursor: Cursor = None, limit: Limit = 100) -> Page[dict[str, Any]]:
    """Planned tests."""
    page = page_of(_year(context).bookings(), lambda item: item.id, cursor, limit)
    return Page(items=plain(page.items), next=page.next, total=page.total)


@router.post("/bookings", dependencies=[require(Role.PLANNER)], status_code=201)
def book(body: BookBody, context: Ctx, who: Who, if_match: IfMatch = None) -> dict[str, Any]:
    """Plan a test. 409 when a site is not open for all of it."""
    year = _year(context)
    _check_log(year, if_match)
    wish = Wish(
        id=body.id,
        activity=body.activity,
        title=body.title,
        sites=tuple(dict.fromkeys(body.sites)),
        subjects=tuple(dict.fromkeys(body.subjects)),
        start=body.start,
        seconds=body.seconds,
    )
    return event_to_json(year.book(wish, Said(person=who.name, reason=body.reason)))


@router.post("/bookings/{booking}/move", dependencies=[require(Role.PLANNER)])
def move(booking: Name, body: MoveBody, context: Ctx, who: Who, if_match: IfMatch = None) -> dict[str, Any]:
    """Give a planned test another time."""
    year = _year(context)
    _check_log(year, if_match)
    return event_to_json(year.move(booking, body.start, body.seconds, Said(person=who.name, reason=body.reason)))


@router.post("/bookings/{booking}/call-off", dependencies=[require(Role.PLANNER)])
def call_off(booking: Name, body: ReasonBody, context: Ctx, who: Who, if_match: IfMatch = None) -> dict[str, Any]:
    """Say that a planned test will not be held."""
    year = _year(context)
    _check_log(year, if_match)
    return event_to_json(year.call_off(booking, Said(person=who.name, reason=body.reason)))


@router.get(
    "/calendar.ics",
    dependencies=[require()],
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}}},
)
def calendar(context: Ctx) -> Response:
    """The planned tests as an iCalendar feed."""
    return Response(_year(context).feed().encode(), media_type="text/calendar")


@router.get("/windows/{site}", dependencies=[require()])
def window(
    site: Name,
    context: Ctx,
    at: Annotated[str | None, Query(max_length=40, description="By the site's clock; default: now.")] = None,
    seconds: Annotated[float, Query(ge=0, le=LONGEST_S, allow_inf_nan=False, description="Open so long.")] = 0,
) -> Window:
    """Whether a site is open for tests at a time, and when it is next."""
    programme, _ = load_year(context.files.year, context.files.catalog)
    windows = programme.windows
    if site not in windows.zones:
        raise NotFound(f"there is no site {site!r}", next_step=f"sites are: {', '.join(windows.zones)}")
    instant = parse_instant(at, windows.zones[site], "at") if at else context.clock.now().wall
    return Window(
        site=site,
        at=instant,
        open=windows.is_open_for(instant, site, seconds),
        because=[f"{rule.effect.value} {rule.id}: {rule.reason}" for rule in windows.why(instant, site)],
        next_open=windows.next_open(instant, site, for_s=seconds),
    )


def log_etag(events: tuple[YearEvent, ...]) -> str:
    """Changes with every entry."""
    return etag_of("year", events[-1].hash if events else "")


def _year(context: WebContext) -> Year:
    programme, catalog = load_year(context.files.year, context.files.catalog)
    return context.year(programme, catalog)


def _check_log(year: Year, if_match: str | None) -> None:
    if if_match is not None:
        check_match(if_match, log_etag(year.events()))


def _own_only(context: WebContext, who: Principal, subjects: list[str]) -> None:
    """403 when somebody speaks for a department that is not theirs. Planners may for all."""
    if who.has(Role.PLANNER):
        return
    _, catalog = load_year(context.files.year, context.files.catalog)
    own = {*who.departments, *(app.id for app in catalog.applications if app.department in who.departments)}
    foreign = [subject for subject in subjects if subject not in own]
    if foreign:
        raise HttpProblem(
            403,
            f"{foreign[0]} is not of {who.name}'s departments ({', '.join(who.departments) or 'none'})",
            next_step="let that department, or a planner, write it down",
        )
