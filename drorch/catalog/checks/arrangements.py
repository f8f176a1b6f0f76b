"""Does each application's arrangement fit its protection group, its gateway and its dependencies."""

from __future__ import annotations

from collections.abc import Iterator

from drorch.catalog.checks.places import place
from drorch.catalog.model import Application, Arrangement, Catalog, ProtectionGroup
from drorch.core.findings import Finding, Severity


def arrangement_against_group(catalog: Catalog) -> Iterator[Finding]:
    """Standby and mirror need a recovery site; remote-access moves people, so its data have none."""
    for app, group in _with_group(catalog):
        remote = app.arrangement is Arrangement.REMOTE_ACCESS
        if remote == (group.recovery_site is None):
            continue
        trouble = f"has the recovery site {group.recovery_site}" if remote else "has no recovery site"
        yield Finding(
            code="arrangement-against-group",
            severity=Severity.ERROR,
            message=f"{app.id} is {app.arrangement.value}, but its group {group.id} {trouble}",
            subject=app.id,
            where=place(catalog, f"applications.{app.id}.arrangement"),
            next_step="correct the arrangement, or move it to a group that fits",
        )


def gateways(catalog: Catalog) -> Iterator[Finding]:
    """A remote-access application depends on the gateway its users come through, which must itself be recovered."""
    for app in catalog.applications:
        if app.gateway and app.arrangement is Arrangement.REMOTE_ACCESS:
            yield Finding(
                code="gateway-not-recovered",
                severity=Severity.ERROR,
                message=f"{app.id} is a gateway and remote-access at once: it would be lost with its site",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.arrangement"),
                next_step="make the gateway standby or mirror",
            )
        if app.arrangement is Arrangement.REMOTE_ACCESS and catalog.gateway_of(app) is None:
            yield Finding(
                code="no-gateway",
                severity=Severity.ERROR,
                message=f"{app.id} is remote-access, but depends on no gateway",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.depends_on"),
                next_step="add the gateway to depends_on (an application with gateway: true)",
            )


def dependencies_across(catalog: Catalog) -> Iterator[Finding]:
    """A recovered application must not need one that is not; needing one of another primary site is worth knowing."""
    groups = {group.id: group for group in catalog.groups}
    applications = {app.id: app for app in catalog.applications}
    for app, group in _with_group(catalog):
        if app.arrangement is Arrangement.REMOTE_ACCESS:
            continue
        for index, needed_id in enumerate(app.depends_on):
            needed = applications.get(needed_id)
            if needed is None or needed.group not in groups:
                continue
            where = place(catalog, f"applications.{app.id}.depends_on.{index}")
            if needed.arrangement is Arrangement.REMOTE_ACCESS:
                yield Finding(
                    code="dependency-not-recovered",
                    severity=Severity.WARNING,
                    message=f"{app.id} is recovered, but depends on {needed.id}, which is remote-access and is not",
                    subject=app.id,
                    where=where,
                    next_step=f"give {needed.id} a standby, or remove the dependency",
                )
            elif groups[needed.group].primary_site != group.primary_site:
                yield Finding(
                    code="dependency-elsewhere",
                    severity=Severity.NOTE,
                    message=f"{app.id} runs at {group.primary_site} and depends on {needed.id} at "
                    f"{groups[needed.group].primary_site}: the loss of either site concerns it",
                    subject=app.id,
                    where=where,
                )


def empty_groups(catalog: Catalog) -> Iterator[Finding]:
    """A protection group without applications protects nothing."""
    used = {app.group for app in catalog.applications}
    for group in catalog.groups:
        if group.id not in used:
            yield Finding(
                code="empty-group",
                severity=Severity.WARNING,
                message=f"no application is in the group {group.id}",
                subject=group.id,
                where=place(catalog, f"groups.{group.id}"),
                next_step="remove the group, or put applications into it",
            )


def _with_group(catalog: Catalog) -> Iterator[tuple[Application, ProtectionGroup]]:
    groups = {group.id: group for group in catalog.groups}
    for app in catalog.applications:
        if app.group in groups:
            yield app, groups[app.group]
