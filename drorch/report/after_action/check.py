"""What is missing in an after-action report, and which numbers of people stand in no record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from drorch.core.findings import Finding, Severity
from drorch.report.after_action.log import Field, people_notes
from drorch.report.after_action.model import AfterAction
from drorch.report.after_action.numbers import known_numbers, not_among

_NEEDED = (Field.SUMMARY, Field.BACKGROUND, Field.DISTRIBUTION)
_GRAVE = frozenset({"critical", "major"})


def missing_for_review(report: AfterAction) -> tuple[str, ...]:
    """What has to be written before somebody may review it, in words."""
    found = [f"no {name.value}" for name in _NEEDED if not people_notes(report.people, name)]
    causes = {item.item for item in report.people.root_causes}
    grave = [item.key for item in report.evidence.findings if item.severity in _GRAVE and item.key not in causes]
    if grave:
        found.append(f"no root cause of {', '.join(dict.fromkeys(grave))}")
    if (report.evidence.findings or report.people.findings) and not report.people.recommendations:
        found.append("findings and no recommendation")
    return tuple(found)


def check_report(report: AfterAction, evidence: Sequence[object]) -> tuple[Finding, ...]:
    """Findings for readers; never raises on what people wrote. ``evidence``: what numbers may come from."""
    missing = (
        Finding(code="aar-incomplete", severity=Severity.WARNING, message=what, subject=report.id)
        for what in missing_for_review(report)
    )
    return (*missing, *_foreign_numbers(report, evidence))


def _foreign_numbers(report: AfterAction, evidence: Iterable[object]) -> Iterator[Finding]:
    known = known_numbers(evidence)
    for field in Field:
        for note in people_notes(report.people, field):
            if numbers := not_among(note.text, known):
                yield Finding(
                    code="number-not-in-evidence",
                    severity=Severity.NOTE,
                    message=f"{note.id}: {', '.join(numbers)} stands in no record; {note.written_by} wrote it",
                    subject=report.id,
                    next_step="check it against its own source",
                )
