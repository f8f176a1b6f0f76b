"""Weekly peaks out of an archive of minute peaks, and a robust line through them.

A gap is a gap: a week without enough minutes has no peak, and nothing is interpolated.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

NOISE_FROM_MAD = 1.4826
"""Standard deviation of a normal distribution by its median absolute deviation."""
QUANTILE = 0.99
ENOUGH_OF_A_WEEK = 0.8
"""Part of the week's minutes that has to be there; the busy hours could be in the rest."""
SEGMENT = 8
"""Weeks on each side of a step: a robust line through fewer follows two holidays in a row."""
SHORTEST_NEW_LEVEL = 4
STEP_IN_NOISE = 6.0
STEP_IN_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Point:
    """A weekly peak: ``week`` is the number of weeks since the first one, ``sessions`` the peak."""

    week: int
    sessions: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """``sessions = at_start + slope × week``, and how far the weeks scatter around it (a standard deviation)."""

    slope: float
    at_start: float
    noise: float

    def at(self, week: float) -> float:
        """Sessions expected in a week."""
        return self.at_start + self.slope * week


@dataclass(frozen=True, kw_only=True)
class Step:
    """The level changed from one week to the next by ``sessions``."""

    week: int
    sessions: float


def weekly_peaks(samples: Iterable[tuple[datetime, int | None]], *, expected: int) -> Mapping[date, int | None]:
    """Monday (UTC) to the 99th percentile of the week's samples, by nearest rank; None is a gap.

    ``expected`` is the number of samples a full week has. A sample whose value is None was not observed. Weeks between
    the first and the last that have no sample at all are gaps as well.
    """
    weeks: dict[date, list[int]] = defaultdict(list)
    for at, sessions in samples:
        day = at.astimezone(UTC).date()
        seen = weeks[day - timedelta(days=day.weekday())]
        if sessions is not None:
            seen.append(sessions)
    if not weeks:
        return {}
    monday, last = min(weeks), max(weeks)
    found: dict[date, int | None] = {}
    while monday <= last:
        values = sorted(weeks.get(monday, ()))
        enough = len(values) >= ENOUGH_OF_A_WEEK * expected and values
        found[monday] = values[math.ceil(QUANTILE * len(values)) - 1] if enough else None
        monday += timedelta(days=7)
    return found


def theil_sen(points: Sequence[Point]) -> Line:
    """The median of the slopes of all pairs: up to 29 % of the weeks may be anything (holidays, snow days).

    ValueError for fewer than two weeks.
    """
    slopes = [
        (later.sessions - earlier.sessions) / (later.week - earlier.week)
        for index, earlier in enumerate(points)
        for later in points[index + 1 :]
        if later.week != earlier.week
    ]
    if not slopes:
        raise ValueError("a line needs two different weeks")
    slope = statistics.median(slopes)
    at_start = statistics.median(point.sessions - slope * point.week for point in points)
    deviations = (abs(point.sessions - at_start - slope * point.week) for point in points)
    return Line(slope=slope, at_start=at_start, noise=NOISE_FROM_MAD * statistics.median(deviations))


def find_step(points: Sequence[Point]) -> Step | None:
    """A change of level, None when every change is within what the weeks scatter anyway.

    Each place is tried: a line through what is before, one through what is after (or, when that is too short for a
    line, the line before, shifted), and the distance of the two where they meet. Robust lines see the same step from
    places two or three weeks away; of these the place counts at which the two lines fit best.
    """
    found: Step | None = None
    best = math.inf
    for place in range(SEGMENT, len(points) - SHORTEST_NEW_LEVEL + 1):
        before, after = points[:place], points[place:]
        old = theil_sen(before)
        new = theil_sen(after) if len(after) >= SEGMENT else _shifted(old, after)
        meeting = after[0].week
        change = new.at(meeting) - old.at(meeting)
        # Without any scatter one session is the finest grain.
        clear = abs(change) > STEP_IN_NOISE * max(old.noise, new.noise, 1.0)
        misfit = _misfit(before, old) + _misfit(after, new)
        if clear and abs(change) > STEP_IN_LEVEL * max(old.at(meeting), 1.0) and misfit < best:
            found, best = Step(week=meeting, sessions=change), misfit
    return found


def _shifted(old: Line, after: Sequence[Point]) -> Line:
    """The old line at the level of the last weeks, when all of these lie on the same side of it; else the old line."""
    off = [point.sessions - old.at(point.week) for point in after]
    same_side = all(value > 0 for value in off) or all(value < 0 for value in off)
    shift = min(off, key=abs) if same_side else 0.0
    return Line(slope=old.slope, at_start=old.at_start + shift, noise=old.noise)


def _misfit(points: Sequence[Point], line: Line) -> float:
    return sum(abs(point.sessions - line.at(point.week)) for point in points)
