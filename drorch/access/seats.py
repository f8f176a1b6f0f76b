"""Seats as an interval: what is known for sure and what is possible at most. Unknown is [0, infinity], never zero."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Seats:
    """Concurrent sessions that something carries. ``least == most`` when known; both infinite when unlimited.

    ``missing`` says, in words, what has to be found out to know it.
    """

    least: float
    most: float
    missing: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    @property
    def unlimited(self) -> bool:
        """Known to have no limit of its own."""
        return self.least == math.inf

    def capped(self, other: Seats) -> Seats:
        """Both limits hold: the smaller one counts.

        What is unknown about the larger one does not matter when it cannot go below the smaller one.
        """
        least, most = min(self.least, other.least), min(self.most, other.most)
        return Seats(least=least, most=most, missing=_joined((self, other)) if least != most else ())

    def to_json(self) -> dict[str, object]:
        """``seats`` is a number, ``"unlimited"``, or null when unknown; then the bounds say what is known."""
        return {
            "seats": show(self.least) if self.known else None,
            "at_least": show(self.least),
            "at_most": show(self.most),
            "missing": list(self.missing),
        }


def exactly(number: float) -> Seats:
    """A known number of seats, whole seats only (a part of a seat carries nobody)."""
    value = number if math.isinf(number) else math.floor(number)
    return Seats(least=value, most=value)


UNLIMITED = exactly(math.inf)


def unknown(missing: str, *, least: float = 0, most: float = math.inf) -> Seats:
    """Not known: between ``least`` and ``most``, because ``missing``."""
    return Seats(least=least, most=most, missing=(missing,))


def total(parts: Iterable[Seats]) -> Seats:
    """Side by side: seats add up; nothing gives 0."""
    found = tuple(parts)
    return Seats(least=sum(part.least for part in found), most=sum(part.most for part in found), missing=_joined(found))


def show(number: float) -> int | str:
    """A number for JSON and people: whole, or ``unlimited``."""
    return "unlimited" if math.isinf(number) else int(number)


def _joined(parts: Iterable[Seats]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part.missing))
