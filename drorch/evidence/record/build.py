"""The record of a run from its plan, journal and evidence. Pure: same input, same record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid
from drorch.core.findings import Finding
from drorch.evidence.baseline import Comparison
from drorch.evidence.model import DataLoss, Outage
from drorch.evidence.objectives import Score
from drorch.evidence.protection import Protection
from drorch.evidence.record.applications import (
    Evidence,
    application_results,
    not_recoverable,
    provenance_summary,
    remote_access_results,
)
from drorch.evidence.record.model import (
    REPORT_SCHEMA,
    Approval,
    Declaration,
    Deviation,
    PhaseSpan,
    Refusal,
    Report,
    RunFacts,
    StepOutcome,
    StepResult,
    TimeSpent,
)
from drorch.evidence.record.moments import TimeLine, hundredths
from drorch.evidence.record.name_servers import left_out
from drorch.evidence.record.people import operator_acts, time_share, undone_steps
from drorch.evidence.record.result import overall, totals
from drorch.evidence.record.safety import baseline_result, not_clean, protection_results
from drorch.evidence.record.steps import chain_of, step_results, troubles
from drorch.plan.model import Phase, Plan
from drorch.run.events import (
    Approved,
    Event,
    InterlockRefused,
    RunCreated,
)
from drorch.run.state import RunState, fold

CLOCK_SOURCE = "durations: the machine's monotonic clock; wall times: its system clock, UTC"


def build_report(
    *,
    run_id: str,
    plan: Plan,
    catalog: Catalog,
    events: Sequence[Event],
    outages: Mapping[str, Outage],
    losses: Mapping[str, DataLoss],
    scores: Mapping[str, Score],
    findings: Sequence[Finding] = (),
    estate: str,
    timings: Sequence[TimeSpent] = (),
    comparison: Comparison | None = None,
    protection: Sequence[Protection] = (),
    clock_source: str = CLOCK_SOURCE,
) -> Report:
    """The record. ``outages``, ``losses`` and ``scores`` by application id; who is missing there was not measured.

    ``estate`` says where it ran in plain words ("embedded lab"); ``timings`` say where the time around the run went,
    ``comparison`` what it left behind, ``protection`` how its data was protected. InputInvalid when the parts do not
    belong together, IllegalEvent when an event cannot follow the ones before it.
    """
    created = _checked_creation(run_id, plan, catalog, events)
    line = TimeLine(origin=events[0].at)
    state = fold(plan, events)
    run = _run_facts(plan, catalog, created, state, events, estate, clock_source)
    steps = step_results(plan, state, events, line)
    evidence = Evidence(
        plan=plan,
        catalog=catalog,
        events=events,
        steps=steps,
        outages=outages,
        losses=losses,
        scores=scores,
        line=line,
    )
    applications = application_results(evidence)
    remote = remote_access_results(evidence)
    unrecoverable = not_recoverable(evidence)
    refusals = _refusals(events, line)
    deviations = tuple(_deviation(finding) for finding in (*findings, *left_out(events)))
    baseline, protected = baseline_result(comparison, events, line), protection_results(protection, line)
    counts = totals(applications, remote, unrecoverable, steps)
    return Report(
        schema=REPORT_SCHEMA,
        run=run,
        result=overall(
            run, counts, applications, remote, steps, refusals, deviations, not_clean(run.kind, baseline, protected)
        ),
        totals=counts,
        phases=_phases(steps),
        applications=applications,
        remote_access=remote,
        not_recoverable=unrecoverable,
        troubles=troubles(plan, steps),
        steps=steps,
        longest_chain=chain_of(steps),
        refusals=refusals,
        operator_acts=operator_acts(events, line),
        undone=undone_steps(state, line),
        time_share=time_share(plan, events, line),
        deviations=deviations,
        provenance=provenance_summary(evidence),
        timings=tuple(TimeSpent(what=item.what, seconds=hundredths(item.seconds)) for item in timings),
        baseline=baseline,
        protection=protected,
    )


def _checked_creation(run_id: str, plan: Plan, catalog: Catalog, events: Sequence[Event]) -> RunCreated:
    if not events or not isinstance(events[0].body, RunCreated):
        raise InputInvalid(
            "the journal of the run does not begin with its creation",
            where=f"run {run_id}",
            next_step="check the journal; without its first event nothing can be reported",
        )
    created = events[0].body
    foreign = [event.seq for event in events if event.run != run_id]
    if foreign:
        raise InputInvalid(f"event {foreign[0]} belongs to another run", where=f"run {run_id}", next_step=None)
    if not created.catalog_id == plan.catalog_id == catalog.content_id:
        raise InputInvalid(
            "the catalog given is not the one the plan was built from",
            where=f"run {run_id} catalog_id",
            next_step="give the catalog stored with the run",
        )
    return created


def _run_facts(
    plan: Plan,
    catalog: Catalog,
    created: RunCreated,
    state: RunState,
    events: Sequence[Event],
    estate: str,
    clock_source: str,
) -> RunFacts:
    line, head = TimeLine(origin=events[0].at), state.head
    # A decision may take up an ended run again: only the end the fold still knows is the end.
    ended = next(event.at for event in reversed(events) if event.body is head.ended) if head.ended else None
    declared = head.declared
    return RunFacts(
        id=state.run,
        kind=plan.kind.value,
        title=plan.title,
        plan_id=created.plan_id,
        catalog_id=created.catalog_id,
        catalog_title=catalog.title,
        playbooks_id=plan.playbooks_id,
        drorch_version=created.drorch_version,
        operator=created.operator,
        approvals=tuple(
            Approval(person=event.body.person, reason=event.body.reason, at=line.instant(event.at))
            for event in events
            if isinstance(event.body, Approved)
        ),
        declaration=Declaration(
            site=declared.site, person=declared.person, reason=declared.reason, at=line.instant(head.declared_at)
        )
        if declared and head.declared_at
        else None,
        host=created.host,
        drivers=len(head.drivers),
        clock_source=clock_source,
        estate=estate,
        lost_site=plan.lost_site,
        created=line.instant(events[0].at),
        started=line.instant(head.started_at) if head.started_at else None,
        ended=line.instant(ended) if ended else None,
        seconds=hundredths(ended.since(head.started_at)) if ended and head.started_at else None,
        outcome=head.ended.outcome.value if head.ended else None,
        outcome_reason=head.ended.reason if head.ended else "",
        journal_events=len(events),
        journal_head=state.chain,
    )


def _phases(steps: Sequence[StepResult]) -> tuple[PhaseSpan, ...]:
    """Spans of the phases that were entered, in the order of recovery."""
    spans = []
    for phase in Phase:
        members = [step for step in steps if step.phase == phase]
        begun = [step.began for step in members if step.began]
        if begun:
            began = min(begun, key=lambda moment: moment.mono)
            ends = [step.ended for step in members if step.began]
            known = [end for end in ends if end]
            ended = max(known, key=lambda moment: moment.mono) if known and len(known) == len(ends) else None
            spans.append(
                PhaseSpan(
                    phase=phase.value,
                    began=began,
                    ended=ended,
                    seconds=hundredths(ended.mono - began.mono) if ended else None,
                    steps=len(members),
                    done=sum(step.outcome is StepOutcome.DONE for step in members),
                )
            )
    return tuple(spans)


def _refusals(events: Sequence[Event], line: TimeLine) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(
            interlock=event.body.interlock,
            reason=event.body.reason,
            at=line.instant(event.at),
            inputs=event.body.inputs,
        )
        for event in events
        if isinstance(event.body, InterlockRefused)
    )


def _deviation(finding: Finding) -> Deviation:
    return Deviation(
        code=finding.code,
        severity=finding.severity.value,
        message=finding.message,
        subject=finding.subject,
        where=finding.where,
        next_step=finding.next_step,
    )
