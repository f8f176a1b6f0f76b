"""Who serves what now: the latest samples held against the catalog. What is old, or never was seen, is not observed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from drorch.catalog.model import Application, Arrangement, Catalog, Site
from drorch.core.clock import Instant
from drorch.evidence.model import Sample

FRESH_S = 15.0
"""An observation older than this says nothing about now."""
ORDER = ("primary", "elsewhere", "down", "unknown")


@dataclass(frozen=True, kw_only=True)
class Served:
    """One application as it is served. ``code``: primary, elsewhere, down or unknown."""

    application: str
    code: str
    site: str | None
    """The site that answered; None when none did or nobody looks."""
    reason: str
    age_s: float | None
    """Age of the last observation; None without one."""


@dataclass(frozen=True, kw_only=True)
class SiteLine:
    """One site: what belongs there, what it serves now."""

    site: Site
    partner: str | None
    home: int
    """Applications whose primary site it is."""
    counts: Mapping[str, int]
    """Of these, by code of `Served`."""
    guests: int
    """Applications of other sites that it serves now."""
    valid: str
    """``ended``, ``soon``, ``open`` or ``not-yet``: whether it may be relied on."""
    remote: int
    """Of its applications, those that are reached by remote access only."""


def served(application: Application, catalog: Catalog, sample: Sample | None, now: Instant) -> Served:
    """How the application is served at ``now``."""
    age = None if sample is None else now.mono - sample.ended
    if sample is None or age is None or age > FRESH_S or age < 0:
        return Served(application=application.id, code="unknown", site=None, reason="", age_s=age)
    if not sample.good:
        reason = " ".join(part for part in (sample.reason.value if sample.reason else "", sample.detail) if part)
        return Served(application=application.id, code="down", site=sample.served_by, reason=reason, age_s=age)
    home = catalog.primary_site_of(application)
    code = "primary" if sample.served_by in (home, None) else "elsewhere"
    if sample.served_by is None and application.arrangement is not Arrangement.REMOTE_ACCESS:
        code = "down"  # good without saying from where proves nothing
    return Served(application=application.id, code=code, site=sample.served_by, reason="", age_s=age)


def all_served(catalog: Catalog, latest: Mapping[str, Sample], now: Instant) -> Mapping[str, Served]:
    """Every application of the catalog by id."""
    return {app.id: served(app, catalog, latest.get(app.id), now) for app in catalog.applications}


def site_lines(catalog: Catalog, found: Mapping[str, Served], today: date) -> tuple[SiteLine, ...]:
    """One line per site, in the order of the catalog."""
    lines = []
    for site in catalog.sites:
        home = [app for app in catalog.applications if catalog.primary_site_of(app) == site.id]
        counts = Counter(found[app.id].code for app in home)
        guests = sum(item.code == "elsewhere" and item.site == site.id for item in found.values())
        lines.append(
            SiteLine(
                site=site,
                partner=site.mirror,
                home=len(home),
                counts={code: counts[code] for code in ORDER},
                guests=guests,
                valid=validity(site, today),
                remote=sum(app.arrangement is Arrangement.REMOTE_ACCESS for app in home),
            )
        )
    return tuple(lines)


def validity(site: Site, today: date, soon_days: int = 180) -> str:
    """Whether the site may be relied on ``today``."""
    if site.valid_from is not None and today < site.valid_from:
        return "not-yet"
    if site.valid_until is None:
        return "open"
    if today > site.valid_until:
        return "ended"
    return "soon" if (site.valid_until - today).days <= soon_days else "open"
