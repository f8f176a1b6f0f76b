"""The totals of a catalog: what it claims and what its entries add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from drorch.catalog.checks.places import place
from drorch.catalog.model import Catalog, Scope, Totals
from drorch.core.findings import Finding, Severity


def count(catalog: Catalog) -> Totals:
    """What the entries add up to."""
    scopes = Counter(app.scope for app in catalog.applications)
    return Totals(
        applications=len(catalog.applications),
        enterprise=scopes[Scope.ENTERPRISE],
        departmental=scopes[Scope.DEPARTMENTAL],
    )


def by_arrangement(catalog: Catalog) -> Mapping[str, int]:
    """Number of applications per arrangement."""
    return dict(Counter(app.arrangement.value for app in catalog.applications))


def by_provenance(catalog: Catalog) -> Mapping[str, int]:
    """Number of applications by the provenance of their name, which is how sure it is that they exist at all."""
    return dict(Counter(app.provenance_of("name").kind.value for app in catalog.applications))


def wrong_totals(catalog: Catalog) -> Iterator[Finding]:
    """The claimed totals have to be those of the entries."""
    claimed, counted = catalog.totals, count(catalog)
    for name in ("applications", "enterprise", "departmental"):
        want, have = getattr(claimed, name), getattr(counted, name)
        if want != have:
            yield Finding(
                code="totals",
                severity=Severity.ERROR,
                message=f"the totals say {want} {name}, the entries are {have}",
                subject=name,
                where=place(catalog, f"totals.{name}"),
                next_step="add or remove entries, or correct the total",
            )
