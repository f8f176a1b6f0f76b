"""All checks of a catalog. A check returns findings and never raises on user data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from drorch.catalog import totals
from drorch.catalog.checks import arrangements, objectives, provenance, references, sites
from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, Severity

Check = Callable[[Catalog], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    references.duplicate_ids,
    references.unknown_references,
    references.cycles,
    totals.wrong_totals,
    arrangements.arrangement_against_group,
    arrangements.gateways,
    arrangements.dependencies_across,
    arrangements.empty_groups,
    sites.sites_end_before_start,
    sites.mirror_relations,
    sites.groups_against_sites,
    sites.sites_needed_longer,
    sites.migration_to_present_site,
    objectives.zero_rto,
    objectives.rto_shorter_than_dependency,
    objectives.objectives_without_basis,
    objectives.objectives_without_owner,
    provenance.attested_without_source,
    provenance.doubtful_attestations,
)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check_catalog(catalog: Catalog) -> tuple[Finding, ...]:
    """Every finding, errors first, then in the order of the checks and of the catalog."""
    found = [finding for check in CHECKS for finding in check(catalog)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
