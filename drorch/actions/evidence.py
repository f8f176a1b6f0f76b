"""What a later test has to show before an action may close, and what shows that it did not help. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from drorch.actions.model import Action, ActionSeverity, Source, Subject, SubjectKind

_PASSED = frozenset({"pass", "pass-with-issues"})
_RECOVERED = frozenset({"pass", "proved"})
_FALLEN = frozenset({"failed", "missed", "unknown"})
RETESTS = MappingProxyType(
    {
        "readiness": frozenset({"readiness"}),
        "drill": frozenset({"drill", "switchover", "failover"}),
        "switchover": frozenset({"switchover", "failover"}),
        "failover": frozenset({"switchover", "failover"}),
        "failback": frozenset({"failback"}),
    }
)
"""Which kinds of run prove again what a run of this kind found: never a lesser one, never the other direction."""
_BY_HAND = frozenset({"drill", "switchover", "failover", "failback"})


@dataclass(frozen=True, kw_only=True)
class FoundProblem:
    """One finding of a run, with what a retest has to cover."""

    source: Source
    severity: ActionSeverity
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, kw_only=True)
class RunSeen:
    """The parts of a run's record that actions need. ``applications``: verdict by id; ``steps``: outcome by id."""

    id: str
    kind: str
    estate: str
    operator: str
    started: datetime | None
    ended: datetime | None
    overall: str
    reason: str
    applications: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    steps: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[FoundProblem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordSeen:
    """A record of the year's log that stands."""

    seq: int
    activity: str
    subjects: tuple[str, ...]
    at: datetime
    """End of its day, UTC: it proves nothing about what was done later."""
    result: str


def why_run_does_not_prove(action: Action, run: RunSeen) -> str | None:
    """Why this run is no retest of the action, as a sentence; None when it is one."""
    exercises = [str(item) for item in action.subjects if item.kind is SubjectKind.EXERCISE]
    if exercises:
        return f"no run holds an exercise: {', '.join(exercises)} is proved by a record of the year"
    if run.ended is None or run.started is None:
        return f"the run {run.id} has not ended"
    if run.id == action.source.run:
        return "it is the run that found it"
    if (why := _too_early(action, run.started, f"the run {run.id}")) is not None:
        return why
    if action.source.estate is not None and run.estate != action.source.estate:
        return f"it ran on the estate {run.estate!r}; the finding is about {action.source.estate!r}"
    allowed = retested_by(action)
    if run.kind not in allowed:
        return f"a {run.kind} does not prove it; that takes a {' or '.join(sorted(allowed))}"
    if run.overall not in _PASSED:
        return f"the run {run.id} did not pass: {run.reason}"
    return next((why for item in action.subjects if (why := _uncovered(item, run))), None) or _again(action, run)


def same_way(kind: str | None, other: str | None) -> bool:
    """Whether runs of both kinds go the same way: to the recovery site, home, or nowhere."""
    return bool(RETESTS.get(kind or "", _BY_HAND) & RETESTS.get(other or "", _BY_HAND))


def retested_by(action: Action) -> frozenset[str]:
    """The kinds of run that prove as much as every run that showed it.

    What was found on the way home says nothing here: that is another finding, with an action of its own.
    """
    allowed = RETESTS.get(action.source.kind or "", _BY_HAND)
    for kind in action.kinds:
        allowed = allowed & RETESTS.get(kind, allowed) or allowed
    return allowed


def why_record_does_not_prove(action: Action, record: RecordSeen) -> str | None:
    """Why this record of the year is no retest of the action, as a sentence; None when it is one."""
    if any(item.kind is not SubjectKind.EXERCISE for item in action.subjects):
        return "a record by hand proves no recovery: it takes a run"
    if (why := _too_early(action, record.at, f"record {record.seq}")) is not None:
        return why
    if record.result not in _PASSED:
        return f"record {record.seq} says {record.result}"
    held = {f"{record.activity}/{subject}" for subject in record.subjects}
    missing = [item.id for item in action.subjects if item.id not in held]
    return f"record {record.seq} does not cover {', '.join(missing)}" if missing else None


def regression(action: Action, run: RunSeen) -> str | None:
    """What a run shows that began after the work was done: the same again, as a sentence; None when it does not."""
    if run.started is None or run.ended is None or run.id in (*action.recurred_in, action.source.run):
        return None
    since = action.completed_at or action.source.ended or action.opened_at
    if run.started <= since or action.source.estate not in (None, run.estate):
        return None
    fallen = [
        f"{item} is {state}"
        for item in action.subjects
        if item.kind is not SubjectKind.EXERCISE and (state := _state(item, run)) in _FALLEN
    ]
    return fallen[0] if fallen else _again(action, run)


def _too_early(action: Action, began: datetime, what: str) -> str | None:
    if action.completed_at is None:
        return "nobody has claimed it done"
    if began <= action.completed_at:
        return f"{what} is not later than the work, which was done at {action.completed_at:%Y-%m-%d %H:%M:%S}Z"
    return None


def _state(subject: Subject, run: RunSeen) -> str | None:
    if subject.kind is SubjectKind.APPLICATION:
        return run.applications.get(subject.id)
    return run.steps.get(subject.id)


def _uncovered(subject: Subject, run: RunSeen) -> str | None:
    state = _state(subject, run)
    if state is None:
        return f"the run {run.id} does not cover {subject}"
    good = state in _RECOVERED if subject.kind is SubjectKind.APPLICATION else state == "done"
    return None if good else f"in the run {run.id} {subject} is {state}"


def _again(action: Action, run: RunSeen) -> str | None:
    same: Sequence[FoundProblem] = [item for item in run.problems if item.source.key == action.source.key]
    return f"the run {run.id} found the same again: {same[0].source.message}" if same else None
