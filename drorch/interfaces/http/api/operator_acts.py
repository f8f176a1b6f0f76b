"""What people ask of a run. Who is logged in stands for it; its driver, which alone writes the journal, honours it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from drorch.app.accounts import Role
from drorch.core.errors import InputInvalid
from drorch.core.state_folder import run_folder
from drorch.interfaces.http.api.base import Ctx, IfMatch, Input, Line, Name, RunId, Who, Word, api_router, check_match
from drorch.interfaces.http.api.runs import run_etag, step_etag
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.override import Proposal, confirm, proposals, propose, withdraw
from drorch.interfaces.http.security.rules import require
from drorch.orchestration.difference_acceptance import accept_difference
from drorch.orchestration.operator_requests import MAX_EVIDENCE_BYTES, Asked, keep_content, known_step

router = api_router("/runs", "operator")
OPERATOR = require(Role.OPERATOR)
APPROVER = require(Role.APPROVER)
Text = Annotated[str, Field(min_length=1, max_length=4000)]


class Why(Input):
    """A decision has a reason."""

    reason: Line


class ApproveBody(Why):
    """Exactly the plan that was read."""

    plan: Word = Field(description="Hash of the plan that was read, at least 12 hex digits.")


class StepBody(Why):
    """About one step."""

    step: Word


class ResolveBody(StepBody):
    """A step that was done by hand."""

    evidence: Text = Field(description="A text, or what the upload of a file answered.")


class UndoBody(Why):
    """None named: everything that was done and can be undone."""

    steps: list[Word] = Field(default=[], max_length=20_000)


class OverrideBody(Why):
    """``step``: where the interlock spoke; null: at the start."""

    interlock: Word
    step: Word | None = None


class AcceptBody(Why):
    """``name``: code/subject of a difference, as the report has it."""

    name: Word


class AskedOut(BaseModel):
    """A request that is kept. ``driven`` False: it waits until somebody attaches a driver."""

    run: str
    driven: bool


class Attached(BaseModel):
    """``started`` False: a driver was at it already."""

    run: str
    started: bool


class ProposalOut(BaseModel):
    """An override that waits for a second person."""

    id: str
    run: str
    interlock: str
    step: str | None
    person: str
    reason: str


class Kept(BaseModel):
    """How a decision names the uploaded file."""

    evidence: str


class Accepted(BaseModel):
    """The result of the record that was written anew."""

    run: str
    overall: str


def _out(asked: Asked) -> AskedOut:
    return AskedOut(run=asked.run, driven=asked.driven)


def _check_run(context: WebContext, run: str, if_match: str | None) -> None:
    if if_match is not None:
        check_match(if_match, run_etag(context, context.operations.now(run)))


def _check_step(context: WebContext, run: str, step: str, if_match: str | None) -> None:
    if if_match is not None:
        now = context.operations.now(run)
        check_match(if_match, step_etag(now, known_step(now, step)))


@router.post("/{run}/attach", dependencies=[OPERATOR], status_code=202)
def attach(run: RunId, context: Ctx) -> Attached:
    """Let a driver of its own take up the run. 409 when one is at it that was not started here."""
    if context.drivers.alive(context.home, run):
        return Attached(run=run, started=False)
    context.operations.refuse_second_driver(run)
    return Attached(run=run, started=context.drivers.start(context.home, run))


@router.post("/{run}/approve", dependencies=[APPROVER], status_code=202)
def approve(run: RunId, body: ApproveBody, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Approve exactly this plan. A switchover, failover and failback need somebody other than the operator."""
    _check_run(context, run, if_match)
    return _out(context.operations.approve(run, person=who.name, plan=body.plan, reason=body.reason))


@router.post("/{run}/pause", dependencies=[OPERATOR], status_code=202)
def pause(run: RunId, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Let no new step start. Steps under way go on."""
    _check_run(context, run, if_match)
    return _out(context.operations.pause(run, person=who.name, reason=body.reason))


@router.post("/{run}/resume", dependencies=[OPERATOR], status_code=202)
def resume(run: RunId, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Let steps start again."""
    _check_run(context, run, if_match)
    return _out(context.operations.resume(run, person=who.name, reason=body.reason))


@router.post("/{run}/stop", dependencies=[OPERATOR], status_code=202)
def stop(run: RunId, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """End the steps under way with their process trees, and the run."""
    _check_run(context, run, if_match)
    return _out(context.operations.stop(run, person=who.name, reason=body.reason))


@router.post("/{run}/retry", dependencies=[OPERATOR], status_code=202)
def retry(run: RunId, body: StepBody, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Let a failed or unknown step be performed again. If-Match: the ETag of the step."""
    _check_step(context, run, body.step, if_match)
    return _out(context.operations.retry(run, body.step, person=who.name, reason=body.reason))


@router.post("/{run}/skip", dependencies=[OPERATOR], status_code=202)
def skip(run: RunId, body: StepBody, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Take the risk of not doing a step. If-Match: the ETag of the step."""
    _check_step(context, run, body.step, if_match)
    return _out(context.operations.skip(run, body.step, person=who.name, reason=body.reason))


@router.post("/{run}/resolve", dependencies=[OPERATOR], status_code=202)
def resolve(run: RunId, body: ResolveBody, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Sign off a step that was done by hand. If-Match: the ETag of the step."""
    _check_step(context, run, body.step, if_match)
    asked = context.operations.resolve(
        run, body.step, person=who.name, reason=body.reason, evidence=body.evidence, may_be_file=False
    )
    return _out(asked)


@router.post("/{run}/evidence", dependencies=[OPERATOR], status_code=201)
async def upload(
    run: RunId,
    request: Request,
    context: Ctx,
    name: Annotated[str, Query(min_length=1, max_length=200, description="Its file name.")],
) -> Kept:
    """Put a file (the body, any type, at most 64 MiB) into the run's folder, to be named as evidence."""
    folder = run_folder(context.home, run)
    content = await request.body()
    if not 0 < len(content) <= MAX_EVIDENCE_BYTES:
        raise InputInvalid("the file is empty or too large", where="body", next_step="send at most 64 MiB")
    return Kept(evidence=keep_content(folder, name, content))


@router.post("/{run}/commit", dependencies=[OPERATOR], status_code=202)
def commit(run: RunId, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Take what the run did as final, where that was agreed before its start."""
    _check_run(context, run, if_match)
    return _out(context.operations.commit(run, person=who.name, reason=body.reason))


@router.post("/{run}/undo", dependencies=[OPERATOR], status_code=202)
def undo(run: RunId, body: UndoBody, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Undo what was done, dependents first, by the undo acts the plan declares."""
    _check_run(context, run, if_match)
    return _out(context.operations.undo(run, body.steps, person=who.name, reason=body.reason))


@router.post("/{run}/cleanup", dependencies=[OPERATOR], status_code=202)
def cleanup(run: RunId, body: Why, context: Ctx, who: Who, if_match: IfMatch = None) -> AskedOut:
    """Remove what a drill made; ends it first when it is under way."""
    _check_run(context, run, if_match)
    return _out(context.operations.clean_up(run, person=who.name, reason=body.reason))


@router.post("/{run}/accept-difference", dependencies=[APPROVER])
def accept(run: RunId, body: AcceptBody, context: Ctx, who: Who) -> Accepted:
    """Accept by name what an ended run left different; its record is written anew."""
    report = accept_difference(context.service, context.parts, run, body.name, person=who.name, reason=body.reason)
    return Accepted(run=run, overall=report.result.overall.value)


@router.get("/{run}/overrides", dependencies=[require()])
def list_overrides(run: RunId, context: Ctx) -> list[ProposalOut]:
    """Overrides that wait for a second person."""
    return [_proposal_out(item) for item in proposals(context, run)]


@router.post("/{run}/overrides", dependencies=[require(Role.OPERATOR, Role.APPROVER)], status_code=201)
def propose_override(run: RunId, body: OverrideBody, context: Ctx, who: Who) -> ProposalOut:
    """Ask for an override of an interlock. Nothing happens until another person confirms."""
    made = propose(context, who, run, interlock=body.interlock, step=body.step, reason=body.reason)
    return _proposal_out(made)


@router.post("/{run}/overrides/{proposal}/confirm", dependencies=[APPROVER], status_code=202)
def confirm_override(run: RunId, proposal: Name, context: Ctx, who: Who) -> AskedOut:
    """The second person takes the risk as well. 409 for the person who asked, by whatever account."""
    return _out(confirm(context, who, run, proposal))


@router.delete("/{run}/overrides/{proposal}", dependencies=[require(Role.OPERATOR, Role.APPROVER)], status_code=204)
def withdraw_override(run: RunId, proposal: Name, context: Ctx) -> None:
    """It is not needed any more."""
    withdraw(context, run, proposal)


def _proposal_out(item: Proposal) -> ProposalOut:
    return ProposalOut(
        id=item.id, run=item.run, interlock=item.interlock, step=item.step, person=item.person, reason=item.reason
    )
