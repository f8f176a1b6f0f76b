"""What people say about the year, as an append-only log of events, and its fold: records and planned tests.

Nothing is ever changed or taken out: a wrong record is withdrawn by a later event, a planned test is moved or
called off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

from drorch.core.bodies import bodies
from drorch.core.errors import InputInvalid, NotFound
from drorch.core.log import Entry, FoldedLog, Log
from drorch.core.stream import EventStore
from drorch.year.model import Activity, Attachment, Booking, Fulfilment, TestResult


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Somebody says that something was done on ``day``, and what shows it: a file, or a run."""

    activity: Activity
    subjects: tuple[str, ...]
    day: date
    result: TestResult
    evidence: tuple[Attachment, ...] = ()
    run: str | None = None
    component: str | None = None
    signed_off_by: str | None = None
    took_part: int | None = None
    expected: int | None = None
    what: Literal["recorded"] = "recorded"


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """A record does not count any more."""

    record: int
    """``seq`` of the record."""
    what: Literal["withdrawn"] = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class Booked:
    """A test is planned. ``start`` is UTC."""

    id: str
    activity: Activity
    title: str
    sites: tuple[str, ...]
    subjects: tuple[str, ...]
    start: datetime
    duration_s: float
    what: Literal["booked"] = "booked"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A planned test has another time."""

    id: str
    start: datetime
    duration_s: float
    what: Literal["moved"] = "moved"


@dataclass(frozen=True, kw_only=True)
class CalledOff:
    """A planned test will not be held."""

    id: str
    what: Literal["called-off"] = "called-off"


@dataclass(frozen=True, kw_only=True)
class StandingApproval:
    """The drills of a schedule may start by themselves until that day, as long as they do exactly what was read.

    ``family``: `drorch.plan.playbook_files.family_id` of the plan that the person read.
    """

    schedule: str
    family: str
    until: date
    what: Literal["standing-approval"] = "standing-approval"


@dataclass(frozen=True, kw_only=True)
class ApprovalWithdrawn:
    """The drills of a schedule wait for people again."""

    schedule: str
    what: Literal["approval-withdrawn"] = "approval-withdrawn"


YearBody = Recorded | Withdrawn | Booked | Moved | CalledOff | StandingApproval | ApprovalWithdrawn


YearEvent = Entry[YearBody]
YearLog = FoldedLog[YearBody, "YearBook"]
YEAR = "year"
"""The stream."""


@dataclass(frozen=True, kw_only=True)
class YearBook:
    """What the log says: records that stand, by their number, and planned tests by their id."""

    records: Mapping[int, YearEvent] = field(default_factory=lambda: MappingProxyType({}))
    withdrawn: frozenset[int] = frozenset()
    bookings: Mapping[str, Booking] = field(default_factory=lambda: MappingProxyType({}))
    approvals: Mapping[str, YearEvent] = field(default_factory=lambda: MappingProxyType({}))
    """Standing approvals by schedule."""

    def fulfilments(self) -> tuple[Fulfilment, ...]:
        """What the records claim, one for each subject."""
        return tuple(
            claim for event in self.records.values() if isinstance(event.body, Recorded) for claim in claims(event)
        )


def year_log(store: EventStore) -> YearLog:
    """What people said about the year. InputInvalid or NotFound for an event that does not follow from those before."""
    return FoldedLog(Log(store, YEAR, *bodies(YearBody), reasons=True), YearBook(), after)


def after(book: YearBook, event: YearEvent) -> YearBook:
    """The book with one more event. NotFound, or InputInvalid, when the event is not possible now."""
    body = event.body
    if isinstance(body, Recorded):
        return replace(book, records=MappingProxyType({**book.records, event.seq: event}))
    if isinstance(body, Withdrawn):
        return _without(book, body.record)
    if isinstance(body, Booked):
        return _booked(book, body, event)
    if isinstance(body, StandingApproval | ApprovalWithdrawn):
        return _approvals(book, body, event)
    booking = standing_booking(book, body.id)
    changed = replace(booking, sequence=booking.sequence + 1, changed_at=event.at, reason=event.reason)
    if isinstance(body, Moved):
        changed = replace(changed, start=body.start, duration_s=body.duration_s)
    else:
        changed = replace(changed, called_off=True)
    return replace(book, bookings=MappingProxyType({**book.bookings, body.id: changed}))


def standing_booking(book: YearBook, booking_id: str) -> Booking:
    """The planned test with this id. NotFound without one, InputInvalid when it was called off."""
    booking = book.bookings.get(booking_id)
    if booking is None:
        known = ", ".join(item.id for item in book.bookings.values() if not item.called_off) or "none"
        raise NotFound(f"there is no planned test {booking_id!r}", next_step=f"planned are: {known}")
    if booking.called_off:
        raise InputInvalid(f"the test {booking_id} was called off", next_step="plan a new one under another id")
    return booking


def _approvals(book: YearBook, body: StandingApproval | ApprovalWithdrawn, event: YearEvent) -> YearBook:
    left = {name: found for name, found in book.approvals.items() if name != body.schedule}
    if isinstance(body, StandingApproval):
        return replace(book, approvals=MappingProxyType({**left, body.schedule: event}))
    if body.schedule not in book.approvals:
        known = ", ".join(book.approvals) or "none"
        what = f"the schedule {body.schedule} has no standing approval"
        raise NotFound(what, next_step=f"standing approvals: {known}")
    return replace(book, approvals=MappingProxyType(left))


def _without(book: YearBook, number: int) -> YearBook:
    if number in book.withdrawn:
        raise InputInvalid(f"record {number} was withdrawn already", next_step="nothing is left to do")
    if number not in book.records:
        raise NotFound(f"there is no record {number}", next_step="see 'drorch year records'")
    left = {seq: event for seq, event in book.records.items() if seq != number}
    return replace(book, records=MappingProxyType(left), withdrawn=book.withdrawn | {number})


def _booked(book: YearBook, body: Booked, event: YearEvent) -> YearBook:
    if body.id in book.bookings:
        raise InputInvalid(
            f"there is a planned test {body.id} already, also when it was called off: calendars know it by that id",
            next_step="choose another id, or move the test",
        )
    booking = Booking(
        id=body.id,
        activity=body.activity,
        title=body.title,
        sites=body.sites,
        subjects=body.subjects,
        start=body.start,
        duration_s=body.duration_s,
        sequence=0,
        called_off=False,
        booked_at=event.at,
        changed_at=event.at,
        reason=event.reason,
    )
    return replace(book, bookings=MappingProxyType({**book.bookings, body.id: booking}))


def claims(event: YearEvent) -> Iterable[Fulfilment]:
    """What a record claims, one for each subject."""
    body = event.body
    if not isinstance(body, Recorded):
        return
    for subject in body.subjects:
        yield Fulfilment(
            activity=body.activity,
            subject=subject,
            day=body.day,
            result=body.result,
            reference=f"record {event.seq}",
            component=body.component,
            signed_off_by=body.signed_off_by,
            entered_by=event.person,
            took_part=body.took_part,
            expected=body.expected,
            note=event.reason,
        )
