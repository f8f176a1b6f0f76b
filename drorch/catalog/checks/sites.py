"""Do the sites last as long as they are needed, and do their relations make sense."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from drorch.catalog.checks.places import place, some
from drorch.catalog.model import Catalog, Site, SiteRole
from drorch.core.findings import Finding, Severity


def sites_needed_longer(catalog: Catalog) -> Iterator[Finding]:
    """Applications need a site (as their own or as their recovery site) beyond its last valid day."""
    sites = {site.id: site for site in catalog.sites}
    groups = {group.id: group for group in catalog.groups}
    needed: dict[tuple[str, date], list[str]] = defaultdict(list)
    for app in catalog.applications:
        if app.need_until is None or app.group not in groups:
            continue
        for site_id in (groups[app.group].primary_site, groups[app.group].recovery_site):
            site = sites.get(site_id) if site_id else None
            if site and site.valid_until and app.need_until > site.valid_until:
                needed[site.id, app.need_until].append(app.id)
    for (site_id, until), names in sorted(needed.items()):
        last = sites[site_id].valid_until
        if last is None:
            continue
        applications = "1 application needs" if len(names) == 1 else f"{len(names)} applications need"
        yield Finding(
            code="site-needed-longer",
            severity=Severity.WARNING,
            message=f"{site_id} may be relied on until {last}, but {applications} it until {until}: a gap of "
            f"{gap_in_words(last, until)} ({some(names)})",
            subject=site_id,
            where=place(catalog, f"sites.{site_id}.valid_until"),
            next_step="extend the site, or move the applications before it ends",
        )


def sites_end_before_start(catalog: Catalog) -> Iterator[Finding]:
    """The last valid day lies before the first."""
    for site in catalog.sites:
        if site.valid_from and site.valid_until and site.valid_until < site.valid_from:
            yield Finding(
                code="site-ends-before-start",
                severity=Severity.ERROR,
                message=f"{site.id} is valid from {site.valid_from} until {site.valid_until}",
                subject=site.id,
                where=place(catalog, f"sites.{site.id}.valid_until"),
                next_step="correct the dates",
            )


def mirror_relations(catalog: Catalog) -> Iterator[Finding]:
    """A site is mirrored by another, and a pair does not point on to a third."""
    sites = {site.id: site for site in catalog.sites}
    for site in catalog.sites:
        partner = sites.get(site.mirror) if site.mirror else None
        where = place(catalog, f"sites.{site.id}.mirror")
        if site.mirror == site.id:
            yield _mirror(site, "is its own mirror", where, Severity.ERROR)
        elif partner and partner.mirror not in (None, site.id):
            yield _mirror(site, f"is mirrored by {partner.id}, which is mirrored by {partner.mirror}", where)
        elif partner and site.role is SiteRole.PRIMARY and partner.role is not SiteRole.RECOVERY:
            yield _mirror(site, f"is mirrored by {partner.id}, which is not a recovery site", where)


def groups_against_sites(catalog: Catalog) -> Iterator[Finding]:
    """A group is recovered at another site than its own, normally at the mirror of its own."""
    sites = {site.id: site for site in catalog.sites}
    for group in catalog.groups:
        primary = sites.get(group.primary_site)
        where = place(catalog, f"groups.{group.id}.recovery_site")
        if group.recovery_site == group.primary_site:
            yield Finding(
                code="recovery-at-home",
                severity=Severity.ERROR,
                message=f"the group {group.id} is recovered at the site it is lost with, {group.primary_site}",
                subject=group.id,
                where=where,
                next_step="name another recovery_site",
            )
        elif primary and group.recovery_site and primary.mirror != group.recovery_site:
            mirror = primary.mirror or "no other site"
            yield Finding(
                code="recovery-not-at-mirror",
                severity=Severity.WARNING,
                message=f"the group {group.id} is recovered at {group.recovery_site}, but {primary.id} is mirrored "
                f"by {mirror}",
                subject=group.id,
                where=where,
                next_step="correct recovery_site, or the mirror of the site",
            )


def migration_to_present_site(catalog: Catalog) -> Iterator[Finding]:
    """Moving an application to where it is already means that one of the two is out of date."""
    primary = {group.id: group.primary_site for group in catalog.groups}
    for app in catalog.applications:
        if app.migration_target is not None and primary.get(app.group) == app.migration_target:
            yield Finding(
                code="already-there",
                severity=Severity.WARNING,
                message=f"{app.id} is to be moved to {app.migration_target}, where it is already",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.migration_target"),
                next_step="remove migration_target and need_until, or correct the group",
            )


def gap_in_words(last: date, until: date) -> str:
    """The time from the end of ``last`` to the end of ``until``: whole months where there are any, else days.

    Month ends match month ends: from 30 June to 31 December are six months.
    """
    start, end = last + timedelta(days=1), until + timedelta(days=1)
    months = (end.year - start.year) * 12 + end.month - start.month - (1 if end.day < start.day else 0)
    if months > 0:
        return f"{months} month{'s' if months > 1 else ''}"
    days = (until - last).days
    return f"{days} day{'s' if days > 1 else ''}"


def _mirror(site: Site, trouble: str, where: str | None, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        code="mirror-relation",
        severity=severity,
        message=f"{site.id} {trouble}",
        subject=site.id,
        where=where,
        next_step="correct mirror or role of the sites",
    )
