"""What lies outside a run and may forbid its start: windows, room at the target, tier-1 groups that move elsewhere.

Looked at once, right before the start. Two persons may take the risk of each (`rules.OVERRIDABLE`). A failover is never
refused by any of them: to leave a lost site lost until its window opens would be worse than every one of these risks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from drorch.plan.model import Kind, Plan
from drorch.run.refusal import Refusal

PLANNED = frozenset({Kind.DRILL, Kind.SWITCHOVER, Kind.FAILBACK})
"""Kinds whose time people choose."""
MOVES = frozenset({Kind.SWITCHOVER, Kind.FAILBACK})
"""Planned kinds that take a service away for a while."""

_RISK = "or two persons take the risk: drorch run prepare, drorch run override"


@dataclass(frozen=True, kw_only=True)
class ClosedSite:
    """A site at which planned runs are not allowed for as long as this one is expected to take."""

    site: str
    why: str
    opens: str | None
    """When it next opens for long enough (ISO 8601, UTC); None: not within two years."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many applications a target has to carry, and how many it was verified to carry."""

    site: str
    needed: int
    stated: int | None
    """None: nobody verified it, or too long ago. Unknown is not enough."""
    basis: str
    """Who verified it and when, or why that does not count."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Everything the rules below look at. The default forbids nothing: for runs where nobody owes such a look."""

    closed: tuple[ClosedSite, ...] = ()
    rooms: tuple[Room, ...] = ()
    tier_1_here: tuple[str, ...] = ()
    """Protection groups with a tier-1 application that this plan moves."""
    tier_1_elsewhere: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Such groups that move in other runs under way, with the run."""
    tier_1_limit: int | None = None
    """At most so many at once; None: no limit is set."""


def window_refusal(plan: Plan, conditions: Conditions) -> Refusal | None:
    """When a site is closed for a planned run; None when it may run."""
    if plan.kind not in PLANNED or not conditions.closed:
        return None
    closed = conditions.closed
    told = "; ".join(f"{item.site} ({item.why})" for item in closed)
    opens = [item.opens for item in closed]
    when = "no time within two years" if None in opens else f"{max(str(moment) for moment in opens)} or later"
    return Refusal(
        interlock="window",
        reason=f"planned runs are not allowed now at {told}",
        inputs={item.site: {"why": item.why, "opens": item.opens} for item in closed},
        next_step=f"start it in a window: {when}; {_RISK}",
    )


def capacity_refusal(plan: Plan, conditions: Conditions) -> Refusal | None:
    """As `window_refusal`, when a target's capacity is not verified or too small."""
    short = [room for room in conditions.rooms if room.stated is None or room.stated < room.needed]
    if plan.kind not in PLANNED or not short:
        return None
    told = "; ".join(
        f"{room.site} has to carry {room.needed} applications and is verified for "
        f"{'none' if room.stated is None else room.stated} ({room.basis})"
        for room in short
    )
    return Refusal(
        interlock="capacity",
        reason=told,
        inputs={room.site: {"needed": room.needed, "stated": room.stated, "basis": room.basis} for room in short},
        next_step=f"verify what the target carries and state it in the estate, under capacity; {_RISK}",
    )


def tier_1_refusal(plan: Plan, conditions: Conditions) -> Refusal | None:
    """As `window_refusal`, when more tier-1 groups would move at once than people agreed to."""
    limit, here = conditions.tier_1_limit, conditions.tier_1_here
    elsewhere = {group: run for group, run in conditions.tier_1_elsewhere.items() if group not in here}
    if plan.kind not in MOVES or limit is None or not here or len(here) + len(elsewhere) <= limit:
        return None
    also = f", {len(elsewhere)} in other runs" if elsewhere else ""
    return Refusal(
        interlock="tier-1",
        reason=f"{len(here)} tier-1 groups would move{also}; at most {limit} may at once",
        inputs={"here": list(here), "elsewhere": elsewhere, "limit": limit},
        next_step=f"move fewer groups in one plan (--group), or wait for the other run; {_RISK}",
    )
