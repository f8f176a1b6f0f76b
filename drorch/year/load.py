"""``year.yaml`` (bytes) to the frozen programme. Every error names file, line and field, and nothing is guessed."""

from __future__ import annotations

from types import MappingProxyType

from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.model import Catalog, Provenance, ProvenanceKind
from drorch.catalog.schema import ProvenanceMap
from drorch.catalog.text import parse_document
from drorch.core.findings import errors
from drorch.year.check import check_programme
from drorch.year.model import Exemption, Obligation, Party, Programme, Subjects
from drorch.year.schema import WEEKDAYS, ExemptionEntry, ObligationEntry, PartyEntry, ProgrammeFile, WindowEntry
from drorch.year.windows import Window, Windows

LISTS = ("bodies", "roles", "obligations", "exemptions", "windows")


def load_programme(text: bytes, source: str, catalog: Catalog) -> Programme:
    """The programme in ``text``, with the sites' time zones from ``catalog``. InputInvalid with ``file:line field``."""
    document = parse_document(text, source)
    file = validated(ProgrammeFile, document, what="a programme of the year", example="year.yaml")
    zones = {site.id: site.timezone for site in catalog.sites}
    return Programme(
        id=file.id,
        title=file.title,
        timezone=file.timezone,
        estates=frozenset(file.estates),
        bodies=tuple(_party(entry) for entry in file.bodies),
        roles=tuple(_party(entry) for entry in file.roles),
        obligations=tuple(_obligation(entry) for entry in file.obligations),
        exemptions=tuple(_exemption(entry) for entry in file.exemptions),
        windows=Windows(rules=tuple(_window(entry) for entry in file.windows), zones=MappingProxyType(zones)),
        tier_1_groups_at_once=file.limits.tier_1_groups_at_once,
        evidence_days=file.limits.evidence_days,
        lines=MappingProxyType(line_index(document, LISTS)),
        source=source,
    )


def checked(programme: Programme, catalog: Catalog) -> Programme:
    """The same programme when no check finds an error; else InputInvalid listing those findings."""
    found = errors(check_programme(programme, catalog))
    if not found:
        return programme
    raise listed([(finding.where or "year.yaml", finding.message) for finding in found], found[0].next_step)


def _provenance(entry: ProvenanceMap) -> MappingProxyType[str, Provenance]:
    # Never silently attested: what is not stated counts as assumed.
    return MappingProxyType({"default": Provenance(kind=ProvenanceKind.ASSUMED), **entry})


def _party(entry: PartyEntry) -> Party:
    return Party(id=entry.id, name=entry.name, members=entry.members, provenance=_provenance(entry.provenance))


def _obligation(entry: ObligationEntry) -> Obligation:
    return Obligation(
        id=entry.id,
        title=entry.title,
        activity=entry.activity,
        period=entry.period,
        in_force_from=entry.in_force_from,
        subjects=Subjects(
            kind=entry.subjects.kind,
            only=tuple(entry.subjects.only),
            arrangements=tuple(entry.subjects.arrangements),
        ),
        components=tuple(entry.components),
        requires=frozenset(entry.requires),
        lead_days=entry.lead_days,
        provenance=_provenance(entry.provenance),
    )


def _exemption(entry: ExemptionEntry) -> Exemption:
    return Exemption(
        id=entry.id,
        obligation=entry.obligation,
        subject=entry.subject,
        approved_by=entry.approved_by,
        reason=entry.reason,
        valid_from=entry.valid_from,
        until=entry.until,
    )


def _window(entry: WindowEntry) -> Window:
    return Window(
        id=entry.id,
        effect=entry.effect,
        reason=entry.reason,
        site=entry.site,
        first_day=entry.first_day,
        last_day=entry.last_day,
        weekdays=frozenset(WEEKDAYS.index(name) for name in entry.weekdays),
        start=entry.start,
        end=entry.end,
    )
