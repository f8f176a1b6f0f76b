"""What a run leaves behind: baselines around it, the meter of protection during it, and what people accept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.codec import from_text, to_text
from drorch.core.errors import Broken, InputInvalid
from drorch.core.files import write_whole
from drorch.core.findings import Finding, Severity
from drorch.core.state_folder import RunFolder
from drorch.estate.model import Estate
from drorch.evidence.baseline import (
    Against,
    Baseline,
    Comparison,
    Place,
    diff,
    placed,
    without_drill,
)
from drorch.evidence.boots import why_not_comparable
from drorch.evidence.codec import read_protection
from drorch.evidence.protection import Protection, ProtectionSample, measure
from drorch.orchestration.boot_log import boots_of
from drorch.orchestration.ports import PartsOfEstate
from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.state import RunState, fold

COMPARED = frozenset({Kind.DRILL, Kind.SWITCHOVER, Kind.FAILBACK})
"""Kinds after which everything has to stand at a known place."""
METERED = COMPARED | {Kind.FAILOVER}
SETTLE_S = 4.0
"""A standby that was just restarted may take so long to stream again."""
LOOK_AGAIN_S = 0.5

_SETTLED = frozenset({ev.RunOutcome.COMPLETED, ev.RunOutcome.CLEANED, ev.RunOutcome.UNDONE})


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run as far as its files tell."""

    folder: RunFolder
    plan: Plan
    catalog: Catalog

    @property
    def applications(self) -> tuple[str, ...]:
        """Everything in the plan's scope."""
        return tuple(scope.application for scope in self.plan.scope)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups in scope that can be protected at all, in the catalog's order."""
        wanted = {self.catalog.application(application).group for application in self.applications}
        return tuple(group.id for group in self.catalog.groups if group.id in wanted and group.recovery_site)


@dataclass(frozen=True, kw_only=True)
class Subject(Kept):
    """A run that can be looked at where it runs."""

    estate: Estate


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What is known of a run besides its steps and its outages."""

    comparison: Comparison | None
    protection: tuple[Protection, ...]
    findings: tuple[Finding, ...]


@contextmanager
def guarded(
    of_estate: PartsOfEstate, run: Subject, state: RunState, on_event: Callable[[ev.Event], None]
) -> Iterator[Callable[[ev.Event], None]]:
    """Meter the protection while the run goes on, and look at everything before its first change.

    The callable has to see every event once it is durable: the run's start is seen before its first act.
    """
    with ExitStack() as stack:

        def begin() -> None:
            before = run.folder.baseline("before")
            if run.plan.kind in COMPARED and not before.exists() and not changed(run.plan, state):
                _look(of_estate, run, before)
            if run.plan.kind in METERED:
                stack.enter_context(of_estate.protection_meter(run.estate, run.groups, run.folder.protection))

        def see(event: ev.Event) -> None:
            try:
                if isinstance(event.body, ev.RunStarted):
                    begin()
            finally:
                on_event(event)

        if state.head.started_at is not None:
            begin()
        yield see


def changed(plan: Plan, state: RunState) -> bool:
    """Whether any step that changes something was ever begun."""
    return any(step.changes_state and state.steps[step.id].attempt for step in plan.steps)


def _look(of_estate: PartsOfEstate, run: Subject, path: Path) -> Baseline:
    seen = of_estate.snapshot(run.estate, run.catalog, run.applications)
    write_whole(path, to_text(seen))
    return seen


def look_after(of_estate: PartsOfEstate, clock: Clock, run: Subject, state: RunState) -> None:
    """Look at everything after the run; again for a while where something is still settling."""
    if run.plan.kind not in COMPARED or state.head.started_at is None:
        return
    settles = state.ended is not None and state.ended.outcome in _SETTLED
    until = clock.now().mono + SETTLE_S
    while True:
        _look(of_estate, run, run.folder.baseline("after"))
        found = compare(run, state)
        if not settles or found is None or not found.differences or clock.now().mono > until:
            return
        clock.sleep(LOOK_AGAIN_S)


def aftermath(run: Kept, events: Sequence[ev.Event]) -> Aftermath:
    """Everything from what is on disk; the same again when asked again."""
    state = fold(run.plan, events)
    if state.head.started_at is None:
        return Aftermath(comparison=None, protection=(), findings=())
    looks, restarted = _looks(run)
    comparison, watched = compare(run, state), stretches(events)
    metered = run.groups if run.plan.kind in METERED else ()
    protection = tuple(measure(group, looks, watched) for group in metered) if not restarted else ()
    return Aftermath(
        comparison=comparison,
        protection=protection,
        findings=(
            *_unaccepted(comparison, accepted(events)),
            *(finding for entry in protection for finding in _unprotected(run.plan.kind, entry)),
            *(_unmeasured(group, restarted) for group in metered if restarted),
        ),
    )


def accepted(events: Sequence[ev.Event]) -> Mapping[str, ev.DifferenceAccepted]:
    """What people have accepted, by ``code/subject``."""
    bodies = [event.body for event in events]
    return {f"{body.code}/{body.subject}": body for body in bodies if isinstance(body, ev.DifferenceAccepted)}


def compare(run: Kept, state: RunState) -> Comparison | None:
    """The state after the run held against what it should be, from what is on disk; None where nothing has to be."""
    kind, outcome = run.plan.kind, state.ended.outcome if state.ended else None
    if kind not in COMPARED or outcome is ev.RunOutcome.REFUSED:
        return None
    against = Against.NORMAL if kind is Kind.FAILBACK else Against.TARGET
    if kind is Kind.DRILL or outcome is ev.RunOutcome.UNDONE:
        against = Against.BEFORE
    after, before = _read(run.folder.baseline("after")), _read(run.folder.baseline("before"))
    if after is None or (before is None and against is Against.BEFORE):
        when = "before the first change" if after else "after the end"
        return Comparison(against=against, missing=f"nobody looked at what stood where {when}")
    if against is Against.BEFORE and before is not None:
        wanted = without_drill(before)
    else:
        wanted = placed(after, _places(run, against))
    return Comparison(against=against, differences=diff(wanted, after))


def _places(run: Kept, against: Against) -> dict[str, Place]:
    if against is Against.NORMAL:
        groups = (run.catalog.group(group) for group in run.groups)
        return {group.id: Place(primary=group.primary_site, standby=group.recovery_site) for group in groups}
    return {
        run.catalog.application(scope.application).group: Place(primary=scope.to_site, standby=scope.from_site)
        for scope in run.plan.scope
        if scope.to_site is not None and not scope.remote_access
    }


def _unaccepted(comparison: Comparison | None, taken: Mapping[str, object]) -> Iterator[Finding]:
    if comparison is None:
        return
    if comparison.missing:
        yield Finding(
            code="baseline-missing",
            severity=Severity.ERROR,
            message=f"not known to be clean: {comparison.missing}",
            next_step="look with 'drorch probe now' and 'drorch run show', and repeat the run",
        )
    for found in comparison.differences:
        if found.name not in taken:
            yield Finding(
                code=found.code,
                severity=Severity.ERROR,
                message=f"{found.subject}: {found.before} in {comparison.against}, {found.after} after the run",
                subject=found.subject,
                next_step=f"put it right, or accept it by name: drorch run accept-difference RUN {found.name}",
            )


def _unprotected(kind: Kind, found: Protection) -> Iterator[Finding]:
    if kind is Kind.DRILL and found.gaps:
        seconds = sum(gap.length.seconds for gap in found.gaps)
        yield Finding(
            code="protection-gap",
            severity=Severity.ERROR,
            message=f"{found.group} had no protection for {seconds:.1f} s during the drill: {found.gaps[0].reason}",
            subject=found.group,
            next_step="find out why replication stopped before the next drill",
        )
    if kind is not Kind.DRILL and found.at_end is False:
        yield Finding(
            code="protection-ended",
            severity=Severity.NOTE if kind is Kind.FAILOVER else Severity.ERROR,
            message=f"{found.group} is without protection at the end of the run",
            subject=found.group,
            next_step="fail back as soon as the lost site is there again, or build another standby",
        )
    if found.unobserved_s:
        yield Finding(
            code="protection-not-observed",
            severity=Severity.WARNING,
            message=f"nobody looked at the protection of {found.group} for {found.unobserved_s:.1f} s of the run",
            subject=found.group,
        )


def _unmeasured(group: str, reason: str) -> Finding:
    return Finding(
        code="protection-not-measured",
        severity=Severity.ERROR,
        message=f"whether {group} was protected all the time is not known: {reason}",
        subject=group,
        next_step="look at its replication now; only another run can measure it",
    )


def _looks(run: Kept) -> tuple[tuple[ProtectionSample, ...], str]:
    """All looks at the protection, and why their times cannot be compared (empty: they can)."""
    if run.plan.kind not in METERED:
        return (), ""
    try:
        text = run.folder.protection.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    looks = read_protection(text, str(run.folder.protection))
    return looks, why_not_comparable({*boots_of(run.folder), *(look.boot for look in looks)})


_BEHIND_THE_END = (ev.DifferenceAccepted, ev.StoreWaited)


def stretches(events: Sequence[ev.Event]) -> list[tuple[float, float]]:
    """When the run was on: a clean-up or a decision takes it up again after its end."""
    found: list[tuple[float, float]] = []
    began: float | None = None
    for event in events:
        if isinstance(event.body, ev.RunEnded) and began is not None:
            found.append((began, event.at.mono))
            began = None
        elif isinstance(event.body, ev.RunStarted) or (found and not isinstance(event.body, _BEHIND_THE_END)):
            began = event.at.mono if began is None else began
    return found if began is None else [*found, (began, events[-1].at.mono)]


def _read(path: Path) -> Baseline | None:
    """A baseline of ours; None when it was not taken, Broken when it is damaged."""
    try:
        return from_text(Baseline, path.read_bytes(), where=str(path), next_step=None)
    except FileNotFoundError:
        return None
    except (OSError, InputInvalid) as error:
        what = f"is not a baseline: {error.what if isinstance(error, InputInvalid) else error.strerror}"
        raise Broken(what, where=str(path), next_step="restore the file from a copy") from error
