"""The result of each application: the probes' measurement and the steps' outcome put together, the worse one counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from drorch.catalog.model import Application, Catalog, ProvenanceKind
from drorch.evidence.clocks import read
from drorch.evidence.model import DataLoss, LossStatus, Outage, OutageStatus
from drorch.evidence.objectives import Score
from drorch.evidence.record.model import (
    REMOTE_ACCESS_STATEMENT,
    ApplicationResult,
    ApplicationVerdict,
    Clocks,
    Moment,
    NotRecoverable,
    Observation,
    ProvenanceSummary,
    RecoveryPoint,
    RecoveryTime,
    RemoteAccess,
    RemoteAccessResult,
    StepOutcome,
    StepResult,
)
from drorch.evidence.record.moments import TimeLine, hundredths, measured
from drorch.evidence.record.steps import GOOD_OUTCOMES
from drorch.plan.model import ApplicationScope, Kind, Phase, Plan, ValidateAct
from drorch.run.events import Event

_LEAST_SURE_FIRST = (ProvenanceKind.SYNTHETIC, ProvenanceKind.ASSUMED, ProvenanceKind.ATTESTED)
_NO_OUTAGE_EXPECTED = frozenset({Kind.DRILL, Kind.READINESS})
_OPEN = frozenset({StepOutcome.RUNNING, StepOutcome.NOT_REACHED})


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about the run, as the parts below need it."""

    plan: Plan
    catalog: Catalog
    events: Sequence[Event]
    steps: Sequence[StepResult]
    outages: Mapping[str, Outage]
    losses: Mapping[str, DataLoss]
    scores: Mapping[str, Score]
    line: TimeLine

    def validation_of(self, application: str) -> StepResult | None:
        """The step that proves the application, None when the plan has none."""
        by_id = self.plan.by_id
        for step in self.steps:
            act = by_id[step.id].act
            if isinstance(act, ValidateAct) and act.application == application:
                return step
        return None


def application_results(evidence: Evidence) -> tuple[ApplicationResult, ...]:
    """Those the plan means to bring up somewhere, in plan order."""
    return tuple(
        _result(evidence, scope, scope.to_site)
        for scope in evidence.plan.scope
        if scope.to_site is not None and not scope.remote_access
    )


def remote_access_results(evidence: Evidence) -> RemoteAccess:
    """Those reached through the remote-access gateway only."""
    found = []
    for scope in evidence.plan.scope:
        if scope.remote_access and scope.to_site is not None:
            step = evidence.validation_of(scope.application)
            ended = step is not None and step.outcome not in _OPEN
            found.append(
                RemoteAccessResult(
                    id=scope.application,
                    name=evidence.catalog.application(scope.application).name,
                    hosted_at=scope.to_site,
                    reached=step.outcome is StepOutcome.DONE if step and ended else None,
                    reason=_step_reason(step),
                    validated=_validated(step),
                )
            )
    return RemoteAccess(statement=REMOTE_ACCESS_STATEMENT, applications=tuple(found))


def not_recoverable(evidence: Evidence) -> tuple[NotRecoverable, ...]:
    """Those no plan can bring back, with the plan's own reason."""
    return tuple(
        NotRecoverable(
            id=scope.application,
            name=evidence.catalog.application(scope.application).name,
            from_site=scope.from_site,
            arrangement=evidence.catalog.application(scope.application).arrangement.value,
            reason=scope.reason or "the plan gives no reason",
        )
        for scope in evidence.plan.scope
        if scope.to_site is None
    )


def provenance_summary(evidence: Evidence) -> ProvenanceSummary:
    """How sure the catalog is about the applications in scope: every field of every entry is counted."""
    counts = dict.fromkeys(ProvenanceKind, 0)
    attested_objectives = 0
    names = [item.name for item in fields(Application) if item.name not in ("id", "provenance", "manual")]
    for scope in evidence.plan.scope:
        application = evidence.catalog.application(scope.application)
        for name in names:
            counts[application.provenance_of(name).kind] += 1
        attested_objectives += _objectives_provenance(application) is ProvenanceKind.ATTESTED
    return ProvenanceSummary(
        attested=counts[ProvenanceKind.ATTESTED],
        assumed=counts[ProvenanceKind.ASSUMED],
        synthetic=counts[ProvenanceKind.SYNTHETIC],
        applications_with_attested_objectives=attested_objectives,
        applications=len(evidence.plan.scope),
    )


def _result(evidence: Evidence, scope: ApplicationScope, to_site: str) -> ApplicationResult:
    application = evidence.catalog.application(scope.application)
    outage = evidence.outages.get(application.id) or _not_observed(application.id)
    validation = evidence.validation_of(application.id)
    score = evidence.scores.get(application.id)
    verdict, reason = _judge(evidence.plan.kind, score, outage, validation)
    return ApplicationResult(
        id=application.id,
        name=application.name,
        tier=application.tier,
        scope=application.scope.value,
        department=evidence.catalog.department(application.department).name,
        arrangement=application.arrangement.value,
        group=application.group,
        from_site=scope.from_site,
        to_site=to_site,
        verdict=verdict,
        reason=reason,
        validation=validation.outcome if validation else None,
        clocks=_clocks(evidence, application.id, outage),
        recovery_time=_recovery_time(application, score),
        recovery_point=_recovery_point(application, score, evidence.losses.get(application.id)),
        observation=_observation(outage),
        provenance=_objectives_provenance(application).value,
    )


def _not_observed(application: str) -> Outage:
    return Outage(application=application, status=OutageStatus.NOT_OBSERVED, reason="no samples")


def _judge(
    kind: Kind, score: Score | None, outage: Outage, validation: StepResult | None
) -> tuple[ApplicationVerdict, str]:
    """The worse of what the probes measured and what the steps proved."""
    if kind in _NO_OUTAGE_EXPECTED and outage.status is OutageStatus.INTERRUPTED:
        detail = f": {outage.reason}" if outage.reason else ""
        return ApplicationVerdict.FAILED, f"production was interrupted during a {kind.value}{detail}"
    if validation is None:
        return ApplicationVerdict.NOT_MEASURED, "the plan has no validation step for it"
    if validation.outcome in _OPEN:
        return ApplicationVerdict.NOT_MEASURED, "its validation was not reached"
    if validation.outcome not in GOOD_OUTCOMES:
        return ApplicationVerdict.FAILED, _step_reason(validation)
    if kind in _NO_OUTAGE_EXPECTED:
        return _judge_without_outage(kind, outage, validation)
    if score is None:
        return ApplicationVerdict.NOT_MEASURED, "no measurement of it was taken"
    return ApplicationVerdict(score.verdict.value), score.reason


def _judge_without_outage(kind: Kind, outage: Outage, validation: StepResult) -> tuple[ApplicationVerdict, str]:
    if validation.outcome is not StepOutcome.DONE:
        return ApplicationVerdict.NOT_MEASURED, f"its validation is {validation.outcome.value}: {validation.reason}"
    if kind is Kind.READINESS:
        return ApplicationVerdict.PROVED, "serves from where it should; nothing was moved"
    if outage.status is OutageStatus.UNTOUCHED:
        return ApplicationVerdict.PROVED, "the copy served at the recovery site; production was untouched"
    unseen = f"whether production was untouched is not proved: {outage.reason or outage.status.value}"
    return ApplicationVerdict.PROVED, f"the copy served at the recovery site; {unseen}"


def _step_reason(step: StepResult | None) -> str:
    if step is None:
        return "the plan does not test it"
    if step.outcome is StepOutcome.DONE:
        return "proved"
    if step.outcome is StepOutcome.BLOCKED:
        return "not reached: " + step.reason
    detail = " ".join(part for part in (step.code, step.reason) if part)
    return f"{step.id} {step.outcome.value}" + (f": {detail}" if detail else "")


def _validated(step: StepResult | None) -> Moment | None:
    return step.ended if step and step.outcome is StepOutcome.DONE else None


def _clocks(evidence: Evidence, application: str, outage: Outage) -> Clocks:
    line = evidence.line
    clocks = read(application, outage, evidence.plan, evidence.events)
    up = line.bracket(clocks.technically_up)
    if up is None and evidence.plan.kind is Kind.DRILL:
        up = next(
            (
                step.ended
                for step in evidence.steps
                if step.subject == application and step.phase == Phase.SERVE and step.outcome is StepOutcome.DONE
            ),
            None,
        )
    return Clocks(
        outage_start=line.bracket(clocks.outage_start),
        detected=line.reading(clocks.detected),
        declared=line.reading(clocks.declared),
        technically_up=up,
        validated=line.reading(clocks.validated),
    )


def _recovery_time(application: Application, score: Score | None) -> RecoveryTime:
    return RecoveryTime(
        from_disruption=measured(score.rta_from_disruption) if score else None,
        from_declaration=measured(score.rta_from_declaration) if score else None,
        counts=(score.counts if score is not None else application.rto_from).value,
        rto_s=application.rto.seconds,
        rto_basis=application.rto.basis,
        rto_owner=application.rto.owner,
        rto_provenance=application.provenance_of("rto").kind.value,
        met=score.rta_met if score else None,
    )


def _recovery_point(application: Application, score: Score | None, loss: DataLoss | None) -> RecoveryPoint:
    known = loss if loss is not None and loss.status is LossStatus.MEASURED else None
    return RecoveryPoint(
        lost_s=measured(known.seconds) if known else None,
        records_acknowledged=known.acknowledged if known else None,
        records_lost=known.lost if known else None,
        duplicates=known.duplicates if known else None,
        unacknowledged_found=known.unacknowledged_found if known else None,
        rpo_s=application.rpo.seconds,
        rpo_basis=application.rpo.basis,
        rpo_owner=application.rpo.owner,
        rpo_provenance=application.provenance_of("rpo").kind.value,
        met=score.rpa_met if score and known else None,
        reason=loss.reason if loss else "no canary writes were watched",
    )


def _observation(outage: Outage) -> Observation:
    return Observation(
        status=outage.status.value,
        samples=outage.samples,
        bad_samples=outage.bad_samples,
        largest_gap_s=None if outage.largest_gap_s is None else hundredths(outage.largest_gap_s),
        served_by=outage.restored_by,
    )


def _objectives_provenance(application: Application) -> ProvenanceKind:
    kinds = {application.provenance_of("rto").kind, application.provenance_of("rpo").kind}
    return next(kind for kind in _LEAST_SURE_FIRST if kind in kinds)
