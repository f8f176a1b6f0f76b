"""What an exercise showed: per department how many were expected, reached and covered, and after how long.

Only roles, names and totals as the tree's ``shown`` allows; never an address, a link or the id of a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from types import MappingProxyType
from typing import Final

from drorch.callout.decide import covered, deputy_call, own_call
from drorch.callout.log import Callout
from drorch.callout.model import CallTree, Person, Sending, Shown
from drorch.core.codec import plain
from drorch.year.model import TestResult

RESULT_SCHEMA: Final = 2


@dataclass(frozen=True, kw_only=True)
class Reached:
    """One member of the tree. ``seconds`` from the first message to the own acknowledgement."""

    who: str
    reached: bool
    covered_by_deputy: bool
    called: bool
    attempts: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class DepartmentResult:
    """One department. ``result`` None while the exercise goes on, or when it was stopped."""

    department: str
    expected: int
    reached: int
    covered_by_deputy: int
    """Did not answer, and a deputy did."""
    median_s: float | None
    slowest_s: float | None
    all_called: bool
    result: TestResult | None
    people: tuple[Reached, ...]
    """Empty when only totals are to be shown."""


@dataclass(frozen=True, kw_only=True)
class Messages:
    """How many there were, and what became of them."""

    intended: int
    sent: int
    not_sent: int
    unknown: int
    """They may have gone out, and count as attempts."""
    not_sent_because: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class CalloutResult:
    """The whole exercise."""

    exercise: str
    title: str
    begun_at: datetime
    over_at: datetime | None
    outcome: str | None
    """None while it goes on."""
    by: str
    reason: str
    stopped_by: str | None
    tree: str
    departments: tuple[DepartmentResult, ...]
    messages: Messages


def result_of(tree: CallTree, state: Callout) -> CalloutResult:
    """The exercise as its log tells it, with the tree it was begun with."""
    messages = [item for call in state.calls.values() for item in call.messages]
    why = Counter(item.why for item in messages if item.sending is Sending.NOT_SENT)
    return CalloutResult(
        exercise=state.begun.exercise,
        title=tree.title,
        begun_at=state.begun_at,
        over_at=state.over_at,
        outcome=state.over.outcome if state.over else None,
        by=state.by,
        reason=state.reason,
        stopped_by=state.stopped_by,
        tree=state.begun.tree,
        departments=tuple(_department(tree, state, name) for name in state.begun.departments),
        messages=Messages(
            intended=len(messages),
            sent=sum(item.sending is Sending.SENT for item in messages),
            not_sent=sum(item.sending is Sending.NOT_SENT for item in messages),
            unknown=sum(item.sending in (None, Sending.UNKNOWN) for item in messages),
            not_sent_because=MappingProxyType(dict(sorted(why.items()))),
        ),
    )


def shown_as(tree: CallTree, person: Person) -> str:
    """How a person is named in a report, a table or a line of progress."""
    if tree.policy.shown is Shown.NAMES:
        return f"{person.name} ({person.role})"
    return person.role if tree.policy.shown is Shown.ROLES else "a person"


def result_to_json(found: CalloutResult) -> dict[str, object]:
    """Plain data; instants in UTC, times in seconds by the wall clock of the machine that sent."""
    return {"schema": RESULT_SCHEMA, "kind": "call-out-exercise", **plain(found)}


def _department(tree: CallTree, state: Callout, department: str) -> DepartmentResult:
    members = tree.members(department)
    people = [_reached(tree, state, member) for member in members]
    seconds = [item.seconds for item in people if item.seconds is not None]
    reached, by_deputy = sum(item.reached for item in people), sum(item.covered_by_deputy for item in people)
    return DepartmentResult(
        department=department,
        expected=len(members),
        reached=reached,
        covered_by_deputy=by_deputy,
        median_s=round(median(seconds), 1) if seconds else None,
        slowest_s=round(max(seconds), 1) if seconds else None,
        all_called=all(item.called for item in people),
        result=_verdict(tree, state, len(members), reached, by_deputy),
        people=() if tree.policy.shown is Shown.TOTALS else tuple(people),
    )


def _reached(tree: CallTree, state: Callout, member: Person) -> Reached:
    own = state.calls.get(own_call(member.id))
    calls: Iterable[str] = (deputy_call(name, member.id) for name in member.deputies)
    reached = own is not None and own.acknowledged_at is not None
    return Reached(
        who=shown_as(tree, member),
        reached=reached,
        covered_by_deputy=not reached and covered(state, member),
        # A message that no server took has called nobody.
        called=own is not None and any(item.sending is Sending.SENT for item in own.messages),
        attempts=(own.attempts if own else 0)
        + sum(state.calls[name].attempts for name in calls if name in state.calls),
        seconds=round(own.seconds, 1) if own and own.seconds is not None else None,
    )


def _verdict(tree: CallTree, state: Callout, expected: int, reached: int, by_deputy: int) -> TestResult | None:
    if state.over is None:
        return None
    if reached == expected:
        return TestResult.PASS
    if state.over.outcome == "stopped" or reached + by_deputy < tree.policy.needed_share * expected:
        return TestResult.FAIL
    return TestResult.PASS_WITH_ISSUES


def elapsed_s(found: CalloutResult, now: datetime) -> float:
    """How long it has been going on, or went on."""
    return ((found.over_at or now) - found.begun_at) / timedelta(seconds=1)
