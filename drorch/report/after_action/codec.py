"""The after-action report ⇄ JSON, its JSON Schema, and the register of all reports (CSV)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import cast

from drorch.actions.codec import spreadsheet_cell
from drorch.core.errors import InputInvalid
from drorch.evidence.record.codec import plain, schema_of, value_of
from drorch.report.after_action.model import AAR_SCHEMA, AfterAction

SCHEMA_NAME = f"drorch-after-action-{AAR_SCHEMA}"
REGISTER_COLUMNS = (
    *("id", "version", "state", "title", "content", "runs", "records", "results", "ratings", "findings"),
    *("drafted_at", "authors", "reviewed_at", "reviewed_by", "approved_at", "approved_by", "distribution"),
)


def aar_to_text(report: AfterAction) -> str:
    """Readable JSON, UTF-8, one trailing newline."""
    return json.dumps(plain(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def aar_from_text(text: str | bytes, where: str) -> AfterAction:
    """Inverse of :func:`aar_to_text`. InputInvalid with the place when it is none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputInvalid(f"not readable as JSON: {error}", where=where, next_step="export it again") from error
    return cast(AfterAction, value_of(data, AfterAction, where))


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
