"""The record of a run from its plan, journal and evidence. Pure: same input, same record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid
from drorch.core.findings import Finding
from drorch.evidence.model import DataLoss, Outage
from drorch.evidence.objectives import Score
from drorch.plan.model import Phase, Plan
from drorch.report.applications import (
    Evidence,
    application_results,
    not_recoverable,
    provenance_summary,
    remote_access_results,
)
from drorch.report.model import (
    REPORT_SCHEMA,
    Approval,
    Declaration,
    Deviation,
    OperatorAct,
    PhaseSpan,
    Refusal,
    Report,
    RunFacts,
    StepOutcome,
    StepResult,
    TimeSpent,
)
from drorch.report.moments import TimeLine, hundredths
from drorch.report.result import overall, totals
from drorch.report.steps import chain_of, step_results, troubles
from drorch.run.events import (
    Approved,
    Declared,
    DriverAttached,
    Event,
    InterlockRefused,
    Paused,
    Resumed,
    RetryRequested,
    RunCreated,
    RunEnded,
    RunStarted,
    StepResolved,
    StepSkipped,
    StopRequested,
)

CLOCK_SOURCE = "durations: the machine's monotonic clock; wall times: its system clock, UTC"

_OPERATOR_ACTS = {
    Paused: "pause",
    Resumed: "resume",
    RetryRequested: "retry",
    StepSkipped: "skip",
    StepResolved: "done by hand",
    StopRequested: "stop",
}


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
    timings: Sequence[tuple[str, float]] = (),
    clock_source: str = CLOCK_SOURCE,
) -> Report:
    """The record. ``outages``, ``losses`` and ``scores`` by application id; who is missing there was not measured.

    ``estate`` says where it ran in plain words ("embedded lab"); ``timings`` are pairs of what and seconds.
    InputInvalid when the parts do not belong together.
    """
    created = _checked_creation(run_id, plan, catalog, events)
    line = TimeLine(origin=events[0].at)
    run = _run_facts(run_id, plan, catalog, events, created, estate, clock_source, line)
    steps = step_results(plan, events, line)
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
    deviations = tuple(_deviation(finding) for finding in findings)
    counts = totals(applications, remote, unrecoverable, steps)
    return Report(
        schema=REPORT_SCHEMA,
        run=run,
        result=overall(run, counts, applications, remote, steps, refusals, deviations),
        totals=counts,
        phases=_phases(steps),
        applications=applications,
        remote_access=remote,
        not_recoverable=unrecoverable,
        troubles=troubles(plan, steps),
        steps=steps,
        longest_chain=chain_of(steps),
        refusals=refusals,
        operator_acts=_operator_acts(events, line),
        deviations=deviations,
        provenance=provenance_summary(evidence),
        timings=tuple(TimeSpent(what=what, seconds=hundredths(seconds)) for what, seconds in timings),
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
    run_id: str,
    plan: Plan,
    catalog: Catalog,
    events: Sequence[Event],
    created: RunCreated,
    estate: str,
    clock_source: str,
    line: TimeLine,
) -> RunFacts:
    started = next((event.at for event in events if isinstance(event.body, RunStarted)), None)
    last = next(((event.at, event.body) for event in reversed(events) if isinstance(event.body, RunEnded)), None)
    return RunFacts(
        id=run_id,
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
        declaration=_declaration(events, line),
        host=created.host,
        drivers=sum(isinstance(event.body, DriverAttached) for event in events),
        clock_source=clock_source,
        estate=estate,
        lost_site=plan.lost_site,
        created=line.instant(events[0].at),
        started=line.instant(started) if started else None,
        ended=line.instant(last[0]) if last else None,
        seconds=hundredths(last[0].since(started)) if last and started else None,
        outcome=last[1].outcome.value if last else None,
        outcome_reason=last[1].reason if last else "",
        journal_events=len(events),
        journal_head=events[-1].chain,
    )


def _declaration(events: Sequence[Event], line: TimeLine) -> Declaration | None:
    for event in events:
        if isinstance(event.body, Declared):
            body = event.body
            return Declaration(site=body.site, person=body.person, reason=body.reason, at=line.instant(event.at))
    return None


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


def _operator_acts(events: Sequence[Event], line: TimeLine) -> tuple[OperatorAct, ...]:
    found = []
    for event in events:
        body = event.body
        if isinstance(body, Paused | Resumed | RetryRequested | StepSkipped | StepResolved | StopRequested):
            found.append(
                OperatorAct(
                    at=line.instant(event.at),
                    act=_OPERATOR_ACTS[type(body)],
                    step=getattr(body, "step", None),
                    person=body.person,
                    reason=body.reason,
                    evidence=getattr(body, "evidence", None),
                )
            )
    return tuple(found)


def _deviation(finding: Finding) -> Deviation:
    return Deviation(
        code=finding.code,
        severity=finding.severity.value,
        message=finding.message,
        subject=finding.subject,
        where=finding.where,
        next_step=finding.next_step,
    )
