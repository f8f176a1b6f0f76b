"""One line per run, also for a run of which only the journal, or not even that, can be read here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drorch.core.errors import DrorchError
from drorch.core.state_folder import run_folder
from drorch.orchestration.held_groups import Known, known_of
from drorch.plan.codec import plan_id
from drorch.plan.files import load_plan_file
from drorch.plan.model import Plan
from drorch.run.ports import Journal
from drorch.run.progress import SATISFIED, StepStatus
from drorch.run.state import RunState, fold

UNREADABLE = "unreadable"
"""Stands for the outcome of a run whose journal cannot be read."""


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run in a list of runs."""

    run: str
    kind: str
    plan_id: str
    operator: str
    outcome: str
    steps: int
    done: int
    failed: int
    problem: str | None = None
    """Why it, or its plan, cannot be read; then ``steps``, ``done`` and ``failed`` say nothing."""


def run_line(journal: Journal, home: Path, run: str) -> RunLine:
    """The run's line. Never raises for a run that cannot be read; Broken when the journal as a whole cannot."""
    try:
        plan = load_plan_file(run_folder(home, run).plan)
        return _line(run, plan, fold(plan, journal.read(run)))
    except DrorchError as error:
        return _line_without(known_of(journal, run), error)


def _line(run: str, plan: Plan, state: RunState) -> RunLine:
    created = state.head.created
    return RunLine(
        run=run,
        kind=plan.kind.value,
        plan_id=plan_id(plan),
        operator=created.operator if created else "",
        outcome=state.ended.outcome.value if state.ended else "not ended",
        steps=len(plan.steps),
        done=sum(step.status in SATISFIED for step in state.steps.values()),
        failed=len(state.with_status(StepStatus.FAILED, StepStatus.UNKNOWN)),
    )


def _line_without(known: Known, error: DrorchError) -> RunLine:
    """What the journal alone says."""
    created, ended = known.created, known.head.ended
    stands = ended.outcome.value if ended else "not ended"
    return RunLine(
        run=known.run,
        kind=created.kind if created else "",
        plan_id=created.plan_id if created else "",
        operator=created.operator if created else "",
        outcome=UNREADABLE if known.problem else stands,
        steps=0,
        done=0,
        failed=0,
        problem=known.problem or (f"{error.where}: {error.what}" if error.where else error.what),
    )
