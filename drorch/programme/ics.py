"""Planned tests as an iCalendar feed (RFC 5545): UTC, stable UID, SEQUENCE; what was called off stays, as CANCELLED."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from drorch.programme.model import Booking

_NOT_IN_TEXT = frozenset(map(chr, (*range(32), *range(127, 160), 0x2028, 0x2029)))
LINE_OCTETS = 75
"""RFC 5545 3.1: without the line break."""


def calendar_text(programme: str, title: str, bookings: Iterable[Booking]) -> str:
    """The feed, lines ended by CR LF. The same bookings give the same bytes.

    ``programme`` is the programme's id: with the booking's id it makes the UID, so that two feeds never mix.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//drorch//programme of the year//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{escaped(title)}",
    ]
    for booking in sorted(bookings, key=lambda item: (item.start, item.id)):
        lines += _event(programme, booking)
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


def _event(programme: str, booking: Booking) -> Iterator[str]:
    subjects = ", ".join(booking.subjects)
    description = f"{booking.activity.value} of {subjects}\n{booking.reason}"
    yield "BEGIN:VEVENT"
    yield f"UID:{booking.id}@{programme}.drorch"
    yield f"SEQUENCE:{booking.sequence}"
    yield f"DTSTAMP:{_utc(booking.changed_at)}"
    yield f"CREATED:{_utc(booking.booked_at)}"
    yield f"LAST-MODIFIED:{_utc(booking.changed_at)}"
    yield f"DTSTART:{_utc(booking.start)}"
    yield f"DTEND:{_utc(booking.start + timedelta(seconds=booking.duration_s))}"
    yield f"SUMMARY:{escaped(booking.title)}"
    if booking.sites:
        yield f"LOCATION:{escaped(', '.join(booking.sites))}"
    yield f"DESCRIPTION:{escaped(description)}"
    yield f"CATEGORIES:{escaped(booking.activity.value)}"
    yield f"STATUS:{'CANCELLED' if booking.called_off else 'CONFIRMED'}"
    yield "END:VEVENT"


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
