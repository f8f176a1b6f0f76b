"""What people say about the year: nothing is changed unnoticed, what cannot follow is refused, and order decides."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from drorch.core.errors import Broken, DrorchError, InputInvalid, NotFound
from drorch.core.ids import canonical_json
from drorch.core.stream import Draft
from drorch.testing.streams import MemoryStore
from drorch.year.log import YEAR, Booked, CalledOff, Moved, Recorded, Withdrawn, YearBody, YearLog, year_log
from drorch.year.model import Activity, Attachment, TestResult

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
        log.append("", lambda _, body=body: [body], at=NOW, person="Olga", reason="because")  # type: ignore[misc]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def log(store: MemoryStore) -> YearLog:
    return year_log(store)


def test_what_was_said_is_read_again(log: YearLog) -> None:
    bodies = (recorded("dm", "oict"), booked(), Moved(id="q1", start=START, duration_s=60.0), CalledOff(id="q1"))
    say(log, *bodies, Withdrawn(record=1))
    events = log.log.read()
    assert [event.body for event in events] == [*bodies, Withdrawn(record=1)]
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert {(event.person, event.reason, event.at) for event in events} == {("Olga", "because", NOW)}


def test_records_fulfil_until_they_are_withdrawn(log: YearLog) -> None:
    say(log, recorded("dm", "oict"), recorded("dm"))
    assert [(item.subject, item.reference) for item in log.state().fulfilments()] == [
        ("dm", "record 1"),
        ("oict", "record 1"),
        ("dm", "record 2"),
    ]
    say(log, Withdrawn(record=1))
    assert [item.reference for item in log.state().fulfilments()] == ["record 2"]


def test_a_planned_test_keeps_its_id_and_counts_its_changes(log: YearLog) -> None:
    later = datetime(2013, 6, 4, 10, tzinfo=UTC)
    say(log, booked(), Moved(id="q1", start=later, duration_s=60.0), CalledOff(id="q1"))
    booking = log.state().bookings["q1"]
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
    assert [event.body for event in log.log.read()] == list(before)


def test_a_changed_record_is_named(log: YearLog, store: MemoryStore) -> None:
    say(log, recorded(), recorded("oict"), recorded("oict"))
    store.edit(YEAR, 2, "oict", "ohrm")
    for use in (year_log(store).state, lambda: say(year_log(store), recorded())):
        with pytest.raises(Broken, match="the store was changed") as caught:
            use()
        assert caught.value.where == "year record 2"


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("imagined", {"reason": "r"}, "imagined"),
        ("withdrawn", {"record": 1}, "the reason is missing"),
        ("withdrawn", {"reason": "r"}, "record: the field is missing"),
        ("withdrawn", {"record": "one", "reason": "r"}, "record: expected a whole number"),
        ("withdrawn", {"record": 1, "more": 2, "reason": "r"}, "unknown field .more."),
    ],
)
def test_what_another_drorch_wrote_is_named(store: MemoryStore, kind: str, body: dict[str, object], says: str) -> None:
    store.append(YEAR, [Draft(at=NOW, kind=kind, body=canonical_json(body))])
    with pytest.raises(InputInvalid, match=says) as caught:
        year_log(store).state()
    assert caught.value.where == "year record 1"


def test_many_writers_make_one_chain(log: YearLog) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: say(log, booked(f"q{n}")), range(20)))
    events = log.log.read()
    assert [event.seq for event in events] == list(range(1, 21))
    assert len(log.state().bookings) == 20


def test_a_record_is_plain_json_without_surprises(log: YearLog, store: MemoryStore) -> None:
    say(log, recorded())
    (record,) = store.read(YEAR)
    assert (record.at, record.person, record.kind) == (NOW, "Olga", "recorded")
    data = json.loads(record.body)
    assert (data["day"], data["result"], data["reason"]) == ("2013-03-04", "pass", "because")
    assert "what" not in data
