"""The log's lines both ways, and the status of the year as plain JSON data."""

from __future__ import annotations

from datetime import UTC, datetime

from drorch.core.codec import from_text, plain, to_text
from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash
from drorch.year.log import YearEvent
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


def _duty(item: DutyStatus) -> dict[str, object]:
    """One duty on one day: what it is in short, and how it stands in full."""
    stands = {name: value for name, value in plain(item).items() if name != "duty"}
    return {
        "id": item.duty.id,
        "obligation": item.duty.obligation.id,
        "subject": item.duty.subject,
        "component": item.duty.component,
        "period": item.duty.obligation.period.value,
        "late": item.late,
        **stands,
    }


def _pace(item: Pace) -> dict[str, object]:
    """The straight line and its inputs."""
    model = "met / days gone * days of the year, rounded down, at most all"
    return {**plain(item), "expected": item.expected, "missing": item.missing, "model": model}


def status_to_json(status: YearStatus) -> dict[str, object]:
    """The whole status."""
    return {
        "on": plain(status.on),
        "late": len(status.late),
        "totals": plain(status.totals()),
        "pace": [_pace(item) for item in status.paces],
        "duties": [_duty(item) for item in status.duties],
    }


def _event(line: str, where: str) -> YearEvent:
    return from_text(YearEvent, line, where=where, next_step=_RESTORE)


def utc(instant: datetime) -> datetime:
    """The same instant in UTC, to the second."""
    return instant.astimezone(UTC).replace(microsecond=0)
