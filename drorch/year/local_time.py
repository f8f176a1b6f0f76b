"""Times as people at a site write them, to instants, and back. A time that never comes or comes twice is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from drorch.core.errors import InputInvalid
from drorch.year.schema import FIRST_YEAR, LAST_YEAR, bounded_day


def parse_day(text: str, where: str) -> date:
    """A day like 2013-03-04. InputInvalid naming ``where``."""
    try:
        day = bounded_day(text)
    except ValueError as error:
        raise InputInvalid(str(error), where=where, next_step="write it like 2013-03-04") from None
    if day is None:
        raise InputInvalid("a day is missing", where=where, next_step="write it like 2013-03-04")
    return day


def parse_instant(text: str, zone: str, where: str) -> datetime:
    """UTC instant of ``2013-03-04T06:00`` on the clock of ``zone``, or of a text with its own offset. InputInvalid."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        next_step = "write it like 2013-03-04T06:00"
        raise InputInvalid(f"{text!r} is not a date and time", where=where, next_step=next_step) from None
    if not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise InputInvalid(f"{text} is not between {FIRST_YEAR} and {LAST_YEAR}", where=where, next_step="correct it")
    if given.tzinfo is not None:
        return given.astimezone(UTC)
    first, second = (given.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    # Python counts a skipped time by the offset before (fold 0) and after (fold 1) the change.
    if first.astimezone(UTC) > second.astimezone(UTC):
        what = f"{text} never comes in {zone}: the clocks are set forward then"
        raise InputInvalid(what, where=where, next_step="choose another time")
    options = " or ".join(item.isoformat(timespec="minutes") for item in (first, second))
    what = f"{text} comes twice in {zone}: the clocks are set back then"
    raise InputInvalid(what, where=where, next_step=f"say which: {options}")


def local(instant: datetime, zone: str) -> str:
    """``2013-03-04 06:00 EST`` for people."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day in ``zone``."""
    return instant.astimezone(ZoneInfo(zone)).date()
