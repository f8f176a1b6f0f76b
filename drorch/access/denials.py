"""How many were turned away between two readings of counters that may have begun anew in between. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drorch.access.ports import Denial, GatewayReading


@dataclass(frozen=True, kw_only=True)
class Turned:
    """People turned away between two readings. With ``anew`` the numbers are those at least."""

    denials: Mapping[Denial, int]
    anew: bool
    seconds: float


def turned_away(before: GatewayReading, after: GatewayReading) -> Turned:
    """The difference of the counters; after a restart or a change of the pair what was counted since then."""
    anew = before.counting_since != after.counting_since or any(
        after.denials.get(denial, 0) < number for denial, number in before.denials.items()
    )
    return Turned(
        denials={
            denial: number if anew else number - before.denials.get(denial, 0)
            for denial, number in after.denials.items()
        },
        anew=anew,
        seconds=(after.at - before.at).total_seconds(),
    )
