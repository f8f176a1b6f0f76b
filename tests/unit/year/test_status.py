"""Where every duty stands on a day, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from drorch.year.codec import status_to_json
from drorch.year.model import Activity, Booking, Fulfilment, TestResult
from drorch.year.obligations import duties
from drorch.year.status import DutyStatus, State, YearStatus, year_status

from .samples import done, small_programme, zoned_catalog

SPRING = date(2013, 3, 4)


def status(on: date, *fulfilments: Fulfilment, bookings: tuple[Booking, ...] = ()) -> YearStatus:
    return year_status(duties(small_programme(), zoned_catalog()), fulfilments, bookings, on)


def duty(found: YearStatus, duty_id: str) -> DutyStatus:
    (only,) = [item for item in found.duties if item.duty.id == duty_id]
    return only


def state(on: date, duty_id: str, *fulfilments: Fulfilment) -> State:
    return duty(status(on, *fulfilments), duty_id).state


def test_second_of_january_and_thirtieth_of_december_of_the_next_year() -> None:
    signed = {"activity": Activity.JOINT_TECHNOLOGY_TEST, "subject": "dm", "signed_off_by": "Dora"}
    days = (date(2013, 1, 2), date(2014, 12, 30))
    tests = [done(day) for day in days] + [done(day, **signed) for day in days]  # type: ignore[arg-type]
    for on in (date(2013, 12, 31), date(2014, 12, 31)):
        assert state(on, "it-dr-test/umoja", *tests) is State.MET
    before = status(date(2014, 12, 29), *tests)
    assert duty(before, "it-dr-test/umoja").state is State.DUE
    assert not duty(before, "it-dr-test/umoja").late
    assert duty(before, "joint-test/dm").state is State.OVERDUE
    assert duty(before, "joint-test/dm").late_since == date(2014, 1, 3)
    assert state(date(2014, 12, 30), "joint-test/dm", *tests) is State.MET


def test_a_day_before_the_programme_owes_nothing() -> None:
    assert status(date(2012, 12, 31)).duties == ()


def test_every_state_is_counted_and_told() -> None:
    found = status(date(2014, 3, 1), done(date(2014, 2, 1)), done(date(2013, 5, 1), subject="mail"))
    assert found.totals()["it-dr-test"] == {
        State.MET: 1,
        State.DUE: 1,
        State.OVERDUE: 0,
        State.NEVER: 3,
        State.EXEMPT: 0,
    }
    assert duty(found, "it-dr-test/umoja").evidence == done(date(2014, 2, 1))
    assert duty(found, "it-dr-test/reports").late
    assert [item.duty.id for item in found.late if item.duty.obligation.id == "it-dr-test"] == [
        "it-dr-test/directory",
        "it-dr-test/mobile-office",
        "it-dr-test/reports",
    ]
    assert state(date(2015, 1, 1), "it-dr-test/mail", done(date(2013, 5, 1), subject="mail")) is State.OVERDUE


def test_exempt_says_who_why_and_until_and_ends() -> None:
    found = duty(status(SPRING), "telecommuting/dm")
    assert found.state is State.EXEMPT
    assert found.exemption is not None
    assert (found.exemption.approved_by, found.exemption.until) == ("Ana Approver", date(2013, 6, 30))
    assert state(date(2013, 7, 1), "telecommuting/dm") is State.NEVER
    assert state(SPRING, "telecommuting/oict") is State.NEVER


@pytest.mark.parametrize("activity", [item for item in Activity if item is not Activity.RECOVERY_TEST])
def test_no_other_activity_stands_in_for_a_recovery_test(activity: Activity) -> None:
    assert state(SPRING, "it-dr-test/umoja", done(SPRING, activity=activity)) is State.NEVER


@pytest.mark.parametrize(
    ("duty_id", "wrong", "why", "right"),
    [
        (
            "it-dr-test/umoja",
            done(SPRING, result=TestResult.FAIL),
            "it failed",
            done(SPRING, result=TestResult.PASS_WITH_ISSUES),
        ),
        (
            "joint-test/dm",
            done(SPRING, activity=Activity.JOINT_TECHNOLOGY_TEST, subject="dm"),
            "nobody signed it off",
            done(SPRING, activity=Activity.JOINT_TECHNOLOGY_TEST, subject="dm", signed_off_by="Dora"),
        ),
        (
            "call-out/dm",
            done(SPRING, activity=Activity.CALL_OUT_EXERCISE, subject="dm"),
            "does not say how many",
            done(SPRING, activity=Activity.CALL_OUT_EXERCISE, subject="dm", numbers=(7, 9)),
        ),
        (
            "simulation/crisis-group",
            done(SPRING, activity=Activity.CRISIS_SIMULATION, subject="crisis-group", numbers=(4, 5)),
            "4 of 5 took part",
            done(SPRING, activity=Activity.CRISIS_SIMULATION, subject="crisis-group", numbers=(5, 5)),
        ),
    ],
)
def test_what_does_not_count_is_told_with_the_reason(
    duty_id: str, wrong: Fulfilment, why: str, right: Fulfilment
) -> None:
    refused = duty(status(SPRING, wrong), duty_id)
    assert refused.state is State.NEVER
    assert refused.not_counted == wrong
    assert why in refused.not_counted_because
    met = duty(status(SPRING, wrong, right), duty_id)
    assert met.state is State.MET
    assert met.evidence == right


def test_a_failed_test_after_a_good_one_is_told_and_undoes_nothing() -> None:
    bad = done(date(2013, 5, 1), result=TestResult.FAIL)
    found = duty(status(date(2013, 6, 1), done(SPRING), bad), "it-dr-test/umoja")
    assert found.state is State.MET
    assert found.not_counted == bad


def test_components_are_owed_one_by_one() -> None:
    one = done(SPRING, activity=Activity.PLAN_COMPONENT_EXERCISE, subject="dm", component="vital-records")
    found = status(SPRING, one)
    assert duty(found, "components/dm/vital-records").state is State.MET
    assert duty(found, "components/dm/alternate-place").state is State.NEVER


def booking(day: datetime, **fields: object) -> Booking:
    values: dict[str, object] = {
        "id": "b",
        "activity": Activity.RECOVERY_TEST,
        "title": "t",
        "sites": ("nyc",),
        "subjects": ("mail",),
        "start": day,
        "duration_s": 3600.0,
        "sequence": 0,
        "called_off": False,
        "booked_at": day,
        "changed_at": day,
        "reason": "r",
    }
    return Booking(**{**values, **fields})  # type: ignore[arg-type]


def test_pace_is_a_straight_line_and_planned_tests_stand_beside_it() -> None:
    planned = booking(datetime(2013, 8, 3, 10, tzinfo=UTC))
    called_off = booking(datetime(2013, 7, 3, 10, tzinfo=UTC), id="c", subjects=("directory",), called_off=True)
    found = status(date(2013, 7, 2), done(SPRING), done(SPRING, subject="reports"), bookings=(planned, called_off))
    (pace,) = [item for item in found.paces if item.obligation == "it-dr-test"]
    assert (pace.owed, pace.met, pace.days_gone, pace.days_of_year) == (5, 2, 183, 365)
    assert (pace.expected, pace.missing, pace.planned) == (3, 2, 1)
    assert duty(found, "it-dr-test/mail").planned == planned
    assert duty(found, "it-dr-test/directory").planned is None
    assert {item.obligation for item in found.paces} == {"it-dr-test", "remote-test", "call-out", "components"}


def test_a_planned_test_of_the_past_is_not_planned() -> None:
    planned = booking(datetime(2013, 8, 3, 10, tzinfo=UTC))
    assert duty(status(date(2013, 8, 3), bookings=(planned,)), "it-dr-test/mail").planned == planned
    assert duty(status(date(2013, 8, 4), bookings=(planned,)), "it-dr-test/mail").planned is None


def test_pace_leaves_out_who_is_exempt_at_the_end_of_the_year_and_did_it_not() -> None:
    programme = small_programme(
        ("obligation: telecommuting\n", "obligation: call-out\n"), ("until: 2013-06-30", "until: 2013-12-31")
    )
    called = done(SPRING, activity=Activity.CALL_OUT_EXERCISE, subject="dm", numbers=(1, 1))
    for fulfilments, owed, met in (((), 1, 0), ((called,), 2, 1)):
        found = year_status(duties(programme, zoned_catalog()), fulfilments, (), date(2013, 7, 2))
        pace = next(item for item in found.paces if item.obligation == "call-out")
        assert (pace.owed, pace.met) == (owed, met)


def test_pace_at_the_ends_of_the_year() -> None:
    first = next(item for item in status(date(2013, 1, 1)).paces if item.obligation == "it-dr-test")
    assert (first.expected, first.missing) == (0, 5)
    last = next(item for item in status(date(2013, 12, 31), done(SPRING)).paces if item.obligation == "it-dr-test")
    assert (last.expected, last.missing) == (1, 4)


def test_json_says_what_the_table_says() -> None:
    data = status_to_json(status(date(2014, 3, 1), done(date(2014, 2, 1))))
    totals, listed = data["totals"], data["duties"]
    assert isinstance(totals, dict)
    assert isinstance(listed, list)
    assert totals["it-dr-test"]["met"] == 1
    assert sum(sum(counts.values()) for counts in totals.values()) == len(listed)
    assert data["late"] == sum(item["late"] for item in listed)
