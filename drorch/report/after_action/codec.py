"""The after-action report ⇄ JSON, its JSON Schema, and the register of all reports (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from drorch.actions.codec import spreadsheet_cell
from drorch.core.codec import to_text
from drorch.evidence.record.codec import schema_of
from drorch.report.after_action.model import AAR_SCHEMA, AfterAction

SCHEMA_NAME = f"drorch-after-action-{AAR_SCHEMA}"
REGISTER_COLUMNS = (
    *("id", "version", "state", "title", "content", "runs", "records", "results", "ratings", "findings"),
    *("drafted_at", "authors", "reviewed_at", "reviewed_by", "approved_at", "approved_by", "distribution"),
)


def aar_to_text(report: AfterAction) -> str:
    """Readable JSON, UTF-8, one trailing newline."""
    return to_text(report, indent=2)


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12), as published in ``docs/after-action.schema.json``."""
    return schema_of(AfterAction, name=SCHEMA_NAME, title="An after-action report of drorch")


def register_csv(reports: Iterable[AfterAction]) -> str:
    """One report a line, RFC 4180 with CRLF. A cell never starts a formula in a spreadsheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, REGISTER_COLUMNS)
    writer.writeheader()
    for report in reports:
        row = _row(report)
        writer.writerow({name: spreadsheet_cell(row[name]) for name in REGISTER_COLUMNS})
    return out.getvalue()


def _row(report: AfterAction) -> dict[str, object]:
    evidence, people = report.evidence, report.people
    own = {item.item: item.rating for item in people.ratings}
    ratings = ((item.id, own.get(item.id, item.proposed)) for item in evidence.objectives)
    return {
        "id": report.id,
        "version": report.version,
        "state": report.state.value,
        "title": report.title,
        "content": report.content,
        "runs": "; ".join(item.run for item in evidence.activities),
        "records": "; ".join(str(item.record) for item in evidence.exercises),
        "results": "; ".join(item.result.value for item in evidence.activities),
        "ratings": "; ".join(f"{name} {rating.value if rating else 'not rated'}" for name, rating in ratings),
        "findings": len(evidence.findings) + len(people.findings),
        "drafted_at": report.drafted.at,
        "authors": "; ".join(report.authors),
        "reviewed_at": report.reviewed.at if report.reviewed else None,
        "reviewed_by": report.reviewed.person if report.reviewed else None,
        "approved_at": report.approved.at if report.approved else None,
        "approved_by": report.approved.person if report.approved else None,
        "distribution": "; ".join(item.text for item in people.distribution),
    }
