"""A year of minute peaks with holidays, gaps and a step: what is forecast, and what is honestly refused."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from drorch.access.forecast import FEWEST_POINTS, Forecast, ForecastKind, forecast
from drorch.access.trend import Point, find_step, theil_sen, weekly_peaks

FIRST = date(2025, 11, 24)
TODAY = FIRST + timedelta(weeks=52)
PER_DAY = 24
"""Samples: the peak minute of each hour."""
HOLIDAYS = frozenset({5, 6, 18, 33})
SLOPE = 2.0


def archive(
    *, weeks: int = 52, step: tuple[int, int] | None = None, gaps: frozenset[int] = frozenset(), seed: int = 1
) -> Mapping[date, int | None]:
    """Weekly peaks of a simulated archive: office hours on five days, a Monday spike, noise, holidays and gaps."""
    dice = random.Random(seed)
    samples: list[tuple[datetime, int | None]] = []
    for hour in range(weeks * 7 * PER_DAY):
        at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(hours=hour)
        week = hour // (7 * PER_DAY)
        level = 500 + SLOPE * week + (step[1] if step and week >= step[0] else 0)
        office = at.weekday() < 5 and 8 <= at.hour < 18
        share = (1.05 if at.weekday() == 0 and at.hour == 9 else 1.0) if office else 0.1
        absent = 0.5 if week in HOLIDAYS else 1.0
        sessions = round(level * share * absent * dice.gauss(1, 0.01))
        lost = week in gaps and at.weekday() < 3
        samples.append((at, None if lost else sessions))
    return weekly_peaks(samples, expected=7 * PER_DAY)


def ask(weeks: Mapping[date, int | None], capacity: float | None = 700, baseline_from: date | None = None) -> Forecast:
    return forecast(weeks, capacity=capacity, today=TODAY, baseline_from=baseline_from)


def test_a_year_with_holidays_and_gaps() -> None:
    weeks = archive(gaps=frozenset({9, 10, 40}))
    assert [peak for peak in weeks.values() if peak is None] == [None] * 3
    found = ask(weeks)
    assert (found.kind, found.points) == (ForecastKind.EXHAUSTED, 49)
    assert found.slope == pytest.approx(SLOPE, rel=0.1)
    assert found.band is not None
    assert 0 < found.band < 25
    # Without noise the hour at 9 on Mondays is reached first: 1.05 x (500 + 2 w) = 700 in week 83.
    assert found.week is not None
    assert abs((found.week - FIRST).days / 7 - 83) <= 12
    assert found.week > TODAY


def test_the_same_year_again_gives_the_same_answer() -> None:
    assert ask(archive(seed=7)) == ask(archive(seed=7))


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_refused_until_a_person_sets_a_new_baseline(seed: int) -> None:
    weeks = archive(step=(24, 150), seed=seed)
    found = ask(weeks, capacity=1000)
    assert found.kind is ForecastKind.NONE
    assert found.reason is not None
    assert found.reason.startswith("the level changed by +1")
    monday = FIRST + timedelta(weeks=24)
    assert f"in the week of {monday}" in found.reason
    anew = ask(weeks, capacity=1000, baseline_from=monday)
    assert (anew.kind, anew.points) == (ForecastKind.NOT_WITHIN_HORIZON, 28)
    assert anew.slope == pytest.approx(SLOPE, rel=0.25)


def test_after_a_recent_baseline_there_are_too_few_points() -> None:
    found = ask(archive(step=(30, 150)), baseline_from=FIRST + timedelta(weeks=30))
    assert (found.kind, found.points, found.reason) == (ForecastKind.NONE, 22, "n=22 < 26")


def test_a_step_of_the_last_four_weeks_is_seen() -> None:
    found = ask(archive(step=(48, 150)))
    assert found.kind is ForecastKind.NONE
    assert found.reason is not None
    assert "set baseline_from" in found.reason


@pytest.mark.parametrize("seed", range(10))
def test_holidays_and_noise_are_no_step(seed: int) -> None:
    weeks = archive(seed=seed)
    points = [Point(week=(day - FIRST).days // 7, sessions=peak) for day, peak in weeks.items() if peak is not None]
    assert find_step(points) is None


def test_no_forecast_below_26_points() -> None:
    weeks = archive()
    for number in (0, 1, FEWEST_POINTS - 1):
        last = dict(list(weeks.items())[52 - number :])
        found = ask(last)
        assert (found.kind, found.reason) == (ForecastKind.NONE, f"n={number} < 26")
        assert found.week is None
    last = dict(list(weeks.items())[52 - FEWEST_POINTS :])
    assert ask(last).kind is not ForecastKind.NONE


def test_gaps_are_not_points() -> None:
    found = ask(archive(gaps=frozenset(range(20, 47))))
    assert (found.kind, found.reason) == (ForecastKind.NONE, "n=25 < 26")


def test_an_archive_that_ended_is_no_base() -> None:
    found = ask(archive(weeks=46))
    assert (found.kind, found.reason) == (ForecastKind.NONE, "the last peak is 7 weeks old")


def test_no_forecast_against_an_unknown_capacity() -> None:
    assert ask(archive(), capacity=None).reason == "the capacity is unknown"


def test_beyond_the_horizon_no_week_is_named() -> None:
    found = ask(archive(), capacity=5000)
    assert (found.kind, found.week) == (ForecastKind.NOT_WITHIN_HORIZON, None)
    assert ask(archive(), capacity=float("inf")).kind is ForecastKind.NOT_WITHIN_HORIZON


def test_already_used_up() -> None:
    found = ask(archive(), capacity=400)
    assert (found.kind, found.week) == (ForecastKind.EXHAUSTED, TODAY)


def straight(slope: int, weeks: int = 52) -> dict[date, int | None]:
    return {FIRST + timedelta(weeks=week): 500 + slope * week for week in range(weeks)}


def test_a_straight_line_is_used_up_exactly_then() -> None:
    """500 + 2 w reaches 656 in week 78."""
    found = ask(straight(2), capacity=656)
    assert (found.week, found.band, found.slope) == (FIRST + timedelta(weeks=78), 0, 2)
    assert ask(straight(2), capacity=708).week == FIRST + timedelta(weeks=104)
    assert ask(straight(2), capacity=709).kind is ForecastKind.NOT_WITHIN_HORIZON


def test_falling_and_level_lines_are_never_used_up() -> None:
    assert ask(straight(-2), capacity=600).kind is ForecastKind.NOT_WITHIN_HORIZON
    assert ask(straight(0), capacity=501).kind is ForecastKind.NOT_WITHIN_HORIZON


def test_the_line_follows_the_many_and_not_the_few() -> None:
    """A quarter of the weeks at a tenth of the level move the least-squares line, and not this one."""
    points = [Point(week=week, sessions=50 if week % 4 == 3 else 500 + 2 * week) for week in range(52)]
    line = theil_sen(points)
    assert line.slope == pytest.approx(2, abs=0.2)
    assert line.at(0) == pytest.approx(500, abs=5)


def test_a_line_needs_two_weeks() -> None:
    with pytest.raises(ValueError, match="two different weeks"):
        theil_sen([Point(week=1, sessions=5)])


def test_the_peak_is_the_99th_percentile_of_a_complete_week() -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    hundred = [(start + timedelta(minutes=minute), minute) for minute in range(100)]
    assert weekly_peaks(hundred, expected=100) == {date(2026, 1, 5): 98}
    assert weekly_peaks(hundred[:80], expected=100) == {date(2026, 1, 5): 79}
    assert weekly_peaks(hundred[:79], expected=100) == {date(2026, 1, 5): None}
    assert weekly_peaks([], expected=100) == {}


def test_weeks_without_any_sample_are_gaps_and_not_left_out() -> None:
    early, late = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 19, tzinfo=UTC)
    assert weekly_peaks([(early, 3), (late, 4)], expected=1) == {
        date(2026, 1, 5): 3,
        date(2026, 1, 12): None,
        date(2026, 1, 19): 4,
    }
