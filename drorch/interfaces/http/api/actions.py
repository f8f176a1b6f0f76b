"""Corrective actions: what is done about findings, by whom, until when, and what proves that it helped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from drorch.actions.codec import action_to_json, counts, register_csv
from drorch.actions.events import ActionEvent, Assigned, Updated
from drorch.actions.log import standing
from drorch.actions.model import Action, ActionSeverity, ActionState, Element, Subject, SubjectKind
from drorch.actions.operations import Actions, ByHand
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
from drorch.interfaces.http.api.papers import CSV
from drorch.interfaces.http.api.uploads import EvidenceFiles, kept
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.principal import Principal
from drorch.interfaces.http.security.rules import require
from drorch.run.interlocks import same_person
from drorch.year.statement import Said

router = api_router("/actions", "corrective actions")
KEEPERS = require(Role.PLANNER, Role.OPERATOR)
OWNERS = require(Role.PLANNER, Role.OPERATOR, Role.DEPARTMENT)
VERIFIERS = require(Role.PLANNER, Role.APPROVER)


class Why(Input):
    """A decision has a reason."""

    reason: Line


class SubjectBody(Input):
    """What a retest has to cover: a step, an application, or ``activity/subject`` of the year."""

    kind: SubjectKind
    id: Word


class OpenBody(Why):
    """An action that no run found. ``estate``: where a retest has to run, as a run's record names it."""

    title: Line
    severity: ActionSeverity
    subjects: list[SubjectBody] = Field(default=[], max_length=1000)
    estate: Word | None = None


class FromRunBody(Why):
    """``finding``: which one of the run, like ``step-failed/umoja/start``; null: each that has no action yet."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}$")]
    finding: Line | None = None


class AssignBody(Why):
    """Who is responsible, until when."""

    owner: Line
    organisation: Line
    due: date
    start: date | None = None


class UpdateBody(Why):
    """What is known by now. Null: as it was. ``begin``: work on it has begun."""

    begin: bool = False
    action: Line | None = None
    immediate_correction: Line | None = None
    root_cause: Line | None = None
    similar_cases: Line | None = None
    plan_change: Line | None = None
    element: Element | None = None
    severity: ActionSeverity | None = None


class ClaimBody(Why):
    """It is done, since ``completed`` (null: now)."""

    completed: AwareDatetime | None = None
    evidence: EvidenceFiles = Field(default=[])


class VerifyBody(Why):
    """``retest``: the later run, or ``record N`` of the year. ``effective`` False: it did not help."""

    retest: Word
    method: Line
    effective: bool = True


class Listed(Page[dict[str, Any]]):
    """A page of actions; the counts are those of all."""

    on: date
    counts: dict[str, dict[str, int]]
    findings: list[dict[str, Any]]


class Imported(BaseModel):
    """``known``: so many findings had an action already."""

    run: str
    opened: list[str]
    known: int


@router.get("", dependencies=[require()])
def list_actions(
    context: Ctx,
    response: Response,
    every: Annotated[bool, Query(description="Also those that are verified or closed.")] = False,
    state: ActionState | None = None,
    severity: ActionSeverity | None = None,
    owner: Annotated[str | None, Query(max_length=500, description="Only of this person.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    if_none_match: IfNoneMatch = None,
) -> Listed:
    """The open ones. ``findings``: records of runs that could not be read, so that nobody knows what they show."""
    actions = _actions(context)
    book, findings = actions.book()
    today, everything = actions.today(), tuple(book.actions.values())
    told = plain(findings)
    if tagged(response, etag_of([action_to_json(item, today) for item in everything], told), if_none_match):
        raise NotModified(response)
    shown = [
        item
        for item in everything
        if (item.state is state if state else every or item.is_open)
        and severity in (None, item.severity)
        and owner in (None, item.owner)
    ]
    page = page_of(shown, lambda item: item.id, cursor, limit)
    return Listed(
        items=[action_to_json(item, today) for item in page.items],
        next=page.next,
        total=page.total,
        on=today,
        counts=counts(everything, today),
        findings=told,
    )


@router.get("/register.csv", dependencies=[require()], response_class=Response, responses=CSV)
def register(context: Ctx) -> Response:
    """All actions with all fields."""
    actions = _actions(context)
    text = register_csv(actions.book()[0].actions.values(), actions.today())
    return Response(text.encode(), media_type="text/csv")


@router.post("", dependencies=[KEEPERS], status_code=201)
def open_action(body: OpenBody, context: Ctx, who: Who, response: Response) -> dict[str, Any]:
    """Open an action by hand."""
    subjects = tuple(Subject(kind=item.kind, id=item.id) for item in body.subjects)
    wish = ByHand(title=body.title, severity=body.severity, subjects=tuple(dict.fromkeys(subjects)), estate=body.estate)
    return _opened(context, response, _actions(context).open(wish, _said(who, body)))


@router.post("/from-run", dependencies=[KEEPERS], status_code=201)
def open_from_run(body: FromRunBody, context: Ctx, who: Who) -> Imported:
    """Open an action for one finding of a run, or for each that has none. 409 when the one named has one already."""
    actions = _actions(context)
    if body.finding is not None:
        event = actions.open_from(body.run, body.finding, _said(who, body))
        return Imported(run=body.run, opened=[event.body.id], known=0)
    made, known = actions.import_from(body.run, _said(who, body))
    return Imported(run=body.run, opened=[event.body.id for event in made], known=known)


@router.get("/{action}", dependencies=[require()])
def show(action: Name, context: Ctx, response: Response, if_none_match: IfNoneMatch = None) -> dict[str, Any]:
    """One action with its whole history."""
    data = _data(context, action)
    if tagged(response, etag_of(data), if_none_match):
        raise NotModified(response)
    return data


@router.post("/{action}/assign", dependencies=[KEEPERS])
def assign(
    action: Name, body: AssignBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Name who is responsible, and until when."""
    _check(context, action, if_match)
    made = Assigned(id=action, owner=body.owner, organisation=body.organisation, due=body.due, start=body.start)
    return _answer(context, response, _actions(context).assign(made, _said(who, body)))


@router.post("/{action}/update", dependencies=[OWNERS])
def update(
    action: Name, body: UpdateBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Write down what is known by now. The role department may do so for its own actions only."""
    _check(context, action, if_match)
    _own_only(context, who, action)
    made = Updated(id=action, **body.model_dump(exclude={"reason"}))
    return _answer(context, response, _actions(context).update(made, _said(who, body)))


@router.post("/{action}/claim", dependencies=[OWNERS])
def claim(
    action: Name, body: ClaimBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Say that it is done. It stays open until a later test proves it and another person verifies."""
    _check(context, action, if_match)
    _own_only(context, who, action)
    completed: datetime | None = body.completed.astimezone(UTC) if body.completed else None
    with kept(body.evidence) as files:
        event = _actions(context).claim(action, completed, files, _said(who, body))
    return _answer(context, response, event)


@router.post("/{action}/verify", dependencies=[VERIFIERS])
def verify(
    action: Name, body: VerifyBody, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Say whether it helped. 409 for who owns it, and when the test does not prove it."""
    _check(context, action, if_match)
    event = _actions(context).verify(action, body.retest, body.method, body.effective, _said(who, body))
    return _answer(context, response, event)


@router.post("/{action}/close", dependencies=[VERIFIERS])
def close(
    action: Name, body: Why, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Close what was verified. 409 when something is missing."""
    _check(context, action, if_match)
    return _answer(context, response, _actions(context).close(action, _said(who, body)))


@router.post("/{action}/reopen", dependencies=[require(Role.PLANNER, Role.OPERATOR, Role.APPROVER)])
def reopen(
    action: Name, body: Why, context: Ctx, who: Who, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Say that it is not solved."""
    _check(context, action, if_match)
    return _answer(context, response, _actions(context).reopen(action, _said(who, body)))


def _actions(context: WebContext) -> Actions:
    return context.actions


def _said(who: Principal, body: Why) -> Said:
    return Said(person=who.name, reason=body.reason)


def _standing(context: WebContext, action: str) -> Action:
    return standing(_actions(context).book()[0], action)


def _data(context: WebContext, action: str) -> dict[str, Any]:
    return action_to_json(_standing(context, action), _actions(context).today())


def _check(context: WebContext, action: str, if_match: str | None) -> None:
    if if_match is not None:
        check_match(if_match, etag_of(_data(context, action)))


def _answer(context: WebContext, response: Response, event: ActionEvent) -> dict[str, Any]:
    data = _data(context, event.body.id)
    response.headers["ETag"] = etag_of(data)
    return data


def _opened(context: WebContext, response: Response, event: ActionEvent) -> dict[str, Any]:
    response.headers["Location"] = f"{router.prefix}/{event.body.id}"
    return _answer(context, response, event)


def _own_only(context: WebContext, who: Principal, action: str) -> None:
    """403 when a department speaks about an action that is neither its own nor this person's."""
    if who.has(Role.PLANNER, Role.OPERATOR):
        return
    found = _standing(context, action)
    own = found.organisation in who.departments or (found.owner is not None and same_person(found.owner, who.name))
    if not own:
        raise HttpProblem(
            403,
            f"{action} is not of {who.name}'s departments ({', '.join(who.departments) or 'none'})",
            next_step="let its owner, or a planner, write it down",
        )
