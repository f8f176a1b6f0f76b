"""The calendar feed, read back by a library that others wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from drorch.year.ics import calendar_text, escaped, folded
from drorch.year.model import Activity, Booking

START = datetime(2013, 3, 9, 11, tzinfo=UTC)


def booking(name: str = "q1", title: str = "Finance", reason: str = "plan", **fields: Any) -> Booking:
    values: dict[str, Any] = {
        "id": name,
        "activity": Activity.RECOVERY_TEST,
        "title": title,
        "sites": ("nyc", "piscataway"),
        "subjects": ("imis", "swift"),
        "start": START,
        "duration_s": 5400.0,
        "sequence": 0,
        "called_off": False,
        "booked_at": START - timedelta(days=30),
        "changed_at": START - timedelta(days=20),
        "reason": reason,
    }
    return Booking(**{**values, **fields})


def events(text: str) -> list[Any]:
    return Calendar.from_ical(text).walk("VEVENT")


def test_what_a_calendar_sees() -> None:
    text = calendar_text("hq", "The year; all of it", [booking(), booking("q2", called_off=True, sequence=3)])
    first, second = events(text)
    assert first["UID"] == "q1@hq.drorch"
    assert first["DTSTART"].dt == START
    assert first["DTSTART"].dt.tzinfo is not None
    assert first["DTEND"].dt - first["DTSTART"].dt == timedelta(minutes=90)
    assert first["DTSTAMP"].dt == START - timedelta(days=20)
    assert first["LOCATION"] == "nyc, piscataway"
    assert first["DESCRIPTION"] == "recovery-test of imis, swift\nplan"
    assert (first["STATUS"], first["SEQUENCE"]) == ("CONFIRMED", 0)
    assert (second["STATUS"], second["SEQUENCE"], second["UID"]) == ("CANCELLED", 3, "q2@hq.drorch")
    calendar = Calendar.from_ical(text)
    assert calendar["METHOD"] == "PUBLISH"
    assert "\r\nX-WR-CALNAME:The year\\; all of it\r\n" in text


def test_a_change_keeps_the_uid_and_raises_the_sequence() -> None:
    before = events(calendar_text("hq", "t", [booking()]))[0]
    moved = booking(sequence=1, start=START + timedelta(days=1))
    after = events(calendar_text("hq", "t", [moved]))[0]
    assert before["UID"] == after["UID"]
    assert after["SEQUENCE"] == before["SEQUENCE"] + 1


def test_the_same_bookings_give_the_same_bytes_in_any_order() -> None:
    one, two = booking("a"), booking("b")
    assert calendar_text("hq", "t", [one, two]) == calendar_text("hq", "t", [two, one])


def test_a_feed_without_tests_is_a_calendar() -> None:
    assert events(calendar_text("hq", "t", [])) == []


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), max_size=200)


@settings(max_examples=60, deadline=None)
@given(title=TEXTS, reason=TEXTS)
def test_any_text_arrives_as_it_was_written(title: str, reason: str) -> None:
    (event,) = events(calendar_text("hq", "t", [booking(title=title, reason=reason)]))
    assert event["SUMMARY"] == title
    assert event["DESCRIPTION"] == f"recovery-test of imis, swift\n{reason}"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=400))
def test_no_line_is_longer_than_allowed_and_nothing_is_lost(text: str) -> None:
    pieces = folded(text).split("\r\n")
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert "".join([pieces[0], *(piece[1:] for piece in pieces[1:])]) == text


def test_wide_characters_are_counted_by_octets_and_never_cut() -> None:
    text = "SUMMARY:" + "恢复测试" * 20 + "é" * 50 + "🖥" * 30
    pieces = folded(text).split("\r\n")
    assert len(pieces) > 4
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    (event,) = events(calendar_text("hq", "t", [booking(title=text)]))
    assert event["SUMMARY"] == text


def test_a_text_cannot_add_lines_to_the_feed() -> None:
    text = calendar_text("hq", "t", [booking(title="x\r\nSTATUS:CANCELLED\r\nEND:VEVENT", reason="a\x00b")])
    (event,) = events(text)
    assert event["STATUS"] == "CONFIRMED"
    assert "\x00" not in text
    assert len(events(calendar_text("hq", "t", [booking(title="a\u2028b\x85c")]))) == 1
    assert escaped("a;b,c\\d\ne") == "a\\;b\\,c\\\\d\\ne"
