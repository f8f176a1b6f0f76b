"""What people decided, what they had undone, and how long the run waited for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from drorch.evidence.record.model import OperatorAct, TimeShare, UndoneStep, WaitForPeople
from drorch.evidence.record.moments import TimeLine, hundredths
from drorch.plan.model import Plan
from drorch.run import events as ev
from drorch.run.progress import UndoStatus
from drorch.run.state import RunState
from drorch.run.waits import time_shares

_ACTS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        ev.Committed: "commit",
        ev.Paused: "pause",
        ev.Resumed: "resume",
        ev.RetryRequested: "retry",
        ev.StepSkipped: "skip",
        ev.StepResolved: "done by hand",
        ev.StopRequested: "stop",
        ev.UndoRequested: "undo",
        ev.CleanUpRequested: "clean up",
        ev.InterlockOverridden: "override",
        ev.DifferenceAccepted: "accept difference",
    }
)
_OUTCOMES: Final = MappingProxyType(
    {UndoStatus.DONE: "undone", UndoStatus.FAILED: "failed", UndoStatus.ASKED: "left", UndoStatus.RUNNING: "running"}
)


def operator_acts(events: Sequence[ev.Event], line: TimeLine) -> tuple[OperatorAct, ...]:
    """Decisions of people during the run, in their order. Approvals and the declaration stand with the run itself."""
    found = []
    for event in events:
        body: Any = event.body
        if type(body) in _ACTS:
            found.append(
                OperatorAct(
                    at=line.instant(event.at),
                    act=_ACTS[type(body)],
                    step=", ".join(body.steps) if isinstance(body, ev.UndoRequested) else getattr(body, "step", None),
                    person=_persons(body),
                    reason=_reason(body),
                    evidence=getattr(body, "evidence", None),
                )
            )
    return tuple(found)


def _reason(body: Any) -> str:
    if isinstance(body, ev.DifferenceAccepted):
        return f"{body.code}/{body.subject}: {body.reason}"
    return f"{body.interlock}: {body.reason}" if hasattr(body, "interlock") else str(body.reason)


def _persons(body: Any) -> str:
    if isinstance(body, ev.InterlockOverridden):
        return f"{body.person} and {body.second_person}"
    return str(body.person)


def undone_steps(state: RunState, line: TimeLine) -> tuple[UndoneStep, ...]:
    """What became of each step that was asked to be undone, in plan order."""
    return tuple(
        UndoneStep(
            step=step.id,
            title=step.title,
            outcome=_OUTCOMES[undo.status],
            reason=f"{undo.code}: {undo.reason}" if undo.code else undo.reason,
            began=line.instant(undo.started) if undo.started else None,
            seconds=hundredths(undo.ended.since(undo.started)) if undo.started and undo.ended else None,
        )
        for step in state.plan.steps
        if (undo := state.progress.undos.get(step.id)) is not None
    )


def time_share(plan: Plan, events: Sequence[ev.Event], line: TimeLine) -> TimeShare:
    """How the run's time was shared between people and machines; the two add up to the whole."""
    shares = time_shares(events, manual=plan.manual)
    total, people = hundredths(shares.total_s), hundredths(shares.people_s)
    return TimeShare(
        total_s=total,
        machine_s=hundredths(total - people),
        people_s=people,
        waits=tuple(
            WaitForPeople(
                what=wait.what,
                since=line.instant(wait.since),
                until=line.instant(wait.until),
                seconds=hundredths(wait.seconds),
            )
            for wait in shares.waits
            if hundredths(wait.seconds)
        ),
    )
