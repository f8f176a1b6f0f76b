"""What the metrics need of one run: a fold of its journal into numbers. Pure; times are Unix seconds of the journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drorch.core.clock import Instant
from drorch.plan.model import Kind, Phase, Plan, PlaybookAct, Step, ValidateAct
from drorch.run import events as ev
from drorch.run.interlocks import groups_of
from drorch.run.progress import SATISFIED
from drorch.run.state import RunState
from drorch.run.waits import needed_now, time_shares

_OUTCOMES: Mapping[type[object], str] = {
    ev.StepSucceeded: "done",
    ev.StepFailed: "failed",
    ev.StepUnknown: "unknown",
    ev.StepSkipped: "skipped",
    ev.StepResolved: "done-by-hand",
}


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """One end of a run; a run that a decision takes up again ends once more."""

    at: float
    outcome: str
    seconds: float | None
    """From its start to this end; None when it never started."""


@dataclass(frozen=True, kw_only=True)
class OpenNeed:
    """Something only a person can settle, waiting since ``since``."""

    reason: str
    since: float


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One run in numbers. Counts are over all of its events, also those of earlier attempts."""

    run: str
    kind: Kind
    plan_groups: frozenset[str]
    events: int
    last_event_at: float
    started: bool
    outcome: str | None
    """How it stands ended now; None while it is open."""
    driver: tuple[str, int] | None
    """Host and process of the driver that took it up last."""
    ends: tuple[RunEnd, ...]
    steps: Mapping[tuple[str, str], int]
    """Ended attempts and decisions, by the kind of act and the outcome."""
    step_seconds: Mapping[str, tuple[float, ...]]
    """Lengths of ended attempts, by the kind of act."""
    retries: Mapping[str, int]
    refusals: Mapping[str, int]
    waits: Mapping[str, float]
    """Seconds in which nothing went on because a person was needed, by reason."""
    statuses: Mapping[str, int]
    """Steps of the plan by how they stand now."""
    needs: tuple[OpenNeed, ...]
    recovering: Mapping[str, float]
    """Applications that this run is to bring back and has not yet, with the moment from which drorch counts."""


@dataclass(kw_only=True)
class _Counts:
    steps: Counter[tuple[str, str]]
    seconds: dict[str, list[float]]
    retries: Counter[str]
    refusals: Counter[str]
    ends: list[RunEnd]


def summarise(plan: Plan, state: RunState, events: Sequence[ev.Event], *, driven: bool) -> RunSummary:
    """The summary of a run whose fold over all its ``events`` is ``state``. ``driven``: a driver is at it."""
    counts = _count(plan, events)
    waits: dict[str, float] = defaultdict(float)
    for wait in time_shares(events, manual=plan.manual).waits:
        waits[slug(wait.what)] += wait.seconds
    driver = state.head.drivers[-1] if state.head.drivers else None
    return RunSummary(
        run=state.run,
        kind=plan.kind,
        plan_groups=groups_of(plan),
        events=len(events),
        last_event_at=_unix(events[-1].at),
        started=state.head.started_at is not None,
        outcome=state.ended.outcome.value if state.ended else None,
        driver=(driver.host, driver.pid) if driver else None,
        ends=tuple(counts.ends),
        steps=counts.steps,
        step_seconds={act: tuple(lengths) for act, lengths in counts.seconds.items()},
        retries=counts.retries,
        refusals=counts.refusals,
        waits=waits,
        statuses=Counter(step.status.value for step in state.steps.values()),
        needs=tuple(
            OpenNeed(reason=slug(need.reason), since=_unix(need.since))
            for need in needed_now(state, events, driven=driven)
        ),
        recovering=_recovering(plan, state),
    )


def slug(words: str) -> str:
    """A few words as the value of a label: ``unknown step`` becomes ``unknown-step``."""
    return words.replace(" ", "-")


def act_of(step: Step) -> str:
    """The kind of a step's act: playbook, validate, witness, replication or names."""
    return type(step.act).__name__.removesuffix("Act").lower()


def _unix(instant: Instant) -> float:
    return instant.wall.timestamp()


def _count(plan: Plan, events: Sequence[ev.Event]) -> _Counts:
    counts = _Counts(steps=Counter(), seconds=defaultdict(list), retries=Counter(), refusals=Counter(), ends=[])
    begun: dict[str, Instant] = {}
    started: Instant | None = None
    for event in events:
        body = event.body
        if isinstance(body, ev.RunStarted):
            started = event.at
        elif isinstance(body, ev.StepStarted):
            begun[body.step] = event.at
        elif isinstance(body, ev.RetryRequested):
            counts.retries[act_of(plan.by_id[body.step])] += 1
        elif isinstance(body, ev.InterlockRefused):
            counts.refusals[body.interlock] += 1
        elif isinstance(body, ev.RunEnded):
            seconds = event.at.since(started) if started else None
            counts.ends.append(RunEnd(at=_unix(event.at), outcome=body.outcome.value, seconds=seconds))
        elif isinstance(body, ev.StepSucceeded | ev.StepFailed | ev.StepUnknown | ev.StepSkipped | ev.StepResolved):
            act = act_of(plan.by_id[body.step])
            counts.steps[act, _OUTCOMES[type(body)]] += 1
            if isinstance(body, ev.StepSucceeded | ev.StepFailed) and body.step in begun:
                counts.seconds[act].append(event.at.since(begun[body.step]))
    return counts


def _recovering(plan: Plan, state: RunState) -> Mapping[str, float]:
    """From the declaration of a lost site; in a planned move from the stopping of the application. Never in a drill."""
    if state.head.started_at is None or (state.ended and state.ended.outcome is not ev.RunOutcome.INCOMPLETE):
        return {}
    down = _down_since(plan, state)
    for step in plan.steps:
        back = isinstance(step.act, ValidateAct) and state.steps[step.id].status in SATISFIED
        if back and isinstance(step.act, ValidateAct):
            down.pop(step.act.application, None)
    return down


def _down_since(plan: Plan, state: RunState) -> dict[str, float]:
    if plan.kind is Kind.FAILOVER:
        since = state.head.declared_at or state.head.started_at
        moved = (scope.application for scope in plan.scope if scope.to_site and not scope.remote_access)
        return dict.fromkeys(moved, _unix(since)) if since else {}
    found: dict[str, float] = {}
    for step in plan.steps:
        begun = state.steps[step.id].started
        if step.phase is Phase.FENCE and isinstance(step.act, PlaybookAct) and begun is not None:
            stopped = step.act.variables.get("applications")
            found |= dict.fromkeys(map(str, stopped) if isinstance(stopped, list | tuple) else (), _unix(begun))
    return found
