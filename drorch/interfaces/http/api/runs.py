"""Runs: start, list, look at, follow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from drorch.app.accounts import Role
from drorch.interfaces.http.api.base import (
    Ctx,
    Cursor,
    IfNoneMatch,
    Input,
    Limit,
    Line,
    Name,
    NotModified,
    Page,
    RunId,
    Who,
    Word,
    api_router,
    etag_of,
    page_of,
    tagged,
)
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.run_start import StartWish, start_run
from drorch.interfaces.http.security.authorize import still_known, web_of
from drorch.interfaces.http.security.rules import require
from drorch.interfaces.http.streams import after_of
from drorch.orchestration.operator_requests import RunNow, known_step
from drorch.orchestration.run_list import run_line
from drorch.orchestration.run_status import standing, standing_to_json, usual_durations
from drorch.plan.codec import plan_id
from drorch.plan.model import Kind
from drorch.run.codec import event_to_json
from drorch.run.events import AfterDeadline
from drorch.run.progress import StepState, StepStatus

router = api_router("/runs", "runs")


class StartBody(Input):
    """As ``drorch run start`` and ``prepare``. The operator is who is logged in."""

    plan: Word = Field(description="Hash of a kept plan, at least 12 hex digits.")
    reason: Line
    begin: bool = Field(default=True, description="False: prepared only; it waits for 'attach'.")
    declare: bool = Field(default=False, description="Failover: you declare the plan's site lost, for this reason.")
    approve: bool = Field(default=False, description="You approve it; not enough where two persons are needed.")
    approval_within_s: Annotated[int, Field(ge=0, le=31 * 86_400, strict=True)] = 0
    watch: Annotated[str | None, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")] = None
    commit: AfterDeadline | None = Field(
        default=None,
        description="Switchover, failover, failback: the run waits to be committed, and what follows when nobody does. "
        "Null: it ends by itself.",
    )
    commit_within_s: Annotated[int, Field(ge=0, le=31 * 86_400, strict=True)] = Field(
        default=0, description="Seconds from the last step until what was agreed happens; with commit and undo."
    )


class StartedRun(BaseModel):
    """A run that was recorded; ``again``: earlier, with the same key."""

    run: str
    plan: str
    again: bool


class RunLine(BaseModel):
    """A run in a list."""

    run: str
    kind: str
    plan_id: str
    operator: str
    outcome: str
    steps: int
    done: int
    failed: int
    problem: str | None = Field(description="Why the run, or its files, cannot be read; null when they can.")


class StepLine(BaseModel):
    """A step as the journal has it."""

    step: str
    state: StepStatus
    attempt: int
    seconds: float | None
    code: str
    reason: str
    blocked_by: list[str]


class RunOut(BaseModel):
    """A whole run as it stands."""

    run: str
    kind: Kind
    plan_id: str
    catalog_id: str
    operator: str
    outcome: str | None
    driven: bool
    events: int
    chain: str
    requests: int
    driver_said: str | None = Field(description="The end of what its driver wrote, when none is at it.")
    steps: list[StepLine]


@router.post("", dependencies=[require(Role.OPERATOR)], status_code=201)
def start(
    body: StartBody,
    context: Ctx,
    who: Who,
    response: Response,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200, description="Random; the same for a repeat.")],
) -> StartedRun:
    """Start a run, once per key: it waits for its approval, then a driver of its own performs it."""
    started = start_run(context, who, StartWish(**body.model_dump()), idempotency_key)
    response.headers["Location"] = f"{router.prefix}/{started.run}"
    return StartedRun(run=started.run, plan=started.plan, again=started.again)


@router.get("", dependencies=[require()])
def list_runs(context: Ctx, cursor: Cursor = None, limit: Limit = 50) -> Page[RunLine]:
    """All runs, newest first. One that cannot be read is there all the same, with its ``problem``."""
    page = page_of(tuple(reversed(context.journal.runs())), str, cursor, limit)
    return Page(items=[_line(context, run) for run in page.items], next=page.next, total=page.total)


def _line(context: WebContext, run: str) -> RunLine:
    return RunLine(**asdict(run_line(context.journal, context.home, run)))


@router.get("/{run}", dependencies=[require()])
def show(run: RunId, context: Ctx, response: Response, if_none_match: IfNoneMatch = None) -> RunOut:
    """The run and all its steps. Its ETag changes with every event and every request of a person."""
    now = context.operations.now(run)
    if tagged(response, run_etag(context, now), if_none_match):
        raise NotModified(response)
    created = now.state.head.created
    silent = now.state.ended is None and not now.driven
    return RunOut(
        run=run,
        kind=now.plan.kind,
        plan_id=plan_id(now.plan),
        catalog_id=now.plan.catalog_id,
        operator=created.operator if created else "",
        outcome=now.state.ended.outcome.value if now.state.ended else None,
        driven=now.driven,
        events=now.events[-1].seq if now.events else 0,
        chain=now.events[-1].chain if now.events else "",
        requests=len(context.inbox.pending(run)),
        driver_said=context.drivers.said(context.home, run) or None if silent else None,
        steps=[step_line(now, step.id) for step in now.plan.steps],
    )


@router.get("/{run}/steps/{subject}/{verb}", dependencies=[require()])
def show_step(
    run: RunId, subject: Name, verb: Name, context: Ctx, response: Response, if_none_match: IfNoneMatch = None
) -> StepLine:
    """One step. Its ETag, as If-Match of a decision on it, refuses the decision when the step has changed since."""
    now = context.operations.now(run)
    step = known_step(now, f"{subject}/{verb}")
    if tagged(response, step_etag(now, step), if_none_match):
        raise NotModified(response)
    return step_line(now, step)


def step_line(now: RunNow, step: str) -> StepLine:
    """As JSON."""
    stands = now.state.steps[step]
    return StepLine(
        step=step,
        state=stands.status,
        attempt=stands.attempt,
        seconds=_seconds(stands),
        code=stands.code,
        reason=stands.reason,
        blocked_by=list(now.state.blocked.get(step, ())),
    )


def _seconds(stands: StepState) -> float | None:
    return stands.ended.since(stands.started) if stands.started and stands.ended else None


def run_etag(context: WebContext, now: RunNow) -> str:
    """Changes with every event, every waiting request, and with the driver."""
    pending = [request.id for request in context.inbox.pending(now.run)]
    return etag_of(now.run, now.events[-1].chain if now.events else "", pending, now.driven)


def step_etag(now: RunNow, step: str) -> str:
    """Changes with the step's state and with what people asked of it."""
    stands = now.state.steps[step]
    return etag_of(now.run, step, stands.status.value, stands.attempt, stands.code)


@router.get("/{run}/standing", dependencies=[require()])
def watch(run: RunId, context: Ctx) -> dict[str, Any]:
    """What is under way, what is slower than usual, and what waits for whom and since when."""
    usual_s = usual_durations(context.parts, except_run=run)
    return standing_to_json(standing(context.parts, context.operations, run, usual_s))


@router.get("/{run}/events", dependencies=[require()])
def list_events(
    run: RunId,
    context: Ctx,
    after: Annotated[int, Query(ge=0, le=10**12, description="Events behind this number.")] = 0,
    limit: Limit = 200,
) -> list[dict[str, Any]]:
    """The journal of the run, oldest first."""
    context.operations.now(run)
    return [event_to_json(event) for event in context.journal.read(run, after)[:limit]]


@router.get(
    "/{run}/stream",
    dependencies=[require()],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    run: RunId,
    request: Request,
    context: Ctx,
    who: Who,
    last_event_id: Annotated[str | None, Header(max_length=200, description="Where to go on: RUN:NUMBER.")] = None,
    after: Annotated[int, Query(ge=0, le=10**12, description="As Last-Event-ID, by number.")] = 0,
) -> Response:
    """Server-sent events: each event of the journal with its id, from the first or behind ``Last-Event-ID``.

    Between them a ``beat`` with the server's time every 15 s: without one nobody knows whether this is the present.
    """
    web = web_of(request)
    begin = max(after_of(last_event_id, run), after)
    await run_in_threadpool(context.operations.now, run)

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in web.streams.follow(run, begin):
            if piece is not None:
                yield piece
            elif not await run_in_threadpool(still_known, web, who):
                return

    web.streams.refuse_too_many()
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(pieces(), media_type="text/event-stream", headers=headers)
