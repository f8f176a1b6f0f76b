"""An override of an interlock needs two persons: one asks, another one confirms; each is logged in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.records import Record
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.principal import Principal
from drorch.orchestration.operator_requests import Asked, known_step
from drorch.run.interlocks import same_person
from drorch.run.rules import OVERRIDABLE

OVERRIDE = "override"
LASTS = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One person would take the risk; nothing has happened yet."""

    id: str
    run: str
    interlock: str
    step: str | None
    person: str
    reason: str


def propose(
    context: WebContext, who: Principal, run: str, *, interlock: str, step: str | None, reason: str
) -> Proposal:
    """Keep it until another person confirms. InputInvalid for an interlock that is never overridden."""
    now = context.operations.now(run)
    if step is not None:
        known_step(now, step)
    if interlock not in OVERRIDABLE:
        raise InputInvalid(
            f"the interlock {interlock} is never overridden",
            where="interlock",
            next_step=f"these may be: {', '.join(sorted(OVERRIDABLE))}",
        )
    number = secrets.token_hex(8)
    data = {"interlock": interlock, "step": step, "person": who.name, "reason": reason}
    until = context.clock.now().wall + LASTS
    return _proposal(context.records.put(OVERRIDE, number, data, owner=run, expected=0, until=until))


def proposals(context: WebContext, run: str) -> tuple[Proposal, ...]:
    """What waits for a second person. NotFound without the run."""
    context.operations.now(run)
    context.records.purge(context.clock.now().wall)
    return tuple(_proposal(record) for record in context.records.of(OVERRIDE, run))


def confirm(context: WebContext, who: Principal, run: str, proposal: str) -> Asked:
    """The second person takes the risk as well. Refused for the first one, by whatever account or token."""
    context.records.purge(context.clock.now().wall)
    record = context.records.get(OVERRIDE, proposal)
    if record is None or record.owner != run:
        raise NotFound(f"run {run} has no such proposal", next_step="see what waits for a second person")
    kept = _proposal(record)
    if same_person(kept.person, who.name):
        raise Refused(
            f"{kept.person} asked for it and is one person; an override needs two",
            where=f"run {run}",
            next_step="let a second person confirm",
        )
    asked = context.operations.override(
        run, kept.interlock, step=kept.step, person=kept.person, second_person=who.name, reason=kept.reason
    )
    context.records.drop(OVERRIDE, proposal)
    return asked


def withdraw(context: WebContext, run: str, proposal: str) -> None:
    """Nobody needs it any more. NotFound without it."""
    record = context.records.get(OVERRIDE, proposal)
    if record is None or record.owner != run or not context.records.drop(OVERRIDE, proposal):
        raise NotFound(f"run {run} has no such proposal", next_step="see what waits for a second person")


def _proposal(record: Record) -> Proposal:
    step = record.data["step"]
    return Proposal(
        id=record.key,
        run=record.owner,
        interlock=str(record.data["interlock"]),
        step=None if step is None else str(step),
        person=str(record.data["person"]),
        reason=str(record.data["reason"]),
    )
