"""Who had to wait for whom: how much of a run's time went to people and how much to machines, and what waits now. Pure.

At each moment of a run exactly one thing holds: something is under way (machine), or the run cannot go on without a
person (approval, pause, unknown outcome, decision after a failure, interruption), or drorch is about to act (machine).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from drorch.core.clock import Instant
from drorch.plan.model import TWO_PERSONS, ManualAct
from drorch.run import events as ev
from drorch.run.progress import StepStatus
from drorch.run.state import RunState, objection

APPROVAL, PAUSE, UNKNOWN, DECISION, INTERRUPTED = "approval", "pause", "unknown step", "decision", "interrupted"
COMMIT = "commit"
BY_HAND = "step by hand"

_NOTHING = ev.RequestSettled(request=0, problem="")
"""Stands for the present moment: changes nothing."""
_LIFTS_PAUSE = (ev.Resumed, ev.UndoRequested, ev.CleanUpRequested)
_SETTLES_COMMIT = (ev.Committed, ev.UndoRequested, ev.StopRequested, ev.RunEnded)


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A stretch of time in which nothing went on because a person was needed. ``until`` None: it goes on."""

    what: str
    since: Instant
    until: Instant

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.until.since(self.since)


@dataclass(frozen=True, kw_only=True)
class TimeShares:
    """Seconds from the creation of a run to its last event, shared between people and machines."""

    total_s: float
    people_s: float
    waits: tuple[Wait, ...]

    @property
    def machine_s(self) -> float:
        """Everything that was not waiting for people."""
        return self.total_s - self.people_s


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What the run waits for now: ``who`` has to do ``what``, ``since`` when, and how."""

    reason: str
    """For machines: one of `APPROVAL`, `PAUSE`, `UNKNOWN`, `DECISION`, `BY_HAND`, `COMMIT` and `INTERRUPTED`."""
    what: str
    who: str
    since: Instant
    step: str | None
    next_step: str


class _Reading:
    """What is under way and what stands still, event by event; cheap also for 10,000 steps."""

    def __init__(self, manual: Collection[str]) -> None:
        self._manual = manual
        self.by_hand: set[str] = set()
        self.busy: set[str] = set()
        self.unknown: set[str] = set()
        self.awaited = self.started = self.paused = self.due = False
        self.ended: ev.RunOutcome | None = None

    def take(self, body: ev.Body) -> None:
        """Fold one event."""
        self.awaited |= isinstance(body, ev.ApprovalAwaited)
        self.started |= isinstance(body, ev.RunStarted)
        self.paused = isinstance(body, ev.Paused) or (self.paused and not isinstance(body, _LIFTS_PAUSE))
        self.due = isinstance(body, ev.CommitDue) or (self.due and not isinstance(body, _SETTLES_COMMIT))
        match body:
            case ev.RunEnded():
                self.ended = body.outcome
            case ev.StepStarted() if body.step in self._manual:
                self.by_hand.add(body.step)
            case ev.StepStarted() | ev.UndoStarted():
                self.busy.add(body.step)
            case ev.StepUnknown():
                self.busy.discard(body.step)
                self.unknown.add(body.step)
            case ev.StepSucceeded() | ev.StepFailed() | ev.UndoSucceeded() | ev.UndoFailed():
                self.busy.discard(body.step)
                self.by_hand.discard(body.step)
            case ev.RetryRequested() | ev.StepSkipped() | ev.StepResolved():
                self.unknown.discard(body.step)
                self.by_hand.discard(body.step)
                self.ended = None
            case ev.UndoRequested() | ev.CleanUpRequested() | ev.InterlockOverridden():
                self.ended = None
            case _:
                pass

    def waits_for_person(self, following: ev.Body) -> str | None:
        """What a person is needed for until ``following`` happens; None: machines are at it."""
        if self.ended is not None:
            return DECISION
        if self.busy:
            return None
        if not self.started:
            return APPROVAL if self.awaited else None
        if self.paused:
            return PAUSE
        if self.unknown:
            return UNKNOWN
        if self.by_hand:
            return BY_HAND
        if self.due:
            return COMMIT
        return INTERRUPTED if isinstance(following, ev.DriverAttached) else None


def time_shares(events: Sequence[ev.Event], *, manual: Collection[str] = (), now: Instant | None = None) -> TimeShares:
    """How the time from the first to the last event was spent; of a run that has not ended also the time to ``now``.

    ``manual``: ids of the steps that people do by hand (`Plan.manual`): while nothing else is under way, theirs is the
    time. Linear in the number of events. What people accept after the end is not the run's time any more.
    """
    events = [event for event in events if not isinstance(event.body, ev.DifferenceAccepted)]
    if not events:
        return TimeShares(total_s=0.0, people_s=0.0, waits=())
    if now is not None and not isinstance(events[-1].body, ev.RunEnded):
        events = [*events, replace(events[-1], at=now, body=_NOTHING)]
    waits: list[Wait] = []
    for what, since, until in _stretches(events, manual):
        if waits and waits[-1].what == what and waits[-1].until == since:
            waits[-1] = Wait(what=what, since=waits[-1].since, until=until)
        elif until.since(since) > 0:
            waits.append(Wait(what=what, since=since, until=until))
    people = sum(wait.seconds for wait in waits)
    return TimeShares(total_s=events[-1].at.since(events[0].at), people_s=people, waits=tuple(waits))


def _stretches(events: Sequence[ev.Event], manual: Collection[str]) -> Iterator[tuple[str, Instant, Instant]]:
    reading = _Reading(manual)
    for event, following in pairwise(events):
        reading.take(event.body)
        what = reading.waits_for_person(following.body)
        if what is not None:
            yield what, event.at, following.at


def needed_now(state: RunState, events: Sequence[ev.Event], *, driven: bool) -> tuple[Needed, ...]:
    """What waits for whom and since when. ``state`` is the fold of ``events``; ``driven``: a driver is at it."""
    if not events:
        return ()
    asked = (*_approval(state, events), *_by_hand(state, events), *_steps(state, events))
    found = [*asked, *_commit(state), *_pause(state, events)]
    if not driven and state.ended is None and (state.head.started_at or state.head.stop or not found):
        found.append(
            Needed(
                reason=INTERRUPTED,
                what="nobody drives the run",
                who=_operator(state),
                since=events[-1].at,
                step=None,
                next_step=f"drorch run attach {state.run}",
            )
        )
    return tuple(found)


def _operator(state: RunState) -> str:
    return state.head.created.operator if state.head.created else "the operator"


def _approval(state: RunState, events: Sequence[ev.Event]) -> Iterator[Needed]:
    head = state.head
    if head.awaited is None or head.started_at is not None or head.ended is not None:
        return
    who = f"somebody other than {_operator(state)}" if state.plan.kind in TWO_PERSONS else "a person who read the plan"
    within = f" within {head.awaited.within_s} s" if head.awaited.within_s else ""
    if state.plan.kind not in TWO_PERSONS and head.approvals:
        return
    yield Needed(
        reason=APPROVAL,
        what=f"approval{within}",
        who=who,
        since=head.awaited_at or events[0].at,
        step=None,
        next_step=f"drorch run approve {state.run} --by NAME --plan HASH --reason WHY",
    )


def _by_hand(state: RunState, events: Sequence[ev.Event]) -> Iterator[Needed]:
    for step in state.with_status(StepStatus.RUNNING):
        if isinstance(step.act, ManualAct):
            latest = f"at the latest after {step.timeout_s / 60:.0f} min"
            evidence = " --evidence FILE" if step.act.evidence_required else ""
            yield Needed(
                reason=BY_HAND,
                what=f"{step.act.text} (about {step.act.minutes} min, {latest})",
                who=step.act.role,
                since=state.steps[step.id].started or events[-1].at,
                step=step.id,
                next_step=f"drorch run sign-off {state.run} {step.id} --by NAME --reason WHY{evidence}",
            )


def _steps(state: RunState, events: Sequence[ev.Event]) -> Iterator[Needed]:
    if state.ended is not None and state.ended.outcome is not ev.RunOutcome.INCOMPLETE:
        return
    for step in state.with_status(StepStatus.UNKNOWN, StepStatus.FAILED):
        stands = state.steps[step.id]
        unknown = stands.status is StepStatus.UNKNOWN
        behind = sum(step.id in causes for causes in state.blocked.values())
        yield Needed(
            reason=UNKNOWN if unknown else DECISION,
            what=f"{'how it ended' if unknown else 'it failed'}: {stands.reason}"
            + (f"; blocks {behind}" if behind else ""),
            who=_operator(state),
            since=stands.ended or events[-1].at,
            step=step.id,
            next_step=_way_on(state, step.id, ("resolve", "retry", "skip") if unknown else ("retry", "skip")),
        )


def _way_on(state: RunState, step: str, wanted: Sequence[str]) -> str:
    """What a person can do about a step now: never a command that the run would refuse."""
    who = {"person": "NAME", "reason": "WHY"}
    decisions: dict[str, ev.Body] = {
        "resolve": ev.StepResolved(step=step, evidence="FILE", **who),
        "retry": ev.RetryRequested(step=step, **who),
        "skip": ev.StepSkipped(step=step, **who),
    }
    ways = [way for way in wanted if objection(state, decisions[way]) is None]
    if ways:
        return f"drorch run {'|'.join(ways)} {state.run} {step} --by NAME --reason WHY"
    if objection(state, ev.CleanUpRequested(**who)) is None:
        return (
            f"drorch run cleanup {state.run} --by NAME --reason WHY if something is left; then a new {state.plan.kind}"
        )
    return f"nothing can be decided about it in this run any more: make a new {state.plan.kind}"


def _commit(state: RunState) -> Iterator[Needed]:
    head = state.head
    if head.agreed is None or head.commit_due_at is None or head.committed or head.ended or head.undo:
        return
    agreed = head.agreed
    what = "everything is done: commit it, or have it undone"
    if agreed.then is not ev.AfterDeadline.NONE:
        what += f"; {agreed.then} by itself after {agreed.within_s} s"
    yield Needed(
        reason=COMMIT,
        what=what,
        who=_operator(state),
        since=head.commit_due_at,
        step=None,
        next_step=f"drorch run commit {state.run} --by NAME --reason WHY",
    )


def _pause(state: RunState, events: Sequence[ev.Event]) -> Iterator[Needed]:
    paused = state.head.paused
    if paused is None or state.ended is not None:
        return
    since = next(event.at for event in reversed(events) if isinstance(event.body, ev.Paused))
    yield Needed(
        reason=PAUSE,
        what=f"paused by {paused.person}: {paused.reason}",
        who=_operator(state),
        since=since,
        step=None,
        next_step=f"drorch run resume {state.run} --by NAME --reason WHY",
    )
