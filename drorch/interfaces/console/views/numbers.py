"""Numbers and times as the console writes them: the same everywhere, UTC, nothing rounded to nought."""

from __future__ import annotations

from datetime import date, datetime

NOT_MEASURED = "–"


def clock_time(wall: datetime | None) -> str:
    """``12:03:04``, UTC."""
    return NOT_MEASURED if wall is None else f"{wall:%H:%M:%S}"


def day_and_time(wall: datetime | None) -> str:
    """``2026-11-24 12:03:04``, UTC."""
    return NOT_MEASURED if wall is None else f"{wall:%Y-%m-%d %H:%M:%S}"


def day(value: date | None) -> str:
    """``2026-11-24``."""
    return NOT_MEASURED if value is None else value.isoformat()


def span(seconds: float | None) -> str:
    """``8 s``, ``2 min 05 s``, ``3 h 04 min``, ``2 d 3 h``: two units at most, for watching; a record says more."""
    if seconds is None:
        return NOT_MEASURED
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def objective(seconds: float) -> str:
    """An objective: ``30 s``, ``15 min``, ``4 h``, ``3 d``; exact."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
