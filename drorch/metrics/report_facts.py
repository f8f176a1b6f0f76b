"""What the metrics need of a stored report: exactly the numbers of its JSON, nothing computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drorch.evidence.record.codec import report_from_text
from drorch.evidence.record.model import ApplicationResult, ApplicationVerdict, Measured, Moment, Overall, Report
from drorch.evidence.record.result import counted_time
from drorch.plan.model import Kind


@dataclass(frozen=True, kw_only=True)
class ReportedApplication:
    """One application's result in one run. Times are seconds; None was not measured."""

    application: str
    verdict: ApplicationVerdict
    recovery_s: float | None
    """Counted as the catalog says: from the disruption or from its declaration."""
    recovery_at_most_s: float | None
    loss_s: float | None
    loss_at_most_s: float | None
    records_lost: int | None
    samples: int


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """One report in numbers."""

    run: str
    kind: Kind
    ended_at: float | None
    """Unix seconds; None while the run has not ended."""
    overall: Overall
    applications: Mapping[str, ReportedApplication]
    reached: Mapping[str, bool]
    """Applications tried through the remote-access gateway."""


def read_report(path: Path) -> ReportSummary:
    """The summary of a stored report. InputInvalid when it is damaged."""
    return summarise_report(report_from_text(path.read_bytes(), str(path)))


def summarise_report(report: Report) -> ReportSummary:
    """The summary of a report."""
    return ReportSummary(
        run=report.run.id,
        kind=Kind(report.run.kind),
        ended_at=unix_of(report.run.ended) if report.run.ended else None,
        overall=report.result.overall,
        applications={result.id: _application(result) for result in report.applications},
        reached={item.id: item.reached for item in report.remote_access.applications if item.reached is not None},
    )


def unix_of(moment: Moment) -> float:
    """Unix seconds of a moment of the record."""
    return datetime.fromisoformat(moment.wall).timestamp()


def _application(result: ApplicationResult) -> ReportedApplication:
    recovery, loss = counted_time(result), result.recovery_point.lost_s
    return ReportedApplication(
        application=result.id,
        verdict=result.verdict,
        recovery_s=recovery.seconds if recovery else None,
        recovery_at_most_s=_at_most(recovery),
        loss_s=loss.seconds if loss else None,
        loss_at_most_s=_at_most(loss),
        records_lost=result.recovery_point.records_lost,
        samples=result.observation.samples,
    )


def _at_most(measured: Measured | None) -> float | None:
    return None if measured is None else round(measured.seconds + measured.plus, 2)
