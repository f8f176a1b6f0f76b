"""Call-out exercises: who was reached. Nothing shown here holds an address.

An exercise is begun on the machine: a process of its own sends its messages and has to be looked after.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.callout.result import result_to_json
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
    api_router,
    check_match,
    etag_of,
    page_of,
    tagged,
)
from drorch.interfaces.http.api.year import Recorded
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.rules import require
from drorch.year.codec import event_to_json
from drorch.year.operations import load_year
from drorch.year.statement import Said

router = api_router("/callouts", "call-out")


class Why(Input):
    """A decision has a reason."""

    reason: Line


class Exercise(BaseModel):
    """``outcome`` null: it goes on."""

    id: str
    title: str
    begun_at: str
    over_at: str | None
    outcome: str | None
    by: str


class Stopped(BaseModel):
    """``again`` True: somebody had stopped it before."""

    exercise: str
    again: bool


@router.get("", dependencies=[require()])
def list_exercises(context: Ctx, cursor: Cursor = None, limit: Limit = 50) -> Page[Exercise]:
    """All exercises, newest first."""
    page = page_of(tuple(reversed(context.callouts.exercises.ids())), str, cursor, limit)
    found = [(name, _data(context, name)) for name in page.items]
    keys = ("title", "begun_at", "over_at", "outcome", "by")
    return Page(
        items=[Exercise(id=name, **{key: data[key] for key in keys}) for name, data in found],
        next=page.next,
        total=page.total,
    )


@router.get("/{exercise}", dependencies=[require()])
def show(exercise: Name, context: Ctx, response: Response, if_none_match: IfNoneMatch = None) -> dict[str, Any]:
    """Who was reached so far and after how long, as far as the tree lets people be shown."""
    data = _data(context, exercise)
    if tagged(response, etag_of(data), if_none_match):
        raise NotModified(response)
    return data


@router.post("/{exercise}/stop", dependencies=[require(Role.OPERATOR, Role.PLANNER)])
def stop(exercise: Name, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> Stopped:
    """Let no further message go out. Links that went out do not count any more."""
    _check(context, exercise, if_match)
    event = context.callouts.stop(exercise, Said(person=who.name, reason=body.reason))
    return Stopped(exercise=exercise, again=event is None)


@router.post("/{exercise}/record", dependencies=[require(Role.PLANNER)], status_code=201)
def record(exercise: Name, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> list[Recorded]:
    """Write the result into the year, one record per department. 409 while it goes on; once only."""
    _check(context, exercise, if_match)
    programme, catalog = load_year(context.files.year, context.files.catalog)
    year = context.year(programme, catalog)
    said = Said(person=who.name, reason=body.reason)
    made = context.callouts.record(exercise, year, programme.timezone, said)
    return [Recorded(event=event_to_json(event), warnings=list(whys)) for event, whys in made]


def _data(context: WebContext, exercise: str) -> dict[str, Any]:
    return result_to_json(context.callouts.result(exercise))


def _check(context: WebContext, exercise: str, if_match: str | None) -> None:
    if if_match is not None:
        check_match(if_match, etag_of(_data(context, exercise)))
