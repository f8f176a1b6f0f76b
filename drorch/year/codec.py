"""Events and the status of the year as plain JSON data."""

from __future__ import annotations

from drorch.core.codec import plain
from drorch.year.log import YearEvent
from drorch.year.status import DutyStatus, Pace, YearStatus


def event_to_json(event: YearEvent) -> dict[str, object]:
    """The event as plain JSON data, instants in UTC. ``chain``: its hash in the stream."""
    return {
        "seq": event.seq,
        "at": plain(event.at),
        "person": event.person,
        "reason": event.reason,
        "body": plain(event.body),
        "chain": event.hash,
    }


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
