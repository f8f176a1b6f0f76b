"""The two periods: what holds how long, when it is late, and that time alone never makes anything better."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.year.calendar import Standing, add_year, standing
from drorch.year.model import Period

from .samples import CALENDAR, ROLLING, exemption

START = date(2013, 1, 1)
DAYS = st.dates(date(2013, 1, 1), date(2017, 12, 31))


def at(on: date, *done: date, period: Period = CALENDAR, lead_days: int = 0) -> Standing:
    return standing(period, on=on, done=done, in_force_from=START, lead_days=lead_days)


def test_second_of_january_and_thirtieth_of_december_of_the_next_year() -> None:
    done = (date(2013, 1, 2), date(2014, 12, 30))
    for day in (date(2013, 12, 31), date(2014, 12, 31)):
        assert at(day, *done).holds
        assert at(day, *done).late_since is None
    rolling = at(date(2014, 12, 29), *done, period=ROLLING)
    assert not rolling.holds
    assert rolling.late_since == date(2014, 1, 3)
    assert at(date(2014, 1, 2), *done, period=ROLLING).holds
    assert at(date(2014, 12, 30), *done, period=ROLLING).holds


def test_calendar_year_is_due_from_new_year_and_late_after_it() -> None:
    done = date(2013, 5, 4)
    assert at(date(2014, 1, 1), done) == Standing(
        holds=False, due_from=date(2014, 1, 1), due_by=date(2014, 12, 31), late_since=None
    )
    assert at(date(2014, 12, 31), done).late_since is None
    assert at(date(2015, 1, 1), done).late_since == date(2015, 1, 1)
    assert at(date(2016, 7, 1), done).late_since == date(2015, 1, 1)
    assert at(date(2013, 6, 1), done).due_from == date(2014, 1, 1)


def test_never_done_is_late_after_the_first_period() -> None:
    for period in Period:
        assert at(date(2013, 12, 31), period=period).late_since is None
        assert at(date(2014, 1, 1), period=period).late_since == date(2014, 1, 1)


def test_rolling_is_due_in_its_lead_days_and_holds_until_then() -> None:
    done = date(2013, 6, 30)
    assert at(date(2014, 5, 31), done, period=ROLLING, lead_days=30).holds
    stands = at(date(2014, 6, 1), done, period=ROLLING, lead_days=30)
    assert (stands.holds, stands.due_from, stands.due_by) == (False, date(2014, 6, 1), date(2014, 6, 30))
    assert stands.late_since is None
    assert at(date(2014, 7, 1), done, period=ROLLING, lead_days=30).late_since == date(2014, 7, 1)


def test_what_was_done_before_it_was_owed_counts_as_long_as_it_holds() -> None:
    early = date(2012, 6, 1)
    assert at(date(2013, 6, 1), early, period=ROLLING).holds
    after = at(date(2013, 6, 2), early, period=ROLLING)
    assert not after.holds
    assert after.due_by == date(2013, 12, 31)


def test_a_year_after_a_leap_day() -> None:
    assert add_year(date(2012, 2, 29)) == date(2013, 2, 28)
    assert add_year(date(2013, 2, 28)) == date(2014, 2, 28)


def test_a_period_whose_end_is_exempt_is_not_owed() -> None:
    moves = exemption(date(2014, 6, 1), date(2015, 3, 31))
    stands = standing(CALENDAR, on=date(2015, 5, 1), done=[date(2013, 5, 1)], in_force_from=START, exemptions=[moves])
    assert stands.late_since is None
    assert stands.due_by == date(2015, 12, 31)
    rolled = standing(ROLLING, on=date(2015, 3, 31), done=[date(2013, 7, 1)], in_force_from=START, exemptions=[moves])
    assert rolled.due_by == date(2015, 3, 31)
    assert rolled.late_since is None
    late = standing(ROLLING, on=date(2015, 4, 1), done=[date(2013, 7, 1)], in_force_from=START, exemptions=[moves])
    assert late.late_since == date(2015, 4, 1)


def test_an_exemption_that_comes_too_late_excuses_nothing() -> None:
    late = exemption(date(2015, 6, 1), date(2015, 8, 31))
    stands = standing(CALENDAR, on=date(2015, 7, 1), done=[date(2013, 5, 1)], in_force_from=START, exemptions=[late])
    assert stands.late_since == date(2015, 1, 1)


def rank(stands: Standing) -> int:
    """0 settled, 1 to be done, 2 late."""
    return 0 if stands.holds else 1 if stands.late_since is None else 2


@pytest.mark.parametrize("period", list(Period))
@settings(max_examples=60, deadline=None)
@given(done=st.sets(DAYS, max_size=5), on=DAYS, days=st.integers(0, 900))
def test_time_alone_never_makes_it_better(period: Period, done: set[date], on: date, days: int) -> None:
    past = [day for day in done if day <= on]
    assert rank(at(on, *past, period=period)) <= rank(at(on + timedelta(days=days), *past, period=period))


@pytest.mark.parametrize("period", list(Period))
@settings(max_examples=60, deadline=None)
@given(done=st.sets(DAYS, max_size=5), more=DAYS, on=DAYS)
def test_doing_more_never_makes_it_worse(period: Period, done: set[date], more: date, on: date) -> None:
    assert rank(at(on, *done, more, period=period)) <= rank(at(on, *done, period=period))


@pytest.mark.parametrize("period", list(Period))
@settings(max_examples=60, deadline=None)
@given(done=st.sets(DAYS, max_size=5), on=DAYS)
def test_what_comes_later_is_not_looked_at(period: Period, done: set[date], on: date) -> None:
    assert at(on, *done, period=period) == at(on, *(day for day in done if day <= on), period=period)


@pytest.mark.parametrize("period", list(Period))
@settings(max_examples=60, deadline=None)
@given(done=st.sets(DAYS, max_size=5), on=DAYS, lead_days=st.sampled_from((0, 30)))
def test_late_means_after_the_day_it_was_due(period: Period, done: set[date], on: date, lead_days: int) -> None:
    stands = at(on, *done, period=period, lead_days=lead_days if period is ROLLING else 0)
    assert stands.due_from <= stands.due_by
    if period is ROLLING:
        assert (stands.late_since is not None) is (on > stands.due_by)
    if stands.late_since is not None:
        assert stands.late_since <= on
        assert not stands.holds
