"""What stood where before and after a run, and how the two differ. Pure; `adapters.probes.snapshot` looks.

What a run has to change (log positions, timelines) is in a baseline for people and is never compared. Roles, direction
of replication, slots, names, services and what a drill leaves behind always are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from drorch.core.clock import Instant

BASELINE_SCHEMA = 1
NOTHING = "nothing"
"""How an absent answer, follower or leftover is told."""


class Role(StrEnum):
    """What a database node is."""

    PRIMARY = "primary"
    STANDBY = "standby"
    UNREACHABLE = "unreachable"


class Against(StrEnum):
    """What the state after a run is held against."""

    BEFORE = "the state before the run"
    NORMAL = "the normal state of the catalog"
    TARGET = "the state that the plan leads to"


@dataclass(frozen=True, kw_only=True)
class DatabaseSeen:
    """One node of a protection group. Everything but ``role`` is empty when it is unreachable."""

    group: str
    site: str
    role: Role
    follows: str | None = None
    """Site (or host, where it is no site's) that a standby streams from at this moment."""
    followers: int = 0
    """Standbys that stream from it."""
    slots: tuple[str, ...] = ()
    """Physical replication slots, ``name active`` or ``name inactive``."""
    system: str | None = None
    """System identifier: which database this is, copies included."""
    timeline: int | None = None
    lsn: str | None = None
    drill_copy: tuple[str, ...] | None = None
    """What is there of a drill's copy: ``data``, ``marker``, ``server``; None where nobody could tell."""


@dataclass(frozen=True, kw_only=True)
class NameSeen:
    """What one name server answers for the name of an application, or for that of its drill copy."""

    application: str
    group: str
    drill: bool
    name: str
    server: str
    """Site of the name server."""
    points_to: str | None
    """Site of the address (the address itself, where it is no site's); None without an answer of one address."""


@dataclass(frozen=True, kw_only=True)
class ServiceSeen:
    """Who answers at a site on the port of an application, or on that of its drill copy."""

    application: str
    group: str
    drill: bool
    site: str
    answers: str | None
    """``<application> of <site>``, ``drill copy of …``, or what else came; None when nobody answers."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One look at everything in the scope of a run. All tuples are in a stable order."""

    schema: int = BASELINE_SCHEMA
    taken: Instant
    databases: tuple[DatabaseSeen, ...]
    names: tuple[NameSeen, ...]
    services: tuple[ServiceSeen, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as it should be. ``code`` and ``subject`` together are its name."""

    code: str
    subject: str
    """``<group>@<site>``, ``<name>@<name server's site>`` or ``<application>@<site>``."""
    before: str
    after: str

    @property
    def name(self) -> str:
        """``code/subject``: how people accept it."""
        return f"{self.code}/{self.subject}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a protection group belongs."""

    primary: str
    standby: str | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The state after a run held against what it should be. ``missing``: why nothing could be compared."""

    against: Against
    differences: tuple[Difference, ...] = ()
    missing: str = ""


_ALWAYS: Final = frozenset({"role-changed", "name-changed", "service-changed", "drill-service-left"})
"""Aspects that are there in every complete baseline: one that is missing on one side is a difference, too."""


def diff(before: Baseline, after: Baseline) -> tuple[Difference, ...]:
    """What is different, ordered by code and subject. Empty when ``after`` is as ``before``."""
    old, new = dict(_aspects(before)), dict(_aspects(after))
    # Of a node that cannot be reached only that is told: its other aspects are not known, on one of the two sides.
    comparable = (old.keys() & new.keys()) | {key for key in old.keys() | new.keys() if key[0] in _ALWAYS}
    missing = "not looked at"
    return tuple(
        Difference(code=code, subject=subject, before=old.get(key, missing), after=new.get(key, missing))
        for key in sorted(comparable)
        if old.get(key, missing) != new.get(key, missing)
        for code, subject in [key]
    )


def _aspects(seen: Baseline) -> list[tuple[tuple[str, str], str]]:
    """Everything that is compared: code of its difference and subject, and how it stands in words."""
    found: list[tuple[tuple[str, str], str]] = []
    for node in seen.databases:
        subject = f"{node.group}@{node.site}"
        found.append((("role-changed", subject), node.role.value))
        if node.role is not Role.UNREACHABLE:
            found.append((("replication-changed", subject), _replication(node)))
            found.append((("slots-changed", subject), ", ".join(node.slots) or NOTHING))
            found.append((("system-changed", subject), node.system or "unknown"))
        if node.drill_copy is not None:
            found.append((("drill-copy-left", subject), ", ".join(node.drill_copy) or NOTHING))
    for name in seen.names:
        found.append((("name-changed", f"{name.name}@{name.server}"), name.points_to or NOTHING))
    for service in seen.services:
        code = "drill-service-left" if service.drill else "service-changed"
        found.append(((code, f"{service.application}@{service.site}"), service.answers or NOTHING))
    return found


def _replication(node: DatabaseSeen) -> str:
    if node.role is Role.STANDBY:
        return f"follows {node.follows or NOTHING}"
    return f"followed by {node.followers or NOTHING}"


def without_drill(before: Baseline) -> Baseline:
    """What has to be there after a drill: what was there before, and nothing that a drill makes."""
    return replace(
        before,
        databases=tuple(node if node.drill_copy is None else replace(node, drill_copy=()) for node in before.databases),
        services=tuple(replace(entry, answers=None) if entry.drill else entry for entry in before.services),
    )


def placed(seen: Baseline, places: Mapping[str, Place]) -> Baseline:
    """What ``seen`` would be with each of these groups at its place, protected, and nothing left of a drill.

    What no place says (log positions, where drill names point, groups that have no place) is taken from ``seen``.
    """
    clean = without_drill(seen)
    return replace(
        clean,
        databases=tuple(_placed_node(node, places.get(node.group)) for node in clean.databases),
        names=tuple(
            replace(name, points_to=place.primary)
            if (place := places.get(name.group)) is not None and not name.drill
            else name
            for name in clean.names
        ),
        services=tuple(_placed_service(entry, places.get(entry.group)) for entry in clean.services),
    )


def _placed_node(node: DatabaseSeen, place: Place | None) -> DatabaseSeen:
    if place is None:
        return node
    if node.site == place.primary:
        # Somebody's standby more than ours is nothing to complain about.
        wanted = max(node.followers, 1 if place.standby else 0)
        return replace(node, role=Role.PRIMARY, follows=None, followers=wanted)
    # A slot that nobody uses keeps the log on a standby until its disk is full.
    used = tuple(slot for slot in node.slots if not slot.endswith(" inactive"))
    return replace(node, role=Role.STANDBY, follows=place.primary, slots=used)


def _placed_service(entry: ServiceSeen, place: Place | None) -> ServiceSeen:
    if place is None or entry.drill:
        return entry
    here = entry.site == place.primary
    return replace(entry, answers=told(entry.application, entry.site, drill=False) if here else None)


def told(application: str, site: str, *, drill: bool) -> str:
    """How it is written who answers."""
    return f"{'drill copy of ' if drill else ''}{application} of {site}"
