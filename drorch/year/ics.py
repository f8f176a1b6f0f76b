"""Planned tests as an iCalendar feed (RFC 5545): UTC, stable UID, SEQUENCE; what was called off stays, as CANCELLED."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drorch.year.model import Booking

_NOT_IN_TEXT = frozenset(map(chr, (*range(32), *range(127, 160), 0x2028, 0x2029)))
LINE_OCTETS = 75
"""RFC 5545 3.1: without the line break."""


@dataclass(frozen=True, kw_only=True)
class FeedEntry:
    """One entry of the feed. Instants are aware; ``id`` never changes, ``sequence`` counts the changes (RFC 5545)."""

    id: str
    sequence: int
    stamp: datetime
    created: datetime
    start: datetime
    duration_s: float
    title: str
    places: tuple[str, ...]
    description: str
    category: str
    called_off: bool
    announce_days: int = 0
    """So many days before its start a calendar reminds people; 0: it does not."""


def calendar_text(programme: str, title: str, bookings: Iterable[Booking], scheduled: Iterable[FeedEntry] = ()) -> str:
    """The feed, lines ended by CR LF. The same bookings and scheduled entries give the same bytes.

    ``programme`` is the programme's id: with the entry's id it makes the UID, so that two feeds never mix.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//drorch//programme of the year//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{escaped(title)}",
    ]
    entries = (*map(_of_booking, bookings), *scheduled)
    for entry in sorted(entries, key=lambda item: (item.start, item.id)):
        lines += _event(programme, entry)
    lines.append("END:VCALENDAR")
    return "".join(folded(line) + "\r\n" for line in lines)


def escaped(text: str) -> str:
    """A TEXT value (RFC 5545 3.3.11). Control characters other than a line feed are not allowed and become blanks, and
    so do the line separators of Unicode, which some programs take for the end of a line.
    """
    clean = "".join(char if char == "\n" or char not in _NOT_IN_TEXT else " " for char in text)
    return clean.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> str:
    """The line in pieces of at most 75 octets, never cut inside a character; further pieces begin with a blank."""
    pieces: list[str] = []
    piece, octets = "", 0
    for char in line:
        size = len(char.encode())
        if octets + size > LINE_OCTETS:
            pieces.append(piece)
            piece, octets = " ", 1
        piece, octets = piece + char, octets + size
    return "\r\n".join([*pieces, piece])


def _of_booking(booking: Booking) -> FeedEntry:
    return FeedEntry(
        id=booking.id,
        sequence=booking.sequence,
        stamp=booking.changed_at,
        created=booking.booked_at,
        start=booking.start,
        duration_s=booking.duration_s,
        title=booking.title,
        places=booking.sites,
        description=f"{booking.activity.value} of {', '.join(booking.subjects)}\n{booking.reason}",
        category=booking.activity.value,
        called_off=booking.called_off,
    )


def _event(programme: str, entry: FeedEntry) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{entry.id}@{programme}.drorch"
    yield f"SEQUENCE:{entry.sequence}"
    yield f"DTSTAMP:{_utc(entry.stamp)}"
    yield f"CREATED:{_utc(entry.created)}"
    yield f"LAST-MODIFIED:{_utc(entry.stamp)}"
    yield f"DTSTART:{_utc(entry.start)}"
    yield f"DTEND:{_utc(entry.start + timedelta(seconds=entry.duration_s))}"
    yield f"SUMMARY:{escaped(entry.title)}"
    if entry.places:
        yield f"LOCATION:{escaped(', '.join(entry.places))}"
    yield f"DESCRIPTION:{escaped(entry.description)}"
    yield f"CATEGORIES:{escaped(entry.category)}"
    yield f"STATUS:{'CANCELLED' if entry.called_off else 'CONFIRMED'}"
    if entry.announce_days and not entry.called_off:
        yield "BEGIN:VALARM"
        yield "ACTION:DISPLAY"
        yield f"DESCRIPTION:{escaped(entry.title)}"
        yield f"TRIGGER:-P{entry.announce_days}D"
        yield "END:VALARM"
    yield "END:VEVENT"


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
