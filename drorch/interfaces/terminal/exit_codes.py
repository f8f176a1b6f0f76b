"""From the end of a run to the exit code of the command that followed it."""

from __future__ import annotations

from drorch.core.errors import ExitCode
from drorch.evidence.record.model import Overall, Report
from drorch.run.events import RunOutcome


def exit_code_of(outcome: RunOutcome, report: Report, waits_for_operator: bool) -> int:
    """0 only when every step is done, every objective was met, and no application in scope was beyond recovery."""
    if outcome is RunOutcome.REFUSED:
        return int(ExitCode.REFUSED)
    if waits_for_operator:
        return int(ExitCode.WAITING)
    passed = report.result.overall in {Overall.PASS, Overall.PASS_WITH_ISSUES}
    met = outcome is RunOutcome.COMPLETED and passed and report.totals.not_recoverable == 0
    return int(ExitCode.OK if met else ExitCode.OBJECTIVES_MISSED)
