"""Windows by the clock on the wall: daylight saving in New York and Rome, nights, blocks and exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.year.windows import HORIZON_DAYS, Effect, Window, Windows

ZONES = {"nyc": "America/New_York", "brindisi": "Europe/Rome"}


def window(start: str = "00:00", end: str = "00:00", effect: Effect = Effect.ALLOW, **fields: object) -> Window:
    return Window(
        id="w",
        effect=effect,
        reason="r",
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        **fields,  # type: ignore[arg-type]
    )


def windows(*rules: Window) -> Windows:
    return Windows(rules=rules, zones=ZONES)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def minutes_open(found: Windows, site: str, day: date) -> int:
    """Open minutes of a local day, counted instant by instant."""
    zone = ZoneInfo(ZONES[site])
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    minutes = int((end - begin).total_seconds() // 60)
    return sum(found.is_open(begin + timedelta(minutes=n), site) for n in range(minutes))


@pytest.mark.parametrize(
    ("site", "spring", "autumn"),
    [("nyc", date(2013, 3, 10), date(2013, 11, 3)), ("brindisi", date(2013, 3, 31), date(2013, 10, 27))],
)
def test_a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn(site: str, spring: date, autumn: date) -> None:
    night = windows(window("00:00", "06:00"))
    assert minutes_open(night, site, date(2013, 5, 5)) == 360
    assert minutes_open(night, site, spring) == 300
    assert minutes_open(night, site, autumn) == 420


def test_a_time_that_is_skipped_never_comes() -> None:
    skipped = windows(window("02:00", "03:00"))
    assert minutes_open(skipped, "nyc", date(2013, 3, 10)) == 0
    assert skipped.next_open(utc("2013-03-10T05:00"), "nyc") == utc("2013-03-11T06:00")
    assert minutes_open(skipped, "brindisi", date(2013, 3, 31)) == 0


def test_a_window_that_starts_in_the_gap_opens_when_the_clock_is_set() -> None:
    half = windows(window("02:30", "05:00"))
    assert half.next_open(utc("2013-03-10T05:00"), "nyc") == utc("2013-03-10T07:00")
    assert half.next_open(utc("2013-03-31T00:00"), "brindisi") == utc("2013-03-31T01:00")


def test_a_time_that_comes_twice_counts_twice() -> None:
    twice = windows(window("01:15", "01:30"))
    first, second = utc("2013-11-03T05:15"), utc("2013-11-03T06:15")
    assert twice.next_open(utc("2013-11-03T04:00"), "nyc") == first
    assert not twice.is_open(first + timedelta(minutes=15), "nyc")
    assert twice.next_open(first + timedelta(minutes=15), "nyc") == second
    rome = windows(window("02:15", "02:30"))
    assert rome.next_open(utc("2013-10-27T00:00"), "brindisi") == utc("2013-10-27T00:15")
    assert rome.next_open(utc("2013-10-27T00:30"), "brindisi") == utc("2013-10-27T01:15")


def test_a_night_belongs_to_the_day_it_starts_on() -> None:
    night = windows(
        window("22:00", "04:00", weekdays=frozenset({4}), first_day=date(2013, 5, 3), last_day=date(2013, 5, 3))
    )
    assert night.is_open(utc("2013-05-04T02:00"), "nyc")
    assert night.is_open(utc("2013-05-04T07:59"), "nyc")
    assert not night.is_open(utc("2013-05-04T08:00"), "nyc")
    assert not night.is_open(utc("2013-05-05T02:00"), "nyc")


def test_blocks_win_over_allowed_times_and_exceptions_over_blocks() -> None:
    rules = (
        window(),
        window(effect=Effect.BLOCK, first_day=date(2013, 9, 17), last_day=date(2013, 10, 4)),
        window("06:00", "12:00", effect=Effect.EXCEPTION, first_day=date(2013, 9, 22), last_day=date(2013, 9, 22)),
    )
    found = windows(*rules)
    assert found.is_open(utc("2013-09-16T12:00"), "nyc")
    assert not found.is_open(utc("2013-09-17T04:00"), "nyc")
    assert found.next_open(utc("2013-09-17T04:00"), "nyc") == utc("2013-09-22T10:00")
    assert found.next_open(utc("2013-09-22T16:00"), "nyc") == utc("2013-10-05T04:00")
    assert found.next_open(utc("2013-09-17T04:00"), "nyc", for_s=7 * 3600) == utc("2013-10-05T04:00")
    assert [rule.effect for rule in found.why(utc("2013-09-22T11:00"), "nyc")] == [
        Effect.EXCEPTION,
        Effect.BLOCK,
        Effect.ALLOW,
    ]


def test_a_block_without_site_holds_everywhere_by_each_clock() -> None:
    found = windows(window(), window(effect=Effect.BLOCK, first_day=date(2013, 9, 17), last_day=date(2013, 9, 17)))
    assert not found.is_open(utc("2013-09-16T22:00"), "brindisi")
    assert found.is_open(utc("2013-09-16T22:00"), "nyc")
    assert found.is_open(utc("2013-09-17T22:00"), "brindisi")
    assert not found.is_open(utc("2013-09-17T22:00"), "nyc")


def test_what_nothing_allows_is_closed() -> None:
    assert windows().next_open(utc("2013-01-01T00:00"), "nyc") is None
    over = windows(window(last_day=date(2012, 12, 31)))
    assert over.next_open(utc("2013-01-02T00:00"), "nyc") is None


def test_all_sites_at_once() -> None:
    found = windows(window("22:00", "04:00", site="nyc"), window("05:00", "09:00", site="brindisi"))
    both = found.next_open_everywhere(utc("2013-05-01T12:00"), ["nyc", "brindisi"], for_s=3600)
    assert both == utc("2013-05-02T03:00")
    assert found.next_open_everywhere(utc("2013-05-01T12:00"), ["nyc", "brindisi"], for_s=6 * 3600) is None


def test_always_open_is_open_for_long() -> None:
    assert windows(window()).is_open_for(utc("2013-05-01T12:00"), "nyc", 86_400.0 * 30)
    assert HORIZON_DAYS > 730


TIMES = st.sampled_from(["00:00", "01:00", "01:30", "02:00", "02:30", "03:00", "06:00", "22:00", "23:30"])
RULES = st.builds(
    lambda start, end, effect, days, first: window(
        start, end, effect, weekdays=frozenset(days), first_day=first, last_day=None
    ),
    TIMES,
    TIMES,
    st.sampled_from(Effect),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from([None, date(2013, 3, 10), date(2013, 11, 3)]),
)
NEAR_A_CHANGE = st.sampled_from(["2013-03-10T00:00", "2013-11-03T00:00", "2013-03-30T20:00", "2013-10-26T20:00"])


@settings(max_examples=30, deadline=None)
@given(
    rules=st.lists(RULES, min_size=1, max_size=4),
    near=NEAR_A_CHANGE,
    minutes=st.integers(0, 20 * 60),
    site=st.sampled_from(sorted(ZONES)),
)
def test_the_next_opening_is_the_first_open_minute(rules: list[Window], near: str, minutes: int, site: str) -> None:
    found = windows(*rules)
    begin = utc(near) + timedelta(minutes=minutes)
    coming = found.next_open(begin, site)
    looked_at = (begin + timedelta(minutes=n) for n in range(24 * 60))
    first = next((moment for moment in looked_at if found.is_open(moment, site)), None)
    if first is not None:
        assert coming == first
    else:
        assert coming is None or coming >= begin + timedelta(days=1)


@settings(max_examples=12, deadline=None)
@given(
    rules=st.lists(RULES, min_size=1, max_size=3),
    near=NEAR_A_CHANGE,
    hours=st.integers(1, 8),
    site=st.sampled_from(sorted(ZONES)),
)
def test_what_is_promised_for_a_while_is_open_all_that_while(
    rules: list[Window], near: str, hours: int, site: str
) -> None:
    found = windows(*rules)
    coming = found.next_open(utc(near), site, for_s=hours * 3600.0)
    if coming is not None:
        assert all(found.is_open(coming + timedelta(minutes=n), site) for n in range(hours * 60))
        assert found.is_open_for(coming, site, hours * 3600.0)


@settings(max_examples=40, deadline=None)
@given(rules=st.lists(RULES, min_size=1, max_size=3), extra=RULES, near=NEAR_A_CHANGE, hour=st.integers(0, 60))
def test_a_block_opens_nothing_and_an_exception_closes_nothing(
    rules: list[Window], extra: Window, near: str, hour: int
) -> None:
    moment = utc(near) + timedelta(hours=hour)
    before, with_it = windows(*rules).is_open(moment, "nyc"), windows(*rules, extra).is_open(moment, "nyc")
    if extra.effect is Effect.BLOCK:
        assert before or not with_it
    else:
        assert with_it or not before
