"""The after-action report as frozen values. Its JSON form is the report; HTML and PDF only show it.

Fields after NIST SP 800-84 section 6.5 and the HSEEP after-action report; phases of the framework of A/67/266
(response, continuity, reconstitution). Two halves never mix: ``evidence`` is generated from records of runs and
of the year, and nobody can edit it; ``people`` is what people wrote, each with name and time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drorch.evidence.record.model import ProvenanceSummary, Totals
from drorch.evidence.record.vocabulary import ApplicationVerdict, Measured, Moment, Overall

AAR_SCHEMA = 1


class AarState(StrEnum):
    """How far the report is."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    APPROVED = "approved"


class AarPhase(StrEnum):
    """Minutes; hours to days; until business as usual."""

    RESPONSE = "response"
    CONTINUITY = "continuity"
    RECONSTITUTION = "reconstitution"


class Rating(StrEnum):
    """How an objective was performed (HSEEP)."""

    P = "P"
    """Performed without challenges."""
    S = "S"
    """Performed with some challenges."""
    M = "M"
    """Performed with major challenges."""
    U = "U"
    """Unable to be performed."""


@dataclass(frozen=True, kw_only=True)
class ActivityFacts:
    """One run: what was done, where, by which plan, how it ended, and what fixes its evidence."""

    run: str
    kind: str
    title: str
    estate: str
    lost_site: str | None
    operator: str
    result: Overall
    reason: str
    issues: tuple[str, ...]
    outcome: str | None
    began: Moment | None
    ended: Moment | None
    seconds: float | None
    machine_s: float
    people_s: float
    totals: Totals
    provenance: ProvenanceSummary
    plan_id: str
    catalog_id: str
    catalog_title: str
    playbooks_id: str
    drorch_version: str
    journal_events: int
    journal_head: str
    record_sha256: str
    """Of the bytes of ``report.json`` that this report was generated from."""


@dataclass(frozen=True, kw_only=True)
class ExerciseFacts:
    """One record of the year: an activity that no run does."""

    record: int
    activity: str
    subjects: tuple[str, ...]
    day: str
    result: str
    took_part: int | None
    expected: int | None
    signed_off_by: str | None
    entered_by: str
    note: str
    files: tuple[str, ...]
    """``name sha256:...``."""


@dataclass(frozen=True, kw_only=True)
class ApplicationFacts:
    """One application in one run, out of its record."""

    run: str
    id: str
    name: str
    department: str
    tier: int
    from_site: str
    to_site: str
    verdict: ApplicationVerdict
    reason: str
    recovery_time: Measured | None
    counts: str
    rto_s: float
    data_loss: Measured | None
    records_lost: int | None
    rpo_s: float
    validated: Moment | None
    provenance: str


@dataclass(frozen=True, kw_only=True)
class ObjectiveFacts:
    """One objective and what was measured. ``proposed`` None: nothing was measured, so nothing is rated."""

    id: str
    run: str
    statement: str
    met: int | None
    of: int | None
    proposed: Rating | None
    basis: str


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """Something that happened."""

    run: str
    at: Moment
    phase: AarPhase
    what: str
    who: str | None


@dataclass(frozen=True, kw_only=True)
class FindingFacts:
    """A finding of a run, as corrective actions know it."""

    key: str
    run: str
    severity: str
    message: str
    covers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ParticipantFacts:
    """Somebody whom the record names."""

    run: str
    name: str
    role: str


@dataclass(frozen=True, kw_only=True)
class EvidencePart:
    """Everything that was generated. Every number in it stands in the evidence."""

    summary: tuple[str, ...]
    scope: tuple[str, ...]
    activities: tuple[ActivityFacts, ...]
    exercises: tuple[ExerciseFacts, ...]
    objectives: tuple[ObjectiveFacts, ...]
    timeline: tuple[TimelineEntry, ...]
    strengths: tuple[str, ...]
    findings: tuple[FindingFacts, ...]
    applications: tuple[ApplicationFacts, ...]
    participants: tuple[ParticipantFacts, ...]


@dataclass(frozen=True, kw_only=True)
class Note:
    """One thing a person wrote. ``item``: the objective or the finding it is about."""

    id: str
    text: str
    item: str | None
    role: str | None
    organisation: str | None
    rating: Rating | None
    when: str | None
    written_by: str
    written_at: str


@dataclass(frozen=True, kw_only=True)
class PeoplePart:
    """Everything people wrote."""

    summary: Note | None = None
    background: Note | None = None
    scenario: Note | None = None
    objectives: tuple[Note, ...] = ()
    ratings: tuple[Note, ...] = ()
    strengths: tuple[Note, ...] = ()
    findings: tuple[Note, ...] = ()
    root_causes: tuple[Note, ...] = ()
    recommendations: tuple[Note, ...] = ()
    notifications: tuple[Note, ...] = ()
    participants: tuple[Note, ...] = ()
    distribution: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signed:
    """Who said so, when, and of which content."""

    person: str
    reason: str
    at: str
    content: str


@dataclass(frozen=True, kw_only=True)
class AfterAction:
    """The whole report in one version. ``content`` is the hash of id, title, version, evidence and people."""

    schema: int
    id: str
    title: str
    version: int
    state: AarState
    content: str
    drafted: Signed
    reviewed: Signed | None
    approved: Signed | None
    authors: tuple[str, ...]
    """Everybody who drafted or edited any version: none of them may review or approve."""
    evidence: EvidencePart
    people: PeoplePart
