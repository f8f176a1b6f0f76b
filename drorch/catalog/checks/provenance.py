"""Is what the catalog calls attested really backed by a named source."""

from __future__ import annotations

from collections.abc import Iterator

from drorch.catalog.checks.places import place
from drorch.catalog.model import Catalog, ProvenanceKind
from drorch.core.findings import Finding, Severity

NEVER_ATTESTED = frozenset({"tier", "rto", "rpo", "depends_on", "group"})
"""Fields that no public source gives; a claim that one does has to be looked at by a person."""


def attested_without_source(catalog: Catalog) -> Iterator[Finding]:
    """Attested means that a named source says so."""
    for kind in ("sites", "departments", "groups", "applications"):
        for entry in getattr(catalog, kind):
            bare = sorted(
                name
                for name, provenance in entry.provenance.items()
                if provenance.kind is ProvenanceKind.ATTESTED and not provenance.source
            )
            if bare:
                yield Finding(
                    code="attested-without-source",
                    severity=Severity.ERROR,
                    message=f"{entry.id} calls {', '.join(bare)} attested without naming a source",
                    subject=entry.id,
                    where=place(catalog, f"{kind}.{entry.id}.provenance"),
                    next_step="write {attested: <source>}, or assumed",
                )


def doubtful_attestations(catalog: Catalog) -> Iterator[Finding]:
    """Objectives, tiers, dependencies and groups called attested."""
    for app in catalog.applications:
        doubtful = sorted(
            name
            for name in NEVER_ATTESTED
            if (provenance := app.provenance_of(name)).kind is ProvenanceKind.ATTESTED and provenance.source
        )
        if doubtful:
            yield Finding(
                code="doubtful-attestation",
                severity=Severity.NOTE,
                message=f"{app.id} calls {', '.join(doubtful)} attested; A/67/266 gives none of these",
                subject=app.id,
                where=place(catalog, f"applications.{app.id}.provenance"),
                next_step="check that the source really says so",
            )
