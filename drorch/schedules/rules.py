"""The part of RFC 5545 recurrence rules that a schedule may use, checked strictly before python-dateutil sees it.

Refused with a sentence: what dateutil would take silently and never come (31 June), what may occur more than once a
minute, and parts whose meaning people guess wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

from dateutil.rrule import rrulestr

from drorch.schedules.model import Recurrence

HORIZON = timedelta(days=366 * 9)
"""A rule that does not come within it never does: 29 February comes every eight years at the worst."""
MAX_COUNT = 1000
MAX_INTERVAL = 366

_STEP = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")


def _numbers(low: int, high: int, *, negative: bool = False) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        for item in text.split(","):
            if not re.fullmatch(r"-?\d{1,3}" if negative else r"\d{1,3}", item):
                return False
            if not low <= abs(int(item)) <= high:
                return False
        return True

    return fits


_PARTS: dict[str, tuple[Callable[[str], bool], str]] = {
    "FREQ": (lambda text: text in _FREQUENCIES, f"one of {', '.join(_FREQUENCIES)}"),
    "INTERVAL": (_numbers(1, MAX_INTERVAL), f"1 to {MAX_INTERVAL}"),
    "COUNT": (lambda text: text.isdigit() and 1 <= int(text[:5]) <= MAX_COUNT, f"1 to {MAX_COUNT}"),
    "UNTIL": (lambda text: _until(text) is not None, "the last local day or time, like 20131231 or 20131231T060000"),
    "BYMONTH": (_numbers(1, 12), "months 1 to 12"),
    "BYMONTHDAY": (_numbers(1, 31, negative=True), "days 1 to 31, or -1 for the last"),
    "BYDAY": (lambda text: all(_DAY.fullmatch(item) for item in text.split(",")), "days like MO,TH or 1SA or -1FR"),
    "BYHOUR": (_numbers(0, 23), "hours 0 to 23"),
    "BYMINUTE": (_numbers(0, 59), "minutes 0 to 59"),
    "BYSETPOS": (_numbers(1, 366, negative=True), "positions like 1 or -1"),
    "WKST": (lambda text: _DAY.fullmatch(text) is not None and len(text) == 2, "MO to SU"),
}


def rule_problem(rule: str) -> str | None:
    """What is wrong with a rule, in words; None when it is sound."""
    seen: dict[str, str] = {}
    for part in rule.split(";"):
        name, equals, value = part.partition("=")
        if not equals or name not in _PARTS:
            return f"{part!r} is no part of a rule; known are {', '.join(_PARTS)}"
        if name in seen:
            return f"{name} stands twice"
        fits, form = _PARTS[name]
        if not fits(value):
            return f"{part}: {form}"
        seen[name] = value
    if "FREQ" not in seen:
        return "FREQ is missing; start with FREQ=WEEKLY or the like"
    if "COUNT" in seen and "UNTIL" in seen:
        return "COUNT and UNTIL exclude each other"
    numbered = any(_DAY.fullmatch(day)[1] for day in seen.get("BYDAY", "").split(",") if day)  # type: ignore[index]
    if numbered and seen["FREQ"] not in {"MONTHLY", "YEARLY"}:
        return f"BYDAY={seen['BYDAY']}: a numbered day needs FREQ=MONTHLY or FREQ=YEARLY"
    if "BYSETPOS" in seen and len(seen.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE"}) == 0:
        return "BYSETPOS needs something to count: BYDAY or the like"
    return None


def local_times(recurrence: Recurrence, after: datetime, until: datetime) -> Iterator[datetime]:
    """Naive local times of the recurrence in ``after < t <= until`` (naive, same clock), in order."""
    if recurrence.rule is None:
        if after < recurrence.start <= until:
            yield recurrence.start
        return
    parts = dict(part.split("=") for part in recurrence.rule.split(";"))
    count = int(parts.pop("COUNT", "0"))
    start = recurrence.start if count else _anchor(parts, recurrence.start, after)
    # Bounded, so that a search for what never comes ends.
    parts.setdefault("UNTIL", f"{max(start, after) + HORIZON:%Y%m%dT%H%M%S}")
    rule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start)
    for time in islice(iter(rule), count or None):
        if time > until:
            return
        if time > after:
            yield time


def comes(recurrence: Recurrence) -> bool:
    """Whether it has any time at all within `HORIZON` of its start."""
    start = recurrence.start - timedelta(seconds=1)
    return next(islice(local_times(recurrence, start, start + HORIZON), 1), None) is not None


def _anchor(parts: Mapping[str, str], start: datetime, after: datetime) -> datetime:
    """A later start with the same times behind it, so that years of past occurrences need not be counted through."""
    step = _STEP.get(parts["FREQ"])
    if step is None or after <= start:
        return start
    step *= int(parts.get("INTERVAL", "1"))
    # One step is left, for rules that look back within their period.
    return start + max(0, (after - start) // step - 1) * step


def _until(text: str) -> datetime | None:
    for form in ("%Y%m%d", "%Y%m%dT%H%M%S"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            continue
    return None
