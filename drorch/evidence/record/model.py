"""The record of a run as frozen values. Its JSON form (``codec``) is the record; HTML and text only show it.

Seconds carry two decimals; bounds are rounded outward, so that the record never claims to know more than was measured.
What was not measured is None, never 0. Renderers compute no result: every number people see is a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from drorch.evidence.record.people_model import OperatorAct as OperatorAct
from drorch.evidence.record.people_model import TimeShare as TimeShare
from drorch.evidence.record.people_model import UndoneStep as UndoneStep
from drorch.evidence.record.people_model import WaitForPeople as WaitForPeople
from drorch.evidence.record.safety_model import BaselineResult as BaselineResult
from drorch.evidence.record.safety_model import DifferenceResult as DifferenceResult
from drorch.evidence.record.safety_model import ProtectionGapResult as ProtectionGapResult
from drorch.evidence.record.safety_model import ProtectionResult as ProtectionResult
from drorch.evidence.record.vocabulary import REMOTE_ACCESS_STATEMENT as REMOTE_ACCESS_STATEMENT
from drorch.evidence.record.vocabulary import ApplicationVerdict as ApplicationVerdict
from drorch.evidence.record.vocabulary import Measured as Measured
from drorch.evidence.record.vocabulary import Moment as Moment
from drorch.evidence.record.vocabulary import Overall as Overall
from drorch.evidence.record.vocabulary import StepOutcome as StepOutcome

REPORT_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who approved exactly this plan."""

    person: str
    reason: str
    at: Moment


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Who declared the disruption."""

    site: str | None
    person: str
    reason: str
    at: Moment


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What ran, who ran it, with what, where."""

    id: str
    kind: str
    title: str
    plan_id: str
    catalog_id: str
    catalog_title: str
    playbooks_id: str
    drorch_version: str
    operator: str
    approvals: tuple[Approval, ...]
    declaration: Declaration | None
    host: str
    drivers: int
    """How many times a driver took up the run: more than 1 means it was interrupted."""
    clock_source: str
    estate: str
    lost_site: str | None
    created: Moment
    started: Moment | None
    ended: Moment | None
    seconds: float | None
    outcome: str | None
    """``run.events.RunOutcome`` or None while the run has not ended."""
    outcome_reason: str
    journal_events: int
    journal_head: str
    """Chain value of the last event: fixes the whole journal."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The overall result in one word, one sentence, and what to look at."""

    overall: Overall
    reason: str
    issues: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Counts for the score card. Applications by verdict leave out remote access and what no plan can recover."""

    in_scope: int
    measured_scope: int
    passed: int
    missed: int
    failed: int
    vacuous: int
    not_measured: int
    proved: int
    not_recoverable: int
    remote_access: int
    remote_access_reached: int
    steps: int
    steps_done: int
    steps_failed: int
    steps_blocked: int
    slowest: Measured | None
    """Longest measured recovery time, counted as the catalog says."""
    slowest_application: str | None
    rto_met: int
    rpo_met: int
    rto_measured: int
    rpo_measured: int
    records_lost: int | None
    """Sum over the applications whose data loss was measured; None when none was."""
    samples: int
    bad_samples: int


@dataclass(frozen=True, kw_only=True)
class PhaseSpan:
    """One phase from its first step's start to its last step's end."""

    phase: str
    began: Moment
    ended: Moment | None
    seconds: float | None
    steps: int
    done: int


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """The five clocks of an application."""

    outage_start: Moment | None
    detected: Moment | None
    declared: Moment | None
    technically_up: Moment | None
    """First good full answer from the expected site; in a drill the copy's start step was done."""
    validated: Moment | None
    """The validation step proved it."""


@dataclass(frozen=True, kw_only=True)
class RecoveryTime:
    """RTA against RTO. ``met`` None: not measured."""

    from_disruption: Measured | None
    from_declaration: Measured | None
    counts: str
    """``disruption`` or ``declaration``: which of the two the RTO is held against."""
    rto_s: float
    rto_basis: str | None
    rto_owner: str | None
    rto_provenance: str
    met: bool | None


@dataclass(frozen=True, kw_only=True)
class RecoveryPoint:
    """RPA against RPO by canary writes. ``met`` None: not measured."""

    lost_s: Measured | None
    records_acknowledged: int | None
    records_lost: int | None
    duplicates: int | None
    unacknowledged_found: int | None
    rpo_s: float
    rpo_basis: str | None
    rpo_owner: str | None
    rpo_provenance: str
    met: bool | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What the probes saw of the application."""

    status: str
    samples: int
    bad_samples: int
    largest_gap_s: float | None
    served_by: str | None


@dataclass(frozen=True, kw_only=True)
class ApplicationResult:
    """One application the plan means to bring up at ``to_site``."""

    id: str
    name: str
    tier: int
    scope: str
    department: str
    arrangement: str
    group: str
    from_site: str
    to_site: str
    verdict: ApplicationVerdict
    reason: str
    validation: StepOutcome | None
    clocks: Clocks
    recovery_time: RecoveryTime
    recovery_point: RecoveryPoint
    observation: Observation
    provenance: str
    """The least sure of the objectives' provenances: attested, assumed or synthetic."""


@dataclass(frozen=True, kw_only=True)
class RemoteAccessResult:
    """One application reached through the remote-access gateway."""

    id: str
    name: str
    hosted_at: str
    reached: bool | None
    """None: not tested."""
    reason: str
    validated: Moment | None


@dataclass(frozen=True, kw_only=True)
class RemoteAccess:
    """All of them, under the statement of what was and was not tested."""

    statement: str
    applications: tuple[RemoteAccessResult, ...]


@dataclass(frozen=True, kw_only=True)
class NotRecoverable:
    """An application hit by the loss that no plan can bring back, and why."""

    id: str
    name: str
    from_site: str
    arrangement: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StoppedStep:
    """A step that could not start, and what could not start because of it in turn."""

    step: str
    title: str
    subject: str
    stops: tuple[StoppedStep, ...]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One failed or unknown step with the tree of what it stopped."""

    step: str
    title: str
    outcome: StepOutcome
    code: str
    reason: str
    applications: tuple[str, ...]
    """Ids of the applications that are not recovered because of it, itself included."""
    stops: tuple[StoppedStep, ...]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One performance of a step."""

    number: int
    ident: str
    """Names the artifacts of this attempt."""
    began: Moment
    ended: Moment | None
    seconds: float | None
    outcome: StepOutcome
    code: str
    reason: str
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """One step of the plan and what became of it."""

    id: str
    title: str
    subject_kind: str
    subject: str
    phase: str
    site: str
    act: str
    """``playbook`` or the name of the proof: validate, witness, replication, names."""
    playbook: str | None
    hosts: tuple[str, ...]
    outcome: StepOutcome
    code: str
    reason: str
    blocked_because: tuple[str, ...]
    """Ids of the failed or unknown steps at the root."""
    began: Moment | None
    ended: Moment | None
    seconds: float | None
    estimate_s: float
    on_longest_chain: bool
    """Whether it belongs to the chain of steps that decided how long the run took."""
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An interlock said no; ``inputs`` are what it looked at."""

    interlock: str
    reason: str
    at: Moment
    inputs: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """A finding (``core.findings``) that belongs to this run."""

    code: str
    severity: str
    message: str
    subject: str | None
    where: str | None
    next_step: str | None


@dataclass(frozen=True, kw_only=True)
class ProvenanceSummary:
    """How sure the catalog's fields are, over all applications in scope."""

    attested: int
    assumed: int
    synthetic: int
    applications_with_attested_objectives: int
    applications: int


@dataclass(frozen=True, kw_only=True)
class TimeSpent:
    """Where the time went."""

    what: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole record."""

    schema: int
    run: RunFacts
    result: Result
    totals: Totals
    phases: tuple[PhaseSpan, ...]
    applications: tuple[ApplicationResult, ...]
    remote_access: RemoteAccess
    not_recoverable: tuple[NotRecoverable, ...]
    troubles: tuple[Trouble, ...]
    steps: tuple[StepResult, ...]
    longest_chain: tuple[str, ...]
    """Step ids in order."""
    refusals: tuple[Refusal, ...]
    operator_acts: tuple[OperatorAct, ...]
    undone: tuple[UndoneStep, ...]
    time_share: TimeShare
    deviations: tuple[Deviation, ...]
    provenance: ProvenanceSummary
    timings: tuple[TimeSpent, ...]
    baseline: BaselineResult | None = None
    """None: nothing has to stand at a known place after this kind of run, or it did not start."""
    protection: tuple[ProtectionResult, ...] = ()
