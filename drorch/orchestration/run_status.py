"""How a run stands now, for people: what is under way, what is slow, and what waits for whom since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from drorch.core.clock import Instant
from drorch.core.codec import plain
from drorch.core.errors import DrorchError
from drorch.core.state_folder import run_folder
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import Parts
from drorch.plan.files import load_plan_file
from drorch.run.pace import Slow, durations, slow_steps, usual
from drorch.run.progress import SATISFIED, StepStatus, UndoStatus
from drorch.run.waits import Needed, TimeShares, needed_now, time_shares

HISTORY_RUNS = 20
"""How many earlier runs say what is usual."""


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A step, or its undoing, under way."""

    step: str
    what: str
    seconds: float
    slow: Slow | None


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """How a run stands at ``at``."""

    run: str
    kind: str
    at: Instant
    events: int
    outcome: str | None
    driven: bool
    steps: int
    done: int
    under_way: tuple[UnderWay, ...]
    needed: tuple[Needed, ...]
    shares: TimeShares
    requests: int
    """Requests of people that no driver has taken yet."""


def standing(parts: Parts, operations: Operations, run: str, usual_s: Mapping[str, float]) -> RunStatus:
    """How the run stands now. NotFound when there is none."""
    now, at = operations.now(run), parts.clock.now()
    progress = now.state.progress
    slow = {item.step: item for item in slow_steps(now.state, at, usual_s)}
    steps = [
        UnderWay(step=step.id, what="step", seconds=at.since(started), slow=slow.get(step.id))
        for step in now.state.with_status(StepStatus.RUNNING)
        if (started := now.state.steps[step.id].started) is not None
    ]
    undos = [
        UnderWay(step=step, what="undo", seconds=at.since(started), slow=None)
        for step in progress.undoing(UndoStatus.RUNNING)
        if (started := progress.undos[step].started) is not None
    ]
    return RunStatus(
        run=run,
        kind=now.plan.kind.value,
        at=at,
        events=len(now.events),
        outcome=now.state.ended.outcome.value if now.state.ended else None,
        driven=now.driven,
        steps=len(now.plan.steps),
        done=sum(state.status in SATISFIED for state in now.state.steps.values()),
        under_way=(*steps, *undos),
        needed=needed_now(now.state, now.events, driven=now.driven),
        shares=time_shares(now.events, manual=now.plan.manual, now=at),
        requests=len(parts.inbox.pending(run)),
    )


def standing_to_json(stands: RunStatus) -> dict[str, object]:
    """Plain JSON data for ``--json`` and the REST API."""
    return {
        "run": stands.run,
        "kind": stands.kind,
        "at": plain(stands.at),
        "events": stands.events,
        "outcome": stands.outcome,
        "driven": stands.driven,
        "steps": stands.steps,
        "done": stands.done,
        "requests": stands.requests,
        "under_way": [
            {
                "step": item.step,
                "what": item.what,
                "seconds": round(item.seconds, 2),
                "slow": None if item.slow is None else {"usual_s": round(item.slow.usual_s, 2), "text": str(item.slow)},
            }
            for item in stands.under_way
        ],
        "waits_for": [
            {
                "who": need.who,
                "what": need.what,
                "step": need.step,
                "since": plain(need.since),
                "seconds": round(stands.at.since(need.since), 2),
                "next_step": need.next_step,
            }
            for need in stands.needed
        ],
        "people_s": round(stands.shares.people_s, 2),
        "machine_s": round(stands.shares.machine_s, 2),
    }


def usual_durations(parts: Parts, *, except_run: str) -> Mapping[str, float]:
    """What is usual for each kind of step in seconds, from the latest runs of the journal besides this one."""
    others = (run for run in reversed(parts.journal.runs()) if run != except_run)
    histories: list[Mapping[str, list[float]]] = []
    for run in islice(others, HISTORY_RUNS):
        try:
            plan = load_plan_file(run_folder(parts.home, run).plan)
            histories.append(durations(plan, parts.journal.read(run)))
        except DrorchError:
            continue  # a run whose files are gone or unreadable cannot say what is usual
    return usual(histories)
