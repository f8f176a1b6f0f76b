"""Whether a person's request can be honoured now. Asked twice: by the command, to answer at once, and by the driver."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from drorch.core.clock import Instant
from drorch.core.ids import short
from drorch.plan.codec import plan_id
from drorch.plan.model import TWO_PERSONS
from drorch.run.events import Approved, CleanUpRequested, Event, InterlockOverridden, UndoRequested
from drorch.run.interlocks import approval_overdue, same_person
from drorch.run.ports import OperatorBody, OperatorRequest
from drorch.run.rules import OVERRIDABLE
from drorch.run.state import RunState, advance, objection

_NAMES = frozenset({"person", "second_person", "reason", "evidence"})


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a request cannot be honoured. ``input``: what was typed is wrong; else the run does not allow it."""

    reason: str
    next_step: str
    input: bool = False


def problem_with(state: RunState, body: OperatorBody, asked: Instant) -> Problem | None:
    """None when ``body``, asked for at ``asked``, can be the next event of the run."""
    empty = [
        item.name.replace("_", " ")
        for item in fields(body)
        if item.name in _NAMES and not str(getattr(body, item.name)).strip()
    ]
    if empty:
        what = f"the {empty[0]} is empty"
        return Problem(reason=what, next_step="a decision needs a person's name and a reason", input=True)
    special = None
    if isinstance(body, Approved):
        special = _approval(state, body, asked)
    elif isinstance(body, InterlockOverridden):
        special = _override(body)
    if special is not None:
        return special
    reason = objection(state, body)
    return None if reason is None else Problem(reason=reason, next_step=_next_step(state, body))


def foreseen(state: RunState, pending: Iterable[OperatorRequest], now: Instant) -> RunState:
    """The state once the waiting requests are honoured that can be."""
    for request in pending:
        if request.id not in state.head.settled and problem_with(state, request.body, request.asked) is None:
            event = Event(run=state.run, seq=state.seq + 1, at=now, body=request.body)
            state = advance(state, [event])
    return state


def _approval(state: RunState, body: Approved, asked: Instant) -> Problem | None:
    plan, operator = plan_id(state.plan), state.head.created.operator if state.head.created else ""
    if body.plan_id != plan:
        return Problem(
            reason=f"the approval is for the plan {short(body.plan_id)}, the run has the plan {short(plan)}",
            next_step="read the plan of the run and approve its hash",
        )
    if any(same_person(earlier.person, body.person) for earlier in state.head.approvals if earlier.plan_id == plan):
        return Problem(reason=f"{body.person} has approved already", next_step="let another person approve")
    if state.plan.kind in TWO_PERSONS and same_person(body.person, operator):
        return Problem(
            reason=f"{operator} operates the run: a {state.plan.kind} needs the approval of somebody else",
            next_step="let a second person approve",
        )
    if state.head.started_at is None and approval_overdue(state.head, asked):
        return Problem(reason="the deadline for the approval has passed", next_step="prepare a new run")
    return None


def _override(body: InterlockOverridden) -> Problem | None:
    if same_person(body.person, body.second_person):
        return Problem(
            reason=f"{body.person} is one person; an override needs two", next_step="let a second person stand for it"
        )
    if body.interlock not in OVERRIDABLE:
        return Problem(
            reason=f"the interlock {body.interlock} is never overridden",
            next_step=f"these may be: {', '.join(sorted(OVERRIDABLE))}",
        )
    return None


def _next_step(state: RunState, body: OperatorBody) -> str:
    run = state.run
    if state.ended is not None and not isinstance(body, UndoRequested | CleanUpRequested):
        return f"look at it with 'drorch run show {run}'; a new run does what is still missing"
    return f"see what the run waits for: drorch run watch {run}"
