"""What to send next: a pure function of the tree, what happened so far, and the time.

Waits are measured on the wall clock, because an exercise outlives the process that drives it. A clock that jumps ahead
lets a deputy be called too early and does no other harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from drorch.callout.log import Call, Callout, Over
from drorch.callout.model import CallKind, CallTree, Cascade, Channel, Person, Policy


@dataclass(frozen=True, kw_only=True)
class Send:
    """Send one message: the next attempt of a call, on one channel."""

    call: str
    person: str
    kind: CallKind
    about: str
    department: str
    channel: Channel
    attempt: int


@dataclass(frozen=True, kw_only=True)
class End:
    """The exercise is over."""

    over: Over


Command = Send | End


def decide(tree: CallTree, state: Callout, now: datetime) -> tuple[Command, ...]:
    """The commands for this moment. Nothing while a message is under way: its end has to be known first."""
    if state.over is not None or state.open_messages():
        return ()
    if state.stopped_by is not None:
        return (End(over=Over(outcome="stopped")),)
    if _age(state.begun_at, now) >= tree.policy.ends_after_s:
        return (End(over=Over(outcome="time-is-up")),)
    sends = [send for name in state.begun.departments for send in _department(tree, state, name, now)]
    if sends:
        return tuple(sends)
    expected = [m.id for name in state.begun.departments for m in tree.members(name)]
    if all(_acknowledged(state, own_call(name)) for name in expected):
        return (End(over=Over(outcome="everybody-reached")),)
    return () if _waiting(tree, state, now) else (End(over=Over(outcome="nobody-left-to-call")),)


def own_call(person: str) -> str:
    """Id of the call to a member of the tree."""
    return person


def deputy_call(person: str, member: str) -> str:
    """Id of the call to a deputy in place of a member."""
    return f"{person}/for/{member}"


def escalation_call(person: str, department: str) -> str:
    """Id of the call that tells somebody that people of a department could not be reached."""
    return f"{person}/about/{department}"


def covered(state: Callout, member: Person) -> bool:
    """Whether the member, or a deputy in their place, has acknowledged."""
    names = (own_call(member.id), *(deputy_call(deputy, member.id) for deputy in member.deputies))
    return any(_acknowledged(state, name) for name in names)


def given_up(tree: CallTree, state: Callout, member: Person, now: datetime) -> bool:
    """Whether nobody answered for this member, and no further message is due."""
    names = (own_call(member.id), *(deputy_call(deputy, member.id) for deputy in member.deputies))
    calls = [state.calls.get(name) for name in names]
    return not covered(state, member) and all(item is not None and _over(tree.policy, item, now) for item in calls)


def _department(tree: CallTree, state: Callout, department: str, now: datetime) -> Iterator[Send]:
    members = tree.members(department)
    for member in members:
        caller = tree.person.get(member.called_by or "")
        if tree.policy.cascade is Cascade.PARALLEL or caller is None or _settled(tree, state, caller, now):
            yield from _attempt(tree, state, own_call(member.id), member, CallKind.OWN, member.id, department, now)
            yield from _deputies(tree, state, member, department, now)
    branch = tree.branch(department)
    if branch is not None and any(given_up(tree, state, member, now) for member in members):
        for name in branch.escalation:
            call = escalation_call(name, department)
            told = tree.person[name]
            yield from _attempt(tree, state, call, told, CallKind.ESCALATION, department, department, now)


def _deputies(tree: CallTree, state: Callout, member: Person, department: str, now: datetime) -> Iterator[Send]:
    own = state.calls.get(own_call(member.id))
    if own is None or covered(state, member):
        return
    for place, name in enumerate(member.deputies, start=1):
        if _age(own.first_at, now) >= place * tree.policy.deputy_after_s:
            call = deputy_call(name, member.id)
            yield from _attempt(tree, state, call, tree.person[name], CallKind.DEPUTY, member.id, department, now)


def _attempt(
    tree: CallTree, state: Callout, call: str, person: Person, kind: CallKind, about: str, department: str,
    now: datetime,
) -> Iterator[Send]:  # fmt: skip
    known = state.calls.get(call)
    if known is not None:
        done = known.acknowledged_at is not None or known.attempts >= tree.policy.attempts
        if done or _age(known.last_at, now) < tree.policy.retry_after_s:
            return
    attempt = known.attempts + 1 if known else 1
    for channel in person.addresses:
        yield Send(
            call=call, person=person.id, kind=kind, about=about, department=department, channel=channel,
            attempt=attempt,
        )  # fmt: skip


def _settled(tree: CallTree, state: Callout, member: Person, now: datetime) -> bool:
    # A branch is not cut off by one person who cannot be reached.
    return covered(state, member) or given_up(tree, state, member, now)


def _over(policy: Policy, call: Call, now: datetime) -> bool:
    """Whether no further message of this call is due: answered, or the last one had its time."""
    if call.acknowledged_at is not None:
        return True
    return call.attempts >= policy.attempts and _age(call.last_at, now) >= policy.retry_after_s


def _waiting(tree: CallTree, state: Callout, now: datetime) -> bool:
    """Whether an answer, or somebody's turn, is still to come."""
    policy = tree.policy
    for department in state.begun.departments:
        for member in tree.members(department):
            own = state.calls.get(own_call(member.id))
            if own is not None and not _over(policy, own, now):
                return True
            if own is not None and not covered(state, member) and not given_up(tree, state, member, now):
                return True
    told = (call for call in state.calls.values() if call.kind is CallKind.ESCALATION)
    return any(not _over(policy, call, now) for call in told)


def _acknowledged(state: Callout, name: str) -> bool:
    call = state.calls.get(name)
    return call is not None and call.acknowledged_at is not None


def _age(earlier: datetime, now: datetime) -> float:
    return (now - earlier) / timedelta(seconds=1)
