"""The log of the year: nothing is changed unnoticed, nothing is half written, and order decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from drorch.app.year_log import YearLog
from drorch.core.errors import DrorchError, InputInvalid, NotFound
from drorch.programme.log import Booked, CalledOff, Moved, Recorded, Withdrawn, YearBody
from drorch.programme.model import Activity, Attachment, TestResult

NOW = datetime(2013, 3, 4, 10, tzinfo=UTC)
START = datetime(2013, 5, 4, 10, tzinfo=UTC)


def recorded(*subjects: str) -> Recorded:
    return Recorded(
        activity=Activity.CALL_OUT_EXERCISE,
        subjects=subjects or ("dm",),
        day=date(2013, 3, 4),
        result=TestResult.PASS,
        evidence=(Attachment(name="tree.pdf", sha256="0" * 64, size=3),),
        took_part=7,
        expected=9,
    )


def booked(name: str = "q1") -> Booked:
    return Booked(
        id=name,
        activity=Activity.RECOVERY_TEST,
        title="Finance",
        sites=("nyc",),
        subjects=("mail",),
        start=START,
        duration_s=3600.0,
    )


def say(log: YearLog, *bodies: YearBody) -> None:
    for body in bodies:
        log.append(NOW, "Olga", "because", always(body))


def always(body: YearBody) -> Callable[[object], YearBody]:
    return lambda _: body


@pytest.fixture
def log(tmp_path: Path) -> YearLog:
    return YearLog(tmp_path / "year.jsonl")


def test_what_was_said_is_read_again(log: YearLog) -> None:
    bodies = (recorded("dm", "oict"), booked(), Moved(id="q1", start=START, duration_s=60.0), CalledOff(id="q1"))
    say(log, *bodies, Withdrawn(record=1))
    events = log.read()
    assert [event.body for event in events] == [*bodies, Withdrawn(record=1)]
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert {(event.person, event.reason, event.at) for event in events} == {("Olga", "because", NOW)}


def test_records_fulfil_until_they_are_withdrawn(log: YearLog) -> None:
    say(log, recorded("dm", "oict"), recorded("dm"))
    assert [(item.subject, item.reference) for item in log.book().fulfilments()] == [
        ("dm", "record 1"),
        ("oict", "record 1"),
        ("dm", "record 2"),
    ]
    say(log, Withdrawn(record=1))
    assert [item.reference for item in log.book().fulfilments()] == ["record 2"]


def test_a_planned_test_keeps_its_id_and_counts_its_changes(log: YearLog) -> None:
    later = datetime(2013, 6, 4, 10, tzinfo=UTC)
    say(log, booked(), Moved(id="q1", start=later, duration_s=60.0), CalledOff(id="q1"))
    booking = log.book().bookings["q1"]
    assert (booking.sequence, booking.start, booking.called_off) == (2, later, True)


@pytest.mark.parametrize(
    ("before", "body", "error"),
    [
        ((), Withdrawn(record=1), NotFound),
        ((recorded(), Withdrawn(record=1)), Withdrawn(record=1), InputInvalid),
        ((booked(),), Withdrawn(record=1), NotFound),
        ((booked(),), booked(), InputInvalid),
        ((booked(), CalledOff(id="q1")), booked(), InputInvalid),
        ((booked(), CalledOff(id="q1")), CalledOff(id="q1"), InputInvalid),
        ((booked(), CalledOff(id="q1")), Moved(id="q1", start=START, duration_s=1.0), InputInvalid),
        ((), CalledOff(id="q1"), NotFound),
    ],
)
def test_what_is_not_possible_is_refused_and_not_written(
    log: YearLog, before: tuple[YearBody, ...], body: YearBody, error: type[DrorchError]
) -> None:
    say(log, *before)
    with pytest.raises(error):
        say(log, body)
    assert [event.body for event in log.read()] == list(before)


def test_a_line_that_was_not_finished_is_no_event_and_is_written_over(log: YearLog, tmp_path: Path) -> None:
    say(log, recorded())
    path = tmp_path / "year.jsonl"
    whole = path.read_bytes()
    for length in range(1, len(whole), 40):
        path.write_bytes(whole + whole[:length])
        assert len(log.read()) == 1
        say(log, recorded("oict"))
        assert [event.seq for event in log.read()] == [1, 2]


@pytest.mark.parametrize(
    ("change", "says", "line"),
    [
        (lambda lines: [lines[0].replace("Olga", "Olaf"), *lines[1:]], "changed after it was written", 1),
        (lambda lines: lines[1:], "event 2 where 1 is next", 1),
        (lambda lines: [lines[0], lines[2], lines[1]], "event 3 where 2 is next", 2),
        (lambda lines: [lines[0], "{}", lines[2]], "seq: the field is missing", 2),
        (lambda lines: [lines[0], "not json", lines[2]], "not JSON", 2),
        (lambda lines: [lines[0], lines[1].replace("recorded", "imagined"), lines[2]], "body", 2),
        (lambda lines: [lines[0], lines[1].replace("00:00Z", "00:00"), lines[2]], "time zone", 2),
    ],
)
def test_every_change_by_hand_is_named_with_its_line(
    log: YearLog, tmp_path: Path, change: Callable[[list[str]], list[str]], says: str, line: int
) -> None:
    say(log, recorded(), recorded("oict"), recorded("oict"))
    path = tmp_path / "year.jsonl"
    lines = path.read_text().splitlines()
    changed = change(lines)
    assert changed != lines
    path.write_text("\n".join(changed) + "\n")
    for use in (log.read, lambda: say(log, recorded())):
        with pytest.raises(InputInvalid, match=says) as caught:
            use()
        assert caught.value.where == f"{path}:{line}" or (caught.value.where or "").startswith(f"{path}:{line}")


def test_many_writers_make_one_chain(log: YearLog) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: say(log, booked(f"q{n}")), range(20)))
    events = log.read()
    assert [event.seq for event in events] == list(range(1, 21))
    assert len(log.book().bookings) == 20


def test_a_line_is_plain_json_without_surprises(log: YearLog, tmp_path: Path) -> None:
    say(log, recorded())
    data = json.loads((tmp_path / "year.jsonl").read_text())
    assert data["at"] == "2013-03-04T10:00:00Z"
    assert data["body"]["what"] == "recorded"
    assert data["body"]["day"] == "2013-03-04"
