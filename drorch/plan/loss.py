"""What if a site were lost on a day: what is recovered and in which order, what is not and why, what else it touches.

Pure, from the catalog alone: whether a standby replicates at this moment is asked of the estate (`drorch probe now`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from drorch.catalog.model import Application, Arrangement, Catalog
from drorch.core.errors import NotFound
from drorch.plan.build import build_plan
from drorch.plan.graph import topological
from drorch.plan.model import Kind, Limits, Plan


class Fate(StrEnum):
    """What becomes of an application, gravest first."""

    NOT_RECOVERED = "not-recovered"
    """It is gone with the site, and there is nothing to bring it up from."""
    ALREADY_GONE = "already-gone"
    """Its own site may not be relied on that day, whichever site is lost."""
    DEAD_DEPENDENCY = "dead-dependency"
    """It would be there, and needs something that is not recovered."""
    RECOVERED = "recovered"
    """Brought up at its recovery site."""
    INTERRUPTED = "interrupted"
    """Does not move; cannot work until something it needs is recovered."""
    UNPROTECTED = "unprotected"
    """Works on; what it would be recovered from is lost."""
    UNTOUCHED = "untouched"


GONE = frozenset({Fate.NOT_RECOVERED, Fate.ALREADY_GONE, Fate.DEAD_DEPENDENCY})
"""Nobody can work with it."""


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """One application. ``wave``: in which round of recovery it comes (from 1); None when it is not recovered."""

    application: str
    tier: int
    fate: Fate
    reason: str
    wave: int | None = None


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The answer. ``plan`` None: nothing can be recovered."""

    site: str
    on: date
    consequences: tuple[Consequence, ...]
    notes: tuple[str, ...]
    plan: Plan | None

    def totals(self) -> Mapping[Fate, int]:
        """How many applications have each fate; every fate is there."""
        counts = Counter(item.fate for item in self.consequences)
        return {fate: counts[fate] for fate in Fate}


def lose_site(catalog: Catalog, site: str, on: date, *, playbooks_id: str, limits: Limits | None = None) -> Loss:
    """What the loss of ``site`` on the day ``on`` means, for a catalog free of errors. NotFound: an unknown site."""
    known = [item.id for item in catalog.sites]
    if site not in known:
        raise NotFound(
            f"there is no site {site!r} in the catalog", where="--lose", next_step=f"known: {', '.join(known)}"
        )
    found: dict[str, Consequence] = {}
    for application in _dependencies_first(catalog):
        found[application.id] = _consequence(catalog, application, site, on, found)
    groups = tuple(
        group.id
        for group in catalog.groups
        if any(found[item.id].fate is Fate.RECOVERED for item in catalog.applications_of(group.id))
    )
    plan = None
    if groups:
        plan = build_plan(
            catalog, kind=Kind.FAILOVER, playbooks_id=playbooks_id, lose=site, groups=groups, limits=limits
        )
    return Loss(
        site=site,
        on=on,
        consequences=tuple(found[item.id] for item in catalog.applications),
        notes=tuple(_notes(catalog, site, on)),
        plan=plan,
    )


def _dependencies_first(catalog: Catalog) -> list[Application]:
    known = {item.id for item in catalog.applications}
    edges = {item.id: tuple(name for name in item.depends_on if name in known) for item in catalog.applications}
    return [catalog.application(name) for name in topological(edges)]


def _consequence(
    catalog: Catalog, application: Application, site: str, on: date, found: Mapping[str, Consequence]
) -> Consequence:
    fate, reason = _own_fate(catalog, application, site, on)
    before = [found[name] for name in application.depends_on if name in found]
    dead = [item for item in before if item.fate in GONE]
    waits = [item for item in before if item.fate in (Fate.RECOVERED, Fate.INTERRUPTED)]
    wave = None
    if fate not in GONE and dead:
        fate, reason = Fate.DEAD_DEPENDENCY, f"depends on {dead[0].application}, which is not recovered"
    elif fate is Fate.RECOVERED:
        wave = 1 + max((item.wave or 0 for item in waits), default=0)
    elif fate not in GONE and waits:
        fate, reason = Fate.INTERRUPTED, f"works again once {waits[0].application} is recovered"
        wave = None
    return Consequence(application=application.id, tier=application.tier, fate=fate, reason=reason, wave=wave)


def _own_fate(catalog: Catalog, application: Application, site: str, on: date) -> tuple[Fate, str]:
    here, there = catalog.primary_site_of(application), catalog.group(application.group).recovery_site
    if here != site:
        if (why := _not_relied_on(catalog, here, on)) is not None:
            return Fate.ALREADY_GONE, f"runs at {here}, which {why}"
        if there == site:
            return Fate.UNPROTECTED, f"runs at {here}; its standby is lost with {site}"
        return Fate.UNTOUCHED, f"runs at {here}"
    if application.arrangement is Arrangement.REMOTE_ACCESS:
        return Fate.NOT_RECOVERED, f"hosted at {site} itself; remote access moves people, not the application"
    if there is None:
        return Fate.NOT_RECOVERED, f"no live standby: its protection group {application.group} has no recovery site"
    if (why := _not_relied_on(catalog, there, on)) is not None:
        return Fate.NOT_RECOVERED, f"no live standby: {there} {why}"
    return Fate.RECOVERED, f"brought up at {there}"


def _not_relied_on(catalog: Catalog, site: str, on: date) -> str | None:
    """Why a site does not count on a day, in words; None when it does."""
    item = catalog.site(site)
    if item.valid_until is not None and on > item.valid_until:
        return f"may be relied on until {item.valid_until} only"
    if item.valid_from is not None and on < item.valid_from:
        return f"may be relied on from {item.valid_from} on only"
    return None


def _notes(catalog: Catalog, site: str, on: date) -> list[str]:
    notes = []
    if (why := _not_relied_on(catalog, site, on)) is not None:
        notes.append(f"{site} itself {why}: nothing should run there on {on}")
    here = (item for item in catalog.applications if catalog.primary_site_of(item) == site)
    gone = [item.id for item in here if item.need_until is not None and item.need_until < on]
    if gone:
        notes.append(f"{len(gone)} of its applications are not needed any more on {on}: {', '.join(gone[:5])}")
    return notes
