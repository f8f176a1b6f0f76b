"""The archive of minutes: restarts, gaps, the same minutes again, a year of weekly peaks, and what follows."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from contract.stores import Kind, kind_of_store
from drorch.access.denials import turned_away
from drorch.access.forecast import ForecastKind, forecast
from drorch.access.ports import (
    Denial,
    GatewayReading,
    LicenceReading,
    LoginReading,
    MinuteSample,
    PhaseReading,
    PollRecord,
    PoolReading,
    ReadingArchive,
    SourceAnswer,
    Trouble,
)
from drorch.access.trend import weekly_peaks
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.readings import MINUTES_OF_A_WEEK, ReadingTables

MONDAY = datetime(2025, 11, 17, tzinfo=UTC)
HOLIDAYS = {5, 6, 31}
"""Weeks in which hardly anybody works."""
LOST = {20, 21}
"""Weeks in which nobody polled."""


def sample(site: str, minute: datetime, sessions: int | None) -> MinuteSample:
    return MinuteSample(site=site, minute=minute, sessions=sessions, logons=1, logon_s=30.0)


def week_of_minutes(week: int, level: float, dice: random.Random, every: int = 1) -> Iterator[MinuteSample]:
    """A week as offices have them: two bumps on five days, a Monday spike, hardly anybody at night."""
    begin = MONDAY + timedelta(weeks=week)
    for number in range(0, MINUTES_OF_A_WEEK, every):
        day, hour = divmod(number, 1440)
        busy = math.exp(-(((hour / 60 - 10.5) / 2.2) ** 2)) + math.exp(-(((hour / 60 - 15) / 2.2) ** 2))
        factor = 0.05 if day >= 5 else 1.08 if day == 0 else 1.0
        sessions = level * factor * max(0.04, min(1.0, busy)) * (1 + dice.gauss(0, 0.01))
        yield sample("nyc", begin + timedelta(minutes=number), round(sessions))


Open = Callable[[], ReadingArchive]
"""What another process would open."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "archive").created() as made:
        made.start()
        yield made


def tables(kind: Kind) -> Open:
    """The archive in the event store's database."""

    def opened() -> ReadingArchive:
        store = kind.open()
        assert isinstance(store, SqlStore)
        return ReadingTables(store)

    return opened


@contextmanager
def kind_of_archive(name: str, folder: Path, server: Callable[[], Postgres]) -> Iterator[Open]:
    """The archive in that kind of database."""
    with kind_of_store(name, folder, server) as kind:
        yield tables(kind)


KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Each kind of archive in turn."""
    with kind_of_archive(request.param, tmp_path, lambda: request.getfixturevalue("server")) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS[:1])
def year(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """52 weeks of minutes with holidays, gaps, and a step up by 90 in week 44. Tests of it come in the order below."""
    folder = tmp_path_factory.mktemp("archive")
    with kind_of_archive(request.param, folder, lambda: request.getfixturevalue("server")) as made:
        fill_a_year(made())
        yield made


def fill_a_year(archive: ReadingArchive) -> None:
    dice = random.Random(6)
    for week in range(52):
        if week in LOST:
            continue
        level = (300 + 2.0 * week + (90 if week >= 44 else 0)) * (0.55 if week in HOLIDAYS else 1.0)
        minutes = tuple(week_of_minutes(week, level, dice))
        if week == 33:  # half a week is not a week
            minutes = minutes[: MINUTES_OF_A_WEEK // 2]
        archive.keep("monitor", SourceAnswer(minutes=minutes))


def test_a_year_with_holidays_gaps_and_a_step(year: Open) -> None:
    weeks = year().weeks(["nyc"])
    assert len(weeks) == 52
    mondays = sorted(weeks)
    assert [place for place, day in enumerate(mondays) if weeks[day] is None] == sorted({*LOST, 33})
    today = mondays[-1] + timedelta(days=7)
    before = {day: weeks[day] for day in mondays[:44]}
    calm = forecast(before, capacity=450, today=mondays[43] + timedelta(days=7))
    assert calm.kind is ForecastKind.EXHAUSTED
    assert calm.slope == pytest.approx(2.1, abs=0.4)
    assert calm.week is not None
    # The highest minute, 1.08 × (300 + 2 a week), reaches 450 in week 58; the 99th percentile a little later.
    assert 56 <= (calm.week - mondays[0]).days / 7 <= 64
    stepped = forecast(weeks, capacity=900, today=today)
    assert stepped.kind is ForecastKind.NONE
    assert "level" in (stepped.reason or "")
    anew = forecast(weeks, capacity=900, today=today, baseline_from=mondays[44])
    assert anew.kind is ForecastKind.NONE
    assert "26" in (anew.reason or "")
    few = forecast({day: weeks[day] for day in mondays[:25]}, capacity=450, today=mondays[24] + timedelta(days=7))
    assert few.kind is ForecastKind.NONE


def test_weekly_peaks_are_those_of_the_model_and_are_kept_when_the_minutes_are_gone(year: Open) -> None:
    archive = year()
    dice = random.Random(1)
    fresh = tuple(week_of_minutes(52, 500, dice))
    archive.keep("monitor", SourceAnswer(minutes=fresh))
    found = archive.weeks(["nyc"])
    assert (
        found[max(found)]
        == weekly_peaks(((item.minute, item.sessions) for item in fresh), expected=MINUTES_OF_A_WEEK)[max(found)]
    )
    dropped = archive.forget(MONDAY + timedelta(weeks=40))
    assert dropped > 30 * MINUTES_OF_A_WEEK
    assert year().weeks(["nyc"]) == found


def test_the_same_minutes_again_change_nothing_and_late_ones_count(opened: Open) -> None:
    dice = random.Random(2)
    first = tuple(week_of_minutes(0, 300, dice))
    second = tuple(week_of_minutes(1, 300, dice))
    third = tuple(week_of_minutes(2, 300, dice))
    archive = opened()
    assert archive.keep("m", SourceAnswer(minutes=first)) == MINUTES_OF_A_WEEK
    archive.keep("m", SourceAnswer(minutes=(*second[:2000], *third)))
    before = archive.weeks(["nyc"])
    assert [peak is None for peak in before.values()] == [False, True, False]
    again = opened()
    assert again.keep("m", SourceAnswer(minutes=first)) == 0
    assert again.weeks(["nyc"]) == before
    assert again.keep("m", SourceAnswer(minutes=second)) == MINUTES_OF_A_WEEK - 2000
    assert None not in again.weeks(["nyc"]).values()


def test_a_gap_is_unknown_and_not_zero(opened: Open) -> None:
    archive = opened()
    seen = [sample("nyc", MONDAY + timedelta(minutes=number), 5) for number in (0, 1, 2, 7, 8)]
    seen.append(sample("nyc", MONDAY + timedelta(minutes=4), None))
    archive.keep("m", SourceAnswer(minutes=tuple(seen)))
    gaps = archive.gaps("nyc", MONDAY - timedelta(minutes=2), MONDAY + timedelta(minutes=10))
    assert [((gap.since - MONDAY).seconds // 60 % 1440, (gap.until - gap.since).seconds // 60) for gap in gaps] == [
        (1438, 2),
        (3, 4),
        (9, 1),
    ]
    assert archive.last_minute("nyc") == MONDAY + timedelta(minutes=8)
    assert archive.last_minute("elsewhere") is None
    assert archive.weeks(["elsewhere"]) == {}


def test_all_sites_together_count_only_minutes_that_all_were_seen_in(opened: Open) -> None:
    archive = opened()
    dice = random.Random(3)
    nyc = tuple(week_of_minutes(0, 300, dice))
    other = tuple(sample("pis", item.minute, 100) for item in nyc)
    archive.keep("m", SourceAnswer(minutes=(*nyc, *other[: int(0.7 * len(other))])))
    assert archive.weeks(["nyc", "pis"]) == {date(2025, 11, 17): None}
    archive.keep("m", SourceAnswer(minutes=other))
    (both,) = archive.weeks(["nyc", "pis"]).values()
    (one,) = archive.weeks(["nyc"]).values()
    assert both is not None
    assert one is not None
    assert both == one + 100


def gateway(at: datetime, sessions: int, licence: int, since: str = "node monday") -> GatewayReading:
    return GatewayReading(
        gateway="g",
        at=at,
        node="node",
        sessions=sessions,
        ica_only=None,
        max_users=math.inf,
        concurrent_licences=500,
        throughput_mbit_s=None,
        denials={Denial.NO_LICENSE: licence, Denial.AUTH: 7},
        counting_since=since,
        lease_until=date(2027, 1, 1),
    )


def test_readings_survive_a_restart_as_they_were(opened: Open) -> None:
    first, second = gateway(MONDAY, 3, 4), gateway(MONDAY + timedelta(minutes=5), 9, 6)
    phases = (PhaseReading(phase="gateway", seconds=0.5, succeeded=True),)
    login = LoginReading(site="nyc", at=MONDAY, succeeded=False, phases=phases, trouble=Trouble.TIMEOUT)
    pool = PoolReading(pool="p", at=MONDAY, machines=())
    counted = LicenceReading(licence="l", at=MONDAY, count=800.0, in_use=None)
    used = LicenceReading(licence="l", at=MONDAY, count=None, in_use=447)
    opened().keep("a", SourceAnswer(readings=(first, login, pool, counted)))
    opened().keep("b", SourceAnswer(readings=(second, used)))
    archive = opened()
    latest = archive.latest()
    assert len(latest) == 5
    assert all(item in latest for item in (second, login, pool, counted, used))
    before = archive.before(second)
    assert before == first
    turned = turned_away(first, second)
    assert (turned.denials[Denial.NO_LICENSE], turned.anew, turned.seconds) == (2, False, 300)
    archive.forget(MONDAY + timedelta(days=1))
    assert len(archive.latest()) == 5


@pytest.mark.parametrize("after", [gateway(MONDAY, 1, 3, "node tuesday"), gateway(MONDAY, 1, 1)])
def test_counters_that_began_anew_are_not_subtracted(after: GatewayReading) -> None:
    turned = turned_away(gateway(MONDAY, 1, 2), after)
    assert turned.anew
    assert turned.denials[Denial.NO_LICENSE] == after.denials[Denial.NO_LICENSE]


def test_polls(opened: Open) -> None:
    archive = opened()
    good = PollRecord(source="a", at=MONDAY, trouble=None)
    bad = PollRecord(source="a", at=MONDAY + timedelta(minutes=5), trouble=Trouble.AUTH, text="no", secret_mark="1-2")
    archive.keep_poll(good)
    archive.keep_poll(bad)
    archive.forget(MONDAY + timedelta(days=9))
    assert archive.polls() == {"a": (bad, MONDAY)}
