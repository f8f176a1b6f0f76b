"""The overall result and the totals: counted here once, shown everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from drorch.core.findings import Severity
from drorch.evidence.record.model import (
    ApplicationResult,
    ApplicationVerdict,
    Deviation,
    Measured,
    NotRecoverable,
    Overall,
    Refusal,
    RemoteAccess,
    Result,
    RunFacts,
    StepOutcome,
    StepResult,
    Totals,
)
from drorch.plan.model import Kind

NAMED = 3
"""So many deviations are named in a line of issues; the whole list stands further down in the report."""
_GOOD = frozenset({ApplicationVerdict.PASS, ApplicationVerdict.PROVED})
_WORD = {
    ApplicationVerdict.FAILED: "failed",
    ApplicationVerdict.MISSED: "missed an objective",
    ApplicationVerdict.VACUOUS: "vacuous (the test proves nothing)",
    ApplicationVerdict.NOT_MEASURED: "not measured",
}


def counted_time(application: ApplicationResult) -> Measured | None:
    """The recovery time the RTO is held against; None when not measured."""
    times = application.recovery_time
    return times.from_declaration if times.counts == "declaration" else times.from_disruption


def totals(
    applications: Sequence[ApplicationResult],
    remote: RemoteAccess,
    unrecoverable: Sequence[NotRecoverable],
    steps: Sequence[StepResult],
) -> Totals:
    """The score card's counts."""
    verdicts = Counter(application.verdict for application in applications)
    outcomes = Counter(step.outcome for step in steps)
    timed = [(time, application) for application in applications if (time := counted_time(application)) is not None]
    slowest = max(timed, key=lambda pair: pair[0].seconds, default=None)
    lost = [app.recovery_point.records_lost for app in applications if app.recovery_point.records_lost is not None]
    return Totals(
        in_scope=len(applications) + len(remote.applications) + len(unrecoverable),
        measured_scope=len(applications),
        passed=verdicts[ApplicationVerdict.PASS],
        missed=verdicts[ApplicationVerdict.MISSED],
        failed=verdicts[ApplicationVerdict.FAILED],
        vacuous=verdicts[ApplicationVerdict.VACUOUS],
        not_measured=verdicts[ApplicationVerdict.NOT_MEASURED],
        proved=verdicts[ApplicationVerdict.PROVED],
        not_recoverable=len(unrecoverable),
        remote_access=len(remote.applications),
        remote_access_reached=sum(item.reached is True for item in remote.applications),
        steps=len(steps),
        steps_done=outcomes[StepOutcome.DONE],
        steps_failed=outcomes[StepOutcome.FAILED] + outcomes[StepOutcome.UNKNOWN],
        steps_blocked=outcomes[StepOutcome.BLOCKED],
        slowest=slowest[0] if slowest else None,
        slowest_application=slowest[1].id if slowest else None,
        rto_met=sum(app.recovery_time.met is True for app in applications),
        rto_measured=sum(app.recovery_time.met is not None for app in applications),
        rpo_met=sum(app.recovery_point.met is True for app in applications),
        rpo_measured=sum(app.recovery_point.met is not None for app in applications),
        records_lost=sum(lost) if lost else None,
        samples=sum(app.observation.samples for app in applications),
        bad_samples=sum(app.observation.bad_samples for app in applications),
    )


def overall(
    run: RunFacts,
    counts: Totals,
    applications: Sequence[ApplicationResult],
    remote: RemoteAccess,
    steps: Sequence[StepResult],
    refusals: Sequence[Refusal],
    deviations: Sequence[Deviation],
    left: Sequence[str] = (),
) -> Result:
    """One word for the run. Anything not proved keeps it from passing, and so does what it ``left`` behind."""
    issues = _issues(run, counts, applications, steps, refusals, deviations)
    if run.outcome == "refused" or run.started is None:
        why = refusals[-1].reason if refusals else run.outcome_reason or "the run was not started"
        return Result(overall=Overall.NOT_RUN, reason=why, issues=issues)
    if run.outcome is None:
        return Result(overall=Overall.UNFINISHED, reason="the run has not ended", issues=issues)
    failures = [*_failures(run, counts, applications, remote), *left]
    if failures:
        return Result(overall=Overall.FAIL, reason="; ".join(failures), issues=issues)
    return Result(
        overall=Overall.PASS_WITH_ISSUES if issues else Overall.PASS, reason=_success(run, counts), issues=issues
    )


def _success(run: RunFacts, counts: Totals) -> str:
    if run.kind == Kind.DRILL:
        what = f"{counts.proved} of {counts.measured_scope} applications proved on an isolated copy"
    elif run.kind == Kind.READINESS:
        what = f"{counts.proved} of {counts.measured_scope} applications are where they should be, nothing was moved"
    else:
        what = f"{counts.passed} of {counts.measured_scope} applications recovered within their objectives"
    if counts.remote_access:
        what += f"; {counts.remote_access_reached} of {counts.remote_access} reached by remote access"
    return what


def _failures(
    run: RunFacts, counts: Totals, applications: Sequence[ApplicationResult], remote: RemoteAccess
) -> list[str]:
    verdicts = Counter(application.verdict for application in applications)
    bad = [f"{verdicts[verdict]} {word}" for verdict, word in _WORD.items() if verdicts[verdict]]
    failures = [f"of {counts.measured_scope} applications {', '.join(bad)}"] if bad else []
    missing = [item for item in remote.applications if item.reached is not True]
    if missing:
        failures.append(f"{len(missing)} of {len(remote.applications)} not reached by remote access")
    if not applications and not remote.applications:
        failures.append("no application was in scope of any test")
    if run.outcome != "completed":
        failures.append(f"the run is {run.outcome}" + (f": {run.outcome_reason}" if run.outcome_reason else ""))
    return failures


def _issues(
    run: RunFacts,
    counts: Totals,
    applications: Sequence[ApplicationResult],
    steps: Sequence[StepResult],
    refusals: Sequence[Refusal],
    deviations: Sequence[Deviation],
) -> tuple[str, ...]:
    """What has to be looked at, also when all objectives are met. Sentences, most important first."""
    outcomes = Counter(step.outcome for step in steps)
    repeated = sum(len(step.attempts) > 1 for step in steps)
    # What the plan gives to people is done by hand as planned; anything else was a way around.
    by_hand = sum(step.outcome is StepOutcome.BY_HAND and step.act != "manual" for step in steps)
    lossless_unknown = sum(app.recovery_point.met is None for app in applications)
    duplicated = sum(bool(app.recovery_point.duplicates) for app in applications)
    unwatched = sum(app.observation.status != "untouched" for app in applications)
    grave = [item.message for item in deviations if item.severity != Severity.NOTE]
    moved = run.kind not in (Kind.DRILL, Kind.READINESS)
    found = (
        (counts.not_recoverable, "cannot be recovered by any plan"),
        (lossless_unknown if moved else 0, "without a measurement of data loss"),
        (unwatched if run.kind == Kind.DRILL else 0, "whose production is not proved untouched by the drill"),
        (duplicated, "with duplicated records after recovery"),
    )
    issues = [f"{_count(number, 'application')} {text}" for number, text in found if number]
    if counts.records_lost:
        issues.append(f"{_count(counts.records_lost, 'acknowledged record')} lost")
    found_steps = (
        (outcomes[StepOutcome.SKIPPED], "skipped by a person"),
        (by_hand, "done by hand"),
        (repeated, "needed more than one attempt"),
    )
    issues += [f"{_count(number, 'step')} {text}" for number, text in found_steps if number]
    if refusals:
        issues.append(f"{_count(len(refusals), 'refusal')} by an interlock")
    if grave:
        more = f"; and {len(grave) - NAMED} more" if len(grave) > NAMED else ""
        issues.append(f"{_count(len(grave), 'deviation')} found: {'; '.join(grave[:NAMED])}{more}")
    if run.drivers > 1:
        issues.append(f"the run was interrupted and taken up again {_count(run.drivers - 1, 'time')}")
    return tuple(issues)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
