"""The plan of a year as plain JSON data; instants in UTC."""

from __future__ import annotations

from datetime import UTC

from drorch.year.planning.model import YearPlan


def plan_to_json(found: YearPlan) -> dict[str, object]:
    """Everything in it."""
    return {
        "schema": 1,
        "year": found.year,
        "verdict": found.verdict.value,
        "tests": [
            {
                "id": item.task.id,
                "activity": item.task.rule.activity.value,
                "title": item.task.title,
                "subjects": list(item.task.subjects),
                "sites": list(item.task.sites),
                "start": item.start.astimezone(UTC).isoformat(),
                "duration_s": item.task.rule.length_s,
                "earliest": item.task.earliest.isoformat(),
                "latest": item.task.latest.isoformat(),
                "after": list(item.task.after),
            }
            for item in found.placements
        ],
        "booked": [
            {"id": item.id, "start": item.start.astimezone(UTC).isoformat(), "duration_s": item.length_s}
            for item in found.fixed
        ],
        "moves": [
            {"id": item.booking, "before": item.before.astimezone(UTC).isoformat(),
             "after": item.after.astimezone(UTC).isoformat()}
            for item in found.moves
        ],
        "left_out": [
            {"id": item.task.id, "latest": item.task.latest.isoformat(),
             "because": [{"what": what, "times": times} for what, times in item.because]}
            for item in found.left_out
        ],
        "conflict": {
            "minimal": found.minimal,
            "reasons": [{"key": reason.key, "text": reason.text} for reason in found.conflict],
        },
        "notes": list(found.notes),
    }  # fmt: skip
