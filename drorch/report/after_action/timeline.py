"""What happened when, out of a run's record, each with its phase: response, continuity, reconstitution.

Response is everything up to the first act of recovery; continuity is working at the recovery site; reconstitution is
the way home: a whole failback, and what a drill or a switchover puts back.
"""

from __future__ import annotations

from collections.abc import Iterator

from drorch.evidence.record.model import Moment, Report, StepOutcome
from drorch.plan.model import Kind, Phase
from drorch.report.after_action.model import AarPhase, TimelineEntry

_RETURNING = frozenset({Phase.RETURN.value, Phase.CLEAN_UP.value})
_CHECKING = frozenset({Phase.CHECK.value})
_PHASE_WORDS = {
    "check": "Checks",
    "fence": "Old primary fenced",
    "recover": "Data brought up",
    "serve": "Applications started, names set",
    "validate": "Applications proved",
    "return": "Old primary made a standby",
    "clean-up": "Drill copies removed",
}


def timeline_of(report: Report) -> tuple[TimelineEntry, ...]:
    """In the order of time."""
    found = [entry for entry in _all(report) if entry is not None]
    return tuple(sorted(found, key=lambda entry: entry.at.mono))


def _all(report: Report) -> Iterator[TimelineEntry | None]:
    run = report.run
    home = run.kind == Kind.FAILBACK
    before = AarPhase.RECONSTITUTION if home else AarPhase.RESPONSE
    during = AarPhase.RECONSTITUTION if home else AarPhase.CONTINUITY
    yield from _of_applications(report, before, during)
    if run.declaration:
        declared = run.declaration
        site = f" of {declared.site}" if declared.site else ""
        yield _entry(report, declared.at, before, f"Loss{site} declared: {declared.reason}", declared.person)
    for approval in run.approvals:
        yield _entry(report, approval.at, before, f"Plan approved: {approval.reason}", approval.person)
    yield _entry(report, run.started, before, f"{run.kind.capitalize()} begun", run.operator)
    for span in report.phases:
        phase = before if span.phase in _CHECKING else AarPhase.RECONSTITUTION if span.phase in _RETURNING else during
        words = _PHASE_WORDS.get(span.phase, span.phase)
        yield _entry(report, span.began, phase, f"{words}: begun ({span.done} of {span.steps} steps done)")
        yield _entry(report, span.ended, phase, f"{words}: ended")
    for refusal in report.refusals:
        yield _entry(report, refusal.at, before, f"Refused by the interlock {refusal.interlock}: {refusal.reason}")
    for act in report.operator_acts:
        step = f" {act.step}" if act.step else ""
        yield _entry(report, act.at, during, f"Decision: {act.act}{step}: {act.reason}", act.person)
    for step_ in report.steps:
        if step_.outcome in (StepOutcome.FAILED, StepOutcome.UNKNOWN):
            words = f"Step {step_.id} {step_.outcome.value}: {step_.reason}"
            yield _entry(report, step_.ended or step_.began, during, words)
    yield _entry(report, run.ended, during, f"{run.kind.capitalize()} ended: {report.result.overall.value}")


def _of_applications(report: Report, before: AarPhase, during: AarPhase) -> Iterator[TimelineEntry | None]:
    """The first that fell, the first that was noticed, the first and the last that worked again."""
    clocks = [(app.name, app.clocks) for app in report.applications]
    fell = [(name, clock.outage_start) for name, clock in clocks if clock.outage_start]
    noticed = [(name, clock.detected) for name, clock in clocks if clock.detected]
    up = [(name, clock.validated) for name, clock in clocks if clock.validated]
    for words, moments, phase in (
        ("First application down", fell, before),
        ("First outage detected", noticed, before),
        ("First application proved to work", up, during),
    ):
        if moments:
            name, at = min(moments, key=lambda pair: pair[1].mono)
            yield _entry(report, at, phase, f"{words}: {name}")
    if up:
        name, at = max(up, key=lambda pair: pair[1].mono)
        yield _entry(report, at, during, f"Last application proved to work: {name}")


def _entry(
    report: Report, at: Moment | None, phase: AarPhase, what: str, who: str | None = None
) -> TimelineEntry | None:
    return TimelineEntry(run=report.run.id, at=at, phase=phase, what=what, who=who) if at else None
