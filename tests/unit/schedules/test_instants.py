"""Nominal instants: each once, on the site's clock, also where the clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.schedules.instants import instant_of, next_slot, nominal_instants, slots
from drorch.schedules.model import Doubled, IfLate, Part, Precheck, Recurrence, Schedule, Skipped, Work, WorkKind, stamp
from drorch.schedules.rules import comes, local_times, rule_problem

NEW_YORK, ROME = "America/New_York", "Europe/Rome"
YEAR = (datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))


def wall(*parts: int) -> datetime:
    """A time as the clock on a wall shows it."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def every(rule: str, start: datetime, zone: str = NEW_YORK, **more: object) -> Recurrence:
    """A recurrence."""
    return Recurrence(zone=zone, start=start, rule=rule, **more)  # type: ignore[arg-type]


def shown(recurrence: Recurrence, after: datetime, until: datetime) -> list[str]:
    """Its instants as text."""
    return [stamp(instant) for instant, _ in nominal_instants(recurrence, after, until)]


def schedule(recurrence: Recurrence, precheck: Precheck | None = None) -> Schedule:
    """A schedule of a drill."""
    return Schedule(
        id="s",
        title="S",
        site="nyc",
        recurrence=recurrence,
        work=Work(kind=WorkKind.DRILL, groups=("g",)),
        length_s=3600.0,
        if_late=IfLate.SKIP,
        late_within_s=0.0,
        windows=True,
        announce_days=0,
        precheck=precheck,
        owner="A. Owner",
        department="oict",
    )


def test_a_weekly_time_keeps_its_hour_on_the_wall_through_the_year() -> None:
    weekly = every("FREQ=WEEKLY;BYDAY=SU", wall(2013, 1, 6, 6, 0))
    found = shown(weekly, *YEAR)
    assert len(found) == 52
    assert {text[11:16] for text in found} == {"11:00", "10:00"}
    assert "2013-03-03T11:00:00Z" in found
    assert "2013-03-10T10:00:00Z" in found
    assert "2013-11-03T11:00:00Z" in found


@pytest.mark.parametrize(
    ("zone", "day", "skipped", "expected"),
    [
        (NEW_YORK, wall(2013, 3, 10, 2, 30), Skipped.LATER, "2013-03-10T07:00:00Z"),
        (NEW_YORK, wall(2013, 3, 10, 2, 30), Skipped.OMIT, None),
        (ROME, wall(2013, 3, 31, 2, 30), Skipped.LATER, "2013-03-31T01:00:00Z"),
        ("Europe/Madrid", wall(2013, 3, 31, 2, 0), Skipped.LATER, "2013-03-31T01:00:00Z"),
        ("Australia/Lord_Howe", wall(2013, 10, 6, 2, 15), Skipped.LATER, "2013-10-05T15:30:00Z"),
    ],
)
def test_a_skipped_time_follows_the_declared_rule(
    zone: str, day: datetime, skipped: Skipped, expected: str | None
) -> None:
    found = instant_of(day, Recurrence(zone=zone, start=day, skipped=skipped))
    assert (stamp(found) if found else None) == expected


def test_a_doubled_time_comes_once_and_which_one_is_declared() -> None:
    daily = every("FREQ=DAILY", wall(2013, 10, 1, 1, 30))
    days = datetime(2013, 11, 3, tzinfo=UTC), datetime(2013, 11, 4, tzinfo=UTC)
    assert shown(daily, *days) == ["2013-11-03T05:30:00Z"]
    second = every("FREQ=DAILY", wall(2013, 10, 1, 1, 30), doubled=Doubled.SECOND)
    assert shown(second, *days) == ["2013-11-03T06:30:00Z"]


def test_two_times_that_fall_together_are_one_instant() -> None:
    often = every("FREQ=HOURLY;BYMINUTE=0,30", wall(2013, 3, 1, 0, 0))
    found = shown(often, datetime(2013, 3, 10, 6, 0, tzinfo=UTC), datetime(2013, 3, 10, 8, 0, tzinfo=UTC))
    assert found == ["2013-03-10T06:30:00Z", "2013-03-10T07:00:00Z", "2013-03-10T07:30:00Z", "2013-03-10T08:00:00Z"]


def test_a_precheck_keeps_the_hour_days_before_and_knows_its_test() -> None:
    item = schedule(every("FREQ=YEARLY", wall(2013, 3, 12, 6, 0)), Precheck(days_before=3, holds=True))
    (before,) = slots(item, Part.PRECHECK, *YEAR)
    assert stamp(before.nominal) == "2013-03-09T11:00:00Z"
    assert before.test is not None
    assert stamp(before.test) == "2013-03-12T10:00:00Z"
    assert before.key == "s/precheck@2013-03-09T11:00:00Z"
    assert before.run == "20130309-110000-s.precheck"


def test_once_is_once() -> None:
    once = schedule(Recurrence(zone=ROME, start=wall(2013, 5, 4, 22, 0)))
    slot = next_slot(once, Part.MAIN, YEAR[0])
    assert slot is not None
    assert slot.key == "s@2013-05-04T20:00:00Z"
    assert next_slot(once, Part.MAIN, slot.nominal) is None


RULES = st.sampled_from(
    [
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SA",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=HOURLY;INTERVAL=5",
        "FREQ=HOURLY;BYMINUTE=0,20,40",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;COUNT=40",
        "FREQ=WEEKLY;UNTIL=20130601",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    ]
)


@given(rule=RULES, cuts=st.lists(st.integers(0, 400 * 24), max_size=8), zone=st.sampled_from([NEW_YORK, ROME]))
def test_looking_in_pieces_finds_each_instant_once_and_in_order(rule: str, cuts: list[int], zone: str) -> None:
    item = every(rule, wall(2012, 12, 20, 2, 30), zone)
    begin = datetime(2013, 1, 1, tzinfo=UTC)
    end = begin + timedelta(days=400)
    edges = [begin, *sorted({begin + timedelta(hours=cut) for cut in cuts}), end]
    whole = [instant for instant, _ in nominal_instants(item, begin, end)]
    pieces = [instant for low, high in pairwise(edges) for instant, _ in nominal_instants(item, low, high)]
    assert pieces == whole
    assert whole == sorted(set(whole))


@given(rule=RULES, days=st.integers(0, 3000))
def test_a_later_anchor_changes_no_time(rule: str, days: int) -> None:
    start = wall(2010, 1, 2, 3, 30)
    item = every(rule, start)
    after = start + timedelta(days=days)
    until = after + timedelta(days=60)
    from_the_start = [time for time in local_times(item, start - timedelta(days=1), until) if time > after]
    assert list(local_times(item, after, until)) == from_the_start


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("every monday", "no part of a rule"),
        ("FREQ=SECONDLY", "one of YEARLY"),
        ("FREQ=MINUTELY", "one of YEARLY"),
        ("FREQ=WEEKLY;BYDAY=XX", "days like MO,TH"),
        ("FREQ=WEEKLY;BYDAY=2MO", "needs FREQ=MONTHLY"),
        ("FREQ=DAILY;BYHOUR=25", "hours 0 to 23"),
        ("FREQ=DAILY;FREQ=WEEKLY", "stands twice"),
        ("BYDAY=MO", "FREQ is missing"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20130101", "exclude each other"),
        ("FREQ=DAILY;INTERVAL=0", "1 to 366"),
        ("FREQ=DAILY;BYSETPOS=1", "needs something to count"),
        ("FREQ=YEARLY;BYMONTHDAY=0", "days 1 to 31"),
        ("", "no part of a rule"),
    ],
)
def test_nonsense_is_told_in_words(rule: str, said: str) -> None:
    problem = rule_problem(rule)
    assert problem is not None
    assert said in problem


@given(
    st.text(max_size=40) | st.from_regex(r"(FREQ|BYDAY|COUNT|UNTIL|BYMONTH)=[A-Z0-9,-]{0,12}(;[A-Z]+=[0-9A-Z,-]*){0,3}")
)
def test_a_rule_that_is_accepted_can_be_followed(rule: str) -> None:
    if rule_problem(rule) is None:
        comes(every(rule, wall(2013, 1, 1, 6, 0)))


@pytest.mark.parametrize("rule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=6;BYMONTHDAY=31;COUNT=3"])
def test_a_day_that_never_comes_is_found_out_in_bounded_time(rule: str) -> None:
    assert rule_problem(rule) is None
    assert not comes(every(rule, wall(2013, 1, 1, 6, 0)))
    assert comes(every("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", wall(2013, 1, 1, 6, 0)))
