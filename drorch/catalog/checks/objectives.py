"""Are the recovery objectives possible, and does somebody stand for them."""

from __future__ import annotations

from collections.abc import Iterator

from drorch.catalog.checks.places import place
from drorch.catalog.durations import show_duration
from drorch.catalog.model import Application, Catalog, Objective, RtoFrom
from drorch.core.findings import Finding, Severity


def rto_shorter_than_dependency(catalog: Catalog) -> Iterator[Finding]:
    """An application cannot be back before what it depends on."""
    applications = {app.id: app for app in catalog.applications}
    for app in catalog.applications:
        for needed in (applications[name] for name in app.depends_on if name in applications):
            if app.rto.seconds < needed.rto.seconds:
                yield Finding(
                    code="rto-shorter-than-dependency",
                    severity=Severity.WARNING,
                    message=f"{app.id} has an RTO of {show_duration(app.rto.seconds)}, but depends on {needed.id} with "
                    f"an RTO of {show_duration(needed.rto.seconds)}",
                    subject=app.id,
                    where=place(catalog, f"applications.{app.id}.rto"),
                    next_step=f"shorten the RTO of {needed.id}, or lengthen this one",
                )
            elif app.rto_from is RtoFrom.DISRUPTION and needed.rto_from is RtoFrom.DECLARATION:
                yield Finding(
                    code="rto-counted-differently",
                    severity=Severity.NOTE,
                    message=f"the RTO of {app.id} counts from the disruption, that of {needed.id}, which it needs, "
                    "only from the declaration",
                    subject=app.id,
                    where=place(catalog, f"applications.{app.id}.rto_from"),
                )


def objectives_without_basis(catalog: Catalog) -> Iterator[Finding]:
    """An objective without a stated reason (impact analysis) is an opinion."""
    for app in catalog.applications:
        if without := [name for name, objective in _objectives(app) if objective.basis is None]:
            yield Finding(
                code="objective-without-basis",
                severity=Severity.WARNING,
                message=f"no basis is stated for the {' and '.join(name.upper() for name in without)} of {app.id}",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.{without[0]}"),
                next_step="add basis: (the impact analysis, or who decided it and when)",
            )


def objectives_without_owner(catalog: Catalog) -> Iterator[Finding]:
    """An objective nobody stands for will not be kept."""
    for app in catalog.applications:
        if without := [name for name, objective in _objectives(app) if objective.owner is None]:
            yield Finding(
                code="objective-without-owner",
                severity=Severity.WARNING,
                message=f"nobody stands for the {' and '.join(name.upper() for name in without)} of {app.id}",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.{without[0]}"),
                next_step="add owner:",
            )


def zero_rto(catalog: Catalog) -> Iterator[Finding]:
    """Zero seconds cannot be met by anything that has to be recovered. (An RPO of zero can.)"""
    for app in catalog.applications:
        if app.rto.seconds <= 0:
            yield Finding(
                code="zero-rto",
                severity=Severity.ERROR,
                message=f"the RTO of {app.id} is zero; no recovery can meet it",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.rto"),
                next_step="write the time that may pass",
            )


def _objectives(app: Application) -> tuple[tuple[str, Objective], ...]:
    return ("rto", app.rto), ("rpo", app.rpo)
