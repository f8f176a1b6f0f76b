"""Actions as plain JSON data and as a register (CSV)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

from drorch.actions.model import Action, ActionSeverity
from drorch.core.codec import plain

REGISTER_COLUMNS = (
    *("id", "state", "severity", "overdue", "title", "source_run", "source_finding", "subjects"),
    *("immediate_correction", "root_cause", "similar_cases", "action", "element", "organisation", "owner"),
    *("start", "due", "completed", "evidence", "verification_method", "verifier", "effective", "retest"),
    *("reopened", "plan_change", "opened_at", "opened_by"),
)


def action_to_json(action: Action, on: date) -> dict[str, object]:
    """All fields; ``overdue`` on that day."""
    return {**plain(action), "open": action.is_open, "overdue": action.overdue(on)}


def counts(actions: Iterable[Action], on: date) -> dict[str, dict[str, int]]:
    """Open, overdue and ever re-opened actions by severity; 0 where none is."""
    found = tuple(actions)
    kinds = {
        "open": [item for item in found if item.is_open],
        "overdue": [item for item in found if item.overdue(on)],
        "reopened": [item for item in found if item.reopened],
    }
    totals = {name: Counter(item.severity for item in items) for name, items in kinds.items()}
    return {name: {severity.value: total[severity] for severity in ActionSeverity} for name, total in totals.items()}


def register_row(action: Action, on: date) -> dict[str, str]:
    """One line of the register as text by column; empty where nothing is known."""
    evidence = (f"{item.name} sha256:{item.sha256}" for item in action.evidence)
    values: dict[str, object] = {
        "id": action.id,
        "state": action.state.value,
        "severity": action.severity.value,
        "overdue": "yes" if action.overdue(on) else "no",
        "title": action.title,
        "source_run": action.source.run,
        "source_finding": action.source.key,
        "subjects": "; ".join(str(item) for item in action.subjects),
        "element": action.element.value if action.element else None,
        "completed": _instant(action.completed_at),
        "evidence": "; ".join(evidence),
        "effective": {True: "yes", False: "no", None: None}[action.effective],
        "opened_at": _instant(action.opened_at),
    }
    values |= {name: getattr(action, name) for name in REGISTER_COLUMNS if name not in values}
    return {name: spreadsheet_cell(values[name]) for name in REGISTER_COLUMNS}


def register_csv(actions: Iterable[Action], on: date) -> str:
    """The register: one action a line, RFC 4180 with CRLF. A cell never starts a formula in a spreadsheet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, REGISTER_COLUMNS)
    writer.writeheader()
    writer.writerows(register_row(item, on) for item in actions)
    return out.getvalue()


def _instant(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


def spreadsheet_cell(value: object) -> str:
    """The value as text; empty for None. What a spreadsheet would take for a formula begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
