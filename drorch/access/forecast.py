"""When will the seats be used up? A week, "not within the horizon", or an honest "no forecast" with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from drorch.access.trend import Point, find_step, theil_sen

FEWEST_POINTS = 26
ONE_SIDED_95 = 1.645
"""Standard deviations that 95 % of a normal distribution stay below."""
HORIZON_WEEKS = 52
"""Further than the year that was seen nobody should look."""
OLDEST_LAST_POINT_WEEKS = 4


class ForecastKind(StrEnum):
    """What can be said."""

    EXHAUSTED = "exhausted"
    """Used up in the week of ``week``."""
    NOT_WITHIN_HORIZON = "not-within-horizon"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """``week`` is the first Monday of exhaustion. ``reason`` tells why there is no forecast."""

    kind: ForecastKind
    points: int
    week: date | None = None
    slope: float | None = None
    """Sessions a week."""
    band: float | None = None
    """Sessions that the 95 % band lies above the trend."""
    reason: str | None = None


def forecast(
    weeks: Mapping[date, int | None], *, capacity: float | None, today: date, baseline_from: date | None = None
) -> Forecast:
    """First week in which trend + 1.645 standard deviations reaches ``capacity`` (sessions; None is unknown).

    ``weeks`` are Mondays with their peaks, None for gaps. Weeks before ``baseline_from`` do not count.
    """
    first = min(weeks, default=today)
    points = [
        Point(week=(monday - first).days // 7, sessions=peak)
        for monday, peak in sorted(weeks.items())
        if peak is not None and (baseline_from is None or monday >= baseline_from)
    ]
    this_week = (today - first).days // 7
    refusal = _refusal(points, first, this_week, capacity)
    if refusal is not None or capacity is None:
        return Forecast(kind=ForecastKind.NONE, points=len(points), reason=refusal)
    line = theil_sen(points)
    band = ONE_SIDED_95 * line.noise
    week = _first_week(line.at(this_week) + band, line.slope, capacity)
    return Forecast(
        kind=ForecastKind.NOT_WITHIN_HORIZON if week is None else ForecastKind.EXHAUSTED,
        points=len(points),
        week=None if week is None else first + timedelta(weeks=this_week + week),
        slope=line.slope,
        band=band,
    )


def _first_week(now: float, slope: float, capacity: float) -> int | None:
    """Weeks from now until a rising line reaches ``capacity``; None beyond the horizon."""
    if now >= capacity:
        return 0
    if slope <= 0 or math.isinf(capacity):
        return None
    week = math.ceil((capacity - now) / slope)
    return week if week <= HORIZON_WEEKS else None


def _refusal(points: list[Point], first: date, this_week: int, capacity: float | None) -> str | None:
    if len(points) < FEWEST_POINTS:
        return f"n={len(points)} < {FEWEST_POINTS}"
    if this_week - points[-1].week > OLDEST_LAST_POINT_WEEKS:
        return f"the last peak is {this_week - points[-1].week} weeks old"
    step = find_step(points)
    if step is not None:
        week = first + timedelta(weeks=step.week)
        return f"the level changed by {step.sessions:+.0f} in the week of {week}: set baseline_from"
    return "the capacity is unknown" if capacity is None else None
