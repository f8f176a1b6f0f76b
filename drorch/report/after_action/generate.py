"""The generated half of an after-action report, out of the records of runs and of the year.

Computes no number: each is taken over from a record as it stands there. What was not measured stays None and unrated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drorch.actions.evidence import FoundProblem
from drorch.evidence.record.model import Report
from drorch.evidence.record.result import counted_time
from drorch.report.after_action.model import (
    ActivityFacts,
    ApplicationFacts,
    EvidencePart,
    ExerciseFacts,
    FindingFacts,
    ParticipantFacts,
    Rating,
)
from drorch.report.after_action.objectives import objectives_of
from drorch.report.after_action.timeline import timeline_of
from drorch.year.log import Recorded, YearEvent


@dataclass(frozen=True, kw_only=True)
class RunEvidence:
    """One run's record, the SHA-256 (hex) of its bytes, and its findings."""

    report: Report
    record_sha256: str
    problems: tuple[FoundProblem, ...]


def evidence_part(runs: Sequence[RunEvidence], records: Sequence[YearEvent]) -> EvidencePart:
    """Everything that can be generated. ``records`` are events whose body is ``Recorded``."""
    reports = [item.report for item in runs]
    objectives = tuple(item for report in reports for item in objectives_of(report))
    exercises = tuple(_exercise(event, event.body) for event in records if isinstance(event.body, Recorded))
    return EvidencePart(
        summary=(*(_sentence(report) for report in reports), *map(_exercise_sentence, exercises)),
        scope=tuple(_scope(report) for report in reports),
        activities=tuple(_activity(item) for item in runs),
        exercises=exercises,
        objectives=objectives,
        timeline=tuple(sorted((e for report in reports for e in timeline_of(report)), key=lambda e: e.at.wall)),
        strengths=tuple(f"{item.statement}: {item.basis}" for item in objectives if item.proposed is Rating.P),
        findings=tuple(_finding(problem, item.report) for item in runs for problem in item.problems),
        applications=tuple(app for report in reports for app in _applications(report)),
        participants=tuple(person for report in reports for person in _participants(report)),
    )


def _sentence(report: Report) -> str:
    lost = f", loss of {report.run.lost_site}" if report.run.lost_site else ""
    word = report.result.overall.value.replace("-", " ")
    return f"{report.run.kind}{lost} on the estate {report.run.estate}: {word}. {report.result.reason}"


def _exercise_sentence(item: ExerciseFacts) -> str:
    numbers = "" if item.took_part is None else f" {item.took_part} of {item.expected} took part or were reached."
    return f"{item.activity} of {', '.join(item.subjects)} on {item.day}: {item.result}.{numbers}"


def _scope(report: Report) -> str:
    totals, catalog = report.totals, report.run.catalog_title
    return (
        f"{report.run.title}: {totals.in_scope} applications in scope, {totals.measured_scope} to be recovered, "
        f"{totals.remote_access} by remote access, {totals.not_recoverable} that no plan can recover; "
        f"{totals.steps} steps. Catalog: {catalog}"
    )


def _activity(item: RunEvidence) -> ActivityFacts:
    report, run = item.report, item.report.run
    return ActivityFacts(
        run=run.id,
        kind=run.kind,
        title=run.title,
        estate=run.estate,
        lost_site=run.lost_site,
        operator=run.operator,
        result=report.result.overall,
        reason=report.result.reason,
        issues=report.result.issues,
        outcome=run.outcome,
        began=run.started,
        ended=run.ended,
        seconds=run.seconds,
        machine_s=report.time_share.machine_s,
        people_s=report.time_share.people_s,
        totals=report.totals,
        provenance=report.provenance,
        plan_id=run.plan_id,
        catalog_id=run.catalog_id,
        catalog_title=run.catalog_title,
        playbooks_id=run.playbooks_id,
        drorch_version=run.drorch_version,
        journal_events=run.journal_events,
        journal_head=run.journal_head,
        record_sha256=item.record_sha256,
    )


def _exercise(event: YearEvent, body: Recorded) -> ExerciseFacts:
    return ExerciseFacts(
        record=event.seq,
        activity=body.activity.value,
        subjects=body.subjects,
        day=body.day.isoformat(),
        result=body.result.value,
        took_part=body.took_part,
        expected=body.expected,
        signed_off_by=body.signed_off_by,
        entered_by=event.person,
        note=event.reason,
        files=(*(f"{file.name} sha256:{file.sha256}" for file in body.evidence), *([body.run] if body.run else [])),
    )


def _finding(problem: FoundProblem, report: Report) -> FindingFacts:
    return FindingFacts(
        key=problem.source.key,
        run=report.run.id,
        severity=problem.severity.value,
        message=problem.source.message,
        covers=tuple(str(subject) for subject in problem.subjects),
    )


def _applications(report: Report) -> Iterator[ApplicationFacts]:
    for app in report.applications:
        yield ApplicationFacts(
            run=report.run.id,
            id=app.id,
            name=app.name,
            department=app.department,
            tier=app.tier,
            from_site=app.from_site,
            to_site=app.to_site,
            verdict=app.verdict,
            reason=app.reason,
            recovery_time=counted_time(app),
            counts=app.recovery_time.counts,
            rto_s=app.recovery_time.rto_s,
            data_loss=app.recovery_point.lost_s,
            records_lost=app.recovery_point.records_lost,
            rpo_s=app.recovery_point.rpo_s,
            validated=app.clocks.validated,
            provenance=app.provenance,
        )


def _participants(report: Report) -> Iterator[ParticipantFacts]:
    run = report.run
    named = [(run.operator, "operator")]
    named += [(approval.person, "approved the plan") for approval in run.approvals]
    if run.declaration:
        named.append((run.declaration.person, "declared the disruption"))
    named += [(act.person, f"decided: {act.act}") for act in report.operator_acts]
    for difference in report.baseline.differences if report.baseline else ():
        if difference.accepted_by:
            named.append((difference.accepted_by, f"accepted: {difference.name}"))
    for name, role in dict.fromkeys(named):
        yield ParticipantFacts(run=run.id, name=name, role=role)
