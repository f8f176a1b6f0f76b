"""The log's lines both ways, and the status of the year as plain JSON data."""

from __future__ import annotations

from datetime import UTC, datetime

from drorch.core.codec import from_text, plain, to_text
from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash
from drorch.year.log import YearEvent
from drorch.year.model import Booking, Fulfilment
from drorch.year.status import DutyStatus, Pace, YearStatus

LOG_SCHEMA = 1
GENESIS = content_hash({"log": "drorch-year", "schema": LOG_SCHEMA})
_RESTORE = "the log was edited or damaged: restore it from a copy"


def linked(before: str, event: YearEvent) -> YearEvent:
    """The event with its chain value, ``before`` being that of the line above (``GENESIS`` for the first)."""
    data = {key: value for key, value in plain(event).items() if key != "chain"}
    return YearEvent(
        seq=event.seq,
        at=event.at,
        person=event.person,
        reason=event.reason,
        body=event.body,
        chain=content_hash({"before": before, "event": data}),
    )


def event_to_line(event: YearEvent) -> str:
    """One line of JSON with its newline."""
    return to_text(event)


def event_to_json(event: YearEvent) -> dict[str, object]:
    """The event as plain JSON data, instants in UTC."""
    found: dict[str, object] = plain(event)
    return found


def events_from_text(text: str, where: str) -> tuple[YearEvent, ...]:
    """All events of a log. InputInvalid with ``file:line`` for one that is not readable, not next, or was changed."""
    found: list[YearEvent] = []
    chain = GENESIS
    # Not splitlines: a text may hold other separators than the one that ends a line of the log.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        event = _event(line, f"{where}:{number}")
        if event.seq != number:
            raise InputInvalid(
                f"event {event.seq} where {number} is next", where=f"{where}:{number}", next_step=_RESTORE
            )
        if linked(chain, event).chain != event.chain:
            what = "this event, or one before it, was changed after it was written"
            raise InputInvalid(what, where=f"{where}:{number}", next_step=_RESTORE)
        found.append(event)
        chain = event.chain
    return tuple(found)


def booking_to_json(item: Booking) -> dict[str, object]:
    """A planned test; instants in UTC."""
    return {
        "id": item.id,
        "activity": item.activity.value,
        "title": item.title,
        "sites": list(item.sites),
        "subjects": list(item.subjects),
        "start": item.start.astimezone(UTC).isoformat(),
        "duration_s": item.duration_s,
        "sequence": item.sequence,
        "called_off": item.called_off,
        "reason": item.reason,
    }


def fulfilment_to_json(item: Fulfilment) -> dict[str, object]:
    """What was done, and where that is written down."""
    return {
        "activity": item.activity.value,
        "subject": item.subject,
        "component": item.component,
        "day": item.day.isoformat(),
        "result": item.result.value,
        "reference": item.reference,
        "signed_off_by": item.signed_off_by,
        "entered_by": item.entered_by,
        "took_part": item.took_part,
        "expected": item.expected,
        "note": item.note,
    }


def duty_to_json(item: DutyStatus) -> dict[str, object]:
    """One duty on one day."""
    exemption = item.exemption
    return {
        "id": item.duty.id,
        "obligation": item.duty.obligation.id,
        "subject": item.duty.subject,
        "component": item.duty.component,
        "period": item.duty.obligation.period.value,
        "state": item.state.value,
        "late": item.late,
        "due_from": item.due_from.isoformat(),
        "due_by": item.due_by.isoformat(),
        "late_since": item.late_since.isoformat() if item.late_since else None,
        "evidence": fulfilment_to_json(item.evidence) if item.evidence else None,
        "not_counted": fulfilment_to_json(item.not_counted) if item.not_counted else None,
        "not_counted_because": item.not_counted_because or None,
        "exemption": {
            "id": exemption.id,
            "approved_by": exemption.approved_by,
            "reason": exemption.reason,
            "from": exemption.valid_from.isoformat(),
            "until": exemption.until.isoformat(),
        }
        if exemption
        else None,
        "planned": booking_to_json(item.planned) if item.planned else None,
    }


def pace_to_json(item: Pace) -> dict[str, object]:
    """The straight line and its inputs."""
    return {
        "obligation": item.obligation,
        "unit": item.unit,
        "owed": item.owed,
        "met": item.met,
        "days_gone": item.days_gone,
        "days_of_year": item.days_of_year,
        "expected": item.expected,
        "missing": item.missing,
        "planned": item.planned,
        "model": "met / days gone * days of the year, rounded down, at most all",
    }


def status_to_json(status: YearStatus) -> dict[str, object]:
    """The whole status."""
    totals = {
        name: {state.value: number for state, number in counts.items()} for name, counts in status.totals().items()
    }
    return {
        "on": status.on.isoformat(),
        "late": len(status.late),
        "totals": totals,
        "pace": [pace_to_json(item) for item in status.paces],
        "duties": [duty_to_json(item) for item in status.duties],
    }


def _event(line: str, where: str) -> YearEvent:
    return from_text(YearEvent, line, where=where, next_step=_RESTORE)


def utc(instant: datetime) -> datetime:
    """The same instant in UTC, to the second."""
    return instant.astimezone(UTC).replace(microsecond=0)
