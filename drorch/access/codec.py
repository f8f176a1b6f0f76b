"""An assessment as plain JSON data: what ``--json``, a page and the metrics show. Department totals, no people."""

from __future__ import annotations

from drorch.access.assess import Assessment, Proven, Row
from drorch.access.network import Limit
from drorch.access.seats import show
from drorch.access.what_if import Headroom, Outcome
from drorch.core.codec import plain


def assessment_to_json(found: Assessment) -> dict[str, object]:
    """Durations in seconds, times in ISO form with offset; null is unknown, ``unlimited`` is without limit."""
    normal = found.outcomes[0]
    return {
        "title": found.title,
        "note": found.note,
        "at": found.at.isoformat(),
        "status": found.status.value,
        "reasons": plain(found.reasons),
        "required": found.required,
        "modelled": normal.served.to_json(),
        "proven": _proven(found.proven),
        "headroom": _headroom(found.headroom),
        "departments": [
            {
                "id": item.department,
                "critical": item.critical,
                "dependant": item.dependant,
                "standard": item.standard,
                "required": item.required,
            }
            for item in found.demand
        ],
        "constraints": [_row(row) for row in found.rows],
        "scenarios": [outcome_to_json(outcome) for outcome in found.outcomes],
        "findings": plain(found.findings),
    }


def outcome_to_json(outcome: Outcome) -> dict[str, object]:
    """One scenario."""
    return {
        "id": outcome.scenario.id,
        "title": outcome.scenario.title,
        "required": outcome.required,
        "served": outcome.served.to_json(),
        "layered": outcome.layered.to_json(),
        "short": {
            "critical": outcome.critical_short.to_json(),
            "required": outcome.required_short.to_json(),
            "standard": outcome.standard_short.to_json(),
        },
        "bottleneck": [_limit(limit) for limit in outcome.bottleneck],
        "departments_short": [
            {"department": share.department, "class": share.staff.value, "needed": share.needed, "short": share.short}
            for share in outcome.short_departments()
        ],
        "missing": list(outcome.missing),
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "site": row.site,
        "constraint": row.constraint.value,
        **row.seats.to_json(),
        "used": row.used,
        "left_after_largest_loss": row.left.to_json(),
        "bottleneck": row.bottleneck,
        "forecast": plain(row.forecast),
        "age_s": row.age_s,
        "stale": row.stale,
    }


def _limit(limit: Limit) -> dict[str, object]:
    return {
        "constraint": limit.constraint.value,
        "subject": limit.subject,
        "site": limit.site,
        **limit.seats.to_json(),
    }


def _headroom(room: Headroom | None) -> dict[str, object] | None:
    if room is None:
        return None
    limited = room.seats != float("inf")
    return {
        "percent": round(100 * (room.factor - 1), 3) if limited else "unlimited",
        "seats": show(room.seats),
        "next_bottleneck": [_limit(limit) for limit in room.bottleneck],
    }


def _proven(proven: Proven | None) -> dict[str, object] | None:
    if proven is None:
        return None
    return {
        "held": proven.proof.held,
        "tested_on": proven.proof.tested_on.isoformat(),
        "age_days": proven.age_days,
        "fresh": proven.fresh,
        "evidence": proven.proof.evidence,
    }
