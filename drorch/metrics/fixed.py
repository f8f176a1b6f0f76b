"""The fixed page: the catalog, the runs and drorch itself. Its size does not grow with the applications."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from drorch import __version__
from drorch.catalog.model import Catalog
from drorch.metrics.access import access_families
from drorch.metrics.facts import CatalogFacts, MetricFacts, waiting_runs
from drorch.metrics.families import Declared, Family, FamilyType
from drorch.metrics.report_facts import ReportSummary
from drorch.metrics.run_facts import RunEnd, RunSummary
from drorch.metrics.schedule_facts import ScheduleFacts
from drorch.plan.model import Kind

SCHEDULES = 3000
"""Cap of the schedule's families: 200 schedules with all outcomes."""
RUN_BOUNDS = (60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400)
STEP_BOUNDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

BUILD = Declared(name="drorch_build_info", labels=("version",), help="Build of the running drorch; always 1.")
UNREADABLE = Declared(
    name="drorch_data_unreadable",
    labels=("what",),
    help="Stored runs, reports and logs that are there and cannot be read.",
)
CATALOG_GOOD = Declared(
    name="drorch_catalog_load_successful", help="1 if the catalog file is readable and has no error."
)
CATALOG_TIME = Declared(
    name="drorch_catalog_load_success_timestamp_seconds",
    help="Unix time at which this process last loaded a good catalog.",
)
CATALOG_APPLICATIONS = Declared(
    name="drorch_catalog_applications",
    labels=("arrangement", "scope", "tier"),
    help="Applications in the catalog's entries.",
)
CATALOG_CLAIMED = Declared(
    name="drorch_catalog_claimed_applications",
    labels=("scope",),
    help="Applications the catalog claims to have; to be compared with its entries.",
)
CATALOG_NAMES = Declared(
    name="drorch_catalog_names",
    labels=("provenance",),
    help="Applications by how sure it is that they exist: the provenance of their name.",
)
CATALOG_OBJECTIVES = Declared(
    name="drorch_catalog_objectives",
    labels=("objective", "provenance"),
    help="Applications by the provenance of their recovery objective.",
)
CATALOG_FINDINGS = Declared(
    name="drorch_catalog_findings", labels=("code", "severity"), help="Findings of the catalog's checks."
)
APPS = Declared(
    name="drorch_apps",
    labels=("tier", "verdict"),
    help="Applications by the verdict of the last failover or switchover that meant to recover them.",
)
RUNS = Declared(
    name="drorch_runs",
    type=FamilyType.COUNTER,
    labels=("kind", "outcome"),
    help="Ends of runs; a run that a decision takes up again ends once more.",
)
RUNS_ACTIVE = Declared(name="drorch_runs_active", labels=("kind",), help="Runs that have started and not ended.")
RUNS_REPORTLESS = Declared(name="drorch_runs_without_report", help="Ended runs whose report is not there.")
RUN_SECONDS = Declared(
    name="drorch_run_duration_seconds",
    type=FamilyType.HISTOGRAM,
    labels=("kind",),
    help="Time from the start of a run to its end.",
)
LAST_END = Declared(
    name="drorch_last_run_end_timestamp_seconds",
    labels=("kind", "outcome"),
    help="Unix time at which a run of this kind last ended so.",
)
LAST_SECONDS = Declared(
    name="drorch_last_run_duration_seconds",
    labels=("kind", "outcome"),
    help="Time the last run of this kind with this outcome took.",
)
LAST_RESULT = Declared(
    name="drorch_last_run_result",
    labels=("kind", "result"),
    help="Result of the last reported run of this kind; always 1.",
)
LAST_APPLICATIONS = Declared(
    name="drorch_last_run_applications",
    labels=("kind", "verdict"),
    help="Applications by verdict in the last reported run of this kind.",
)
EVIDENCE_TIME = Declared(
    name="drorch_evidence_timestamp_seconds",
    labels=("kind",),
    help="Unix time at which a run of this kind last ended with samples in its report.",
)
STEPS = Declared(
    name="drorch_run_steps",
    type=FamilyType.COUNTER,
    labels=("act", "outcome"),
    help="Ended attempts at steps, and decisions about steps.",
)
STEP_SECONDS = Declared(
    name="drorch_run_step_duration_seconds",
    type=FamilyType.HISTOGRAM,
    labels=("act",),
    help="Time an attempt at a step took.",
)
RETRIES = Declared(
    name="drorch_run_step_retries",
    type=FamilyType.COUNTER,
    labels=("act",),
    help="Steps a person let be performed again.",
)
ACTIVE_STEPS = Declared(
    name="drorch_active_steps", labels=("kind", "status"), help="Steps of the runs in progress by how they stand."
)
REFUSALS = Declared(
    name="drorch_interlock_refusals",
    type=FamilyType.COUNTER,
    labels=("interlock",),
    help="Dangerous acts refused by an interlock.",
)
WAITED = Declared(
    name="drorch_run_wait_seconds",
    type=FamilyType.COUNTER,
    labels=("kind", "reason"),
    help="Time in which runs stood still because a person was needed.",
)
NEEDED = Declared(
    name="drorch_operator_needed", labels=("reason",), help="Things that only a person can settle and that wait now."
)
NEEDED_SINCE = Declared(
    name="drorch_operator_needed_since_timestamp_seconds",
    labels=("reason",),
    help="Unix time since which the oldest of them waits; absent when nothing waits.",
)
REQUESTS = Declared(name="drorch_operator_requests_pending", help="Requests of people that no driver has taken yet.")
ACTIONS = Declared(
    name="drorch_corrective_actions",
    labels=("severity", "status"),
    help="Corrective actions: open, overdue (also when claimed done), re-opened at least once. Absent without a log.",
)
JOURNAL_RUNS = Declared(name="drorch_journal_runs", help="Runs in the journal.")
JOURNAL_EVENTS = Declared(name="drorch_journal_events", type=FamilyType.COUNTER, help="Events in the journal.")
JOURNAL_HEAD = Declared(name="drorch_journal_head_timestamp_seconds", help="Unix time of the journal's last event.")
SCHEDULE_NEXT = Declared(
    name="drorch_schedule_next_timestamp_seconds",
    labels=("schedule",),
    cap=SCHEDULES,
    help="Unix time of the next nominal instant of a schedule; absent when it never comes again.",
)
SCHEDULE_LAST = Declared(
    name="drorch_schedule_last_timestamp_seconds",
    labels=("outcome", "schedule"),
    cap=SCHEDULES,
    help="Unix time of the last nominal instant of a schedule that ended so.",
)
SCHEDULE_ENDS = Declared(
    name="drorch_schedule_instants",
    type=FamilyType.COUNTER,
    labels=("outcome", "schedule"),
    cap=SCHEDULES,
    help="Nominal instants of schedules by how they ended.",
)
SCHEDULE_OPEN = Declared(
    name="drorch_schedule_instants_open",
    labels=("schedule",),
    cap=SCHEDULES,
    help="Nominal instants that were begun and have not ended.",
)
SCHEDULE_UNCLAIMED = Declared(
    name="drorch_schedule_instants_unclaimed",
    help="Owed instants that no scheduler has taken; absent when no schedule was ever adopted.",
)

REASONS = ("approval", "pause", "unknown-step", "decision", "interrupted")
MOVES = frozenset({Kind.FAILOVER, Kind.SWITCHOVER})
"""The kinds whose verdict says whether an application can be recovered."""


def fixed_families(facts: MetricFacts) -> tuple[Family, ...]:
    """All families of the fixed page. What was never observed is absent, never 0."""
    return (
        BUILD.of([((__version__,), 1)]),
        UNREADABLE.of(((what,), number) for what, number in sorted(facts.unreadable.items())),
        *_catalog(facts.catalog),
        *_runs(facts),
        *_steps(facts.runs),
        *_people(facts),
        *_last_runs(facts),
        *_journal(facts.runs),
        *_actions(facts),
        *_schedule(facts.schedule),
        *access_families(facts.access),
    )


def _actions(facts: MetricFacts) -> Iterator[Family]:
    if facts.actions is not None:
        counts = facts.actions.items()
        yield ACTIONS.of(((severity, name), n) for name, by_severity in counts for severity, n in by_severity.items())


def _catalog(facts: CatalogFacts) -> Iterator[Family]:
    yield CATALOG_GOOD.of([((), facts.good)])
    if facts.loaded_at is not None:
        yield CATALOG_TIME.of([((), facts.loaded_at)])
    found = Counter((finding.code, finding.severity.value) for finding in facts.findings)
    yield CATALOG_FINDINGS.of(sorted(found.items()))
    if facts.catalog is not None:
        yield from _entries(facts.catalog)


def _entries(catalog: Catalog) -> Iterator[Family]:
    apps = catalog.applications
    yield _counted(CATALOG_APPLICATIONS, ((app.arrangement.value, app.scope.value, str(app.tier)) for app in apps))
    claimed = catalog.totals
    yield CATALOG_CLAIMED.of([(("departmental",), claimed.departmental), (("enterprise",), claimed.enterprise)])
    yield _counted(CATALOG_NAMES, ((app.provenance_of("name").kind.value,) for app in apps))
    yield _counted(
        CATALOG_OBJECTIVES,
        ((objective, app.provenance_of(objective).kind.value) for app in apps for objective in ("rpo", "rto")),
    )


def _runs(facts: MetricFacts) -> Iterator[Family]:
    runs = facts.runs
    yield _counted(RUNS, ((run.kind.value, end.outcome) for run in runs for end in run.ends))
    active = Counter(run.kind.value for run in runs if run.started and run.outcome is None)
    yield RUNS_ACTIVE.of(((kind.value,), active[kind.value]) for kind in Kind)
    reported = {report.run for report in facts.reports}
    yield RUNS_REPORTLESS.of([((), sum(run.outcome is not None and run.run not in reported for run in runs))])
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        seconds[run.kind.value] += [end.seconds for end in run.ends if end.seconds is not None]
    yield RUN_SECONDS.histogram((((kind,), seen) for kind, seen in sorted(seconds.items()) if seen), RUN_BOUNDS)
    yield from _ends(runs)


def _ends(runs: Iterable[RunSummary]) -> Iterator[Family]:
    last: dict[tuple[str, str], RunEnd] = {}
    for run in runs:
        for end in run.ends:
            key = (run.kind.value, end.outcome)
            last[key] = max(last.get(key, end), end, key=lambda item: item.at)
    yield LAST_END.of((key, end.at) for key, end in sorted(last.items()))
    yield LAST_SECONDS.of((key, end.seconds) for key, end in sorted(last.items()) if end.seconds is not None)


def _steps(runs: Iterable[RunSummary]) -> Iterator[Family]:
    outcomes, retries, refusals = Counter[tuple[str, str]](), Counter[str](), Counter[str]()
    active = Counter[tuple[str, str]]()
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        outcomes.update(run.steps)
        retries.update(run.retries)
        refusals.update(run.refusals)
        for act, lengths in run.step_seconds.items():
            seconds[act] += lengths
        if run.started and run.outcome is None:
            active.update({(run.kind.value, status): number for status, number in run.statuses.items()})
    yield STEPS.of(sorted(outcomes.items()))
    yield STEP_SECONDS.histogram((((act,), seen) for act, seen in sorted(seconds.items())), STEP_BOUNDS)
    yield RETRIES.of(((act,), number) for act, number in sorted(retries.items()))
    yield REFUSALS.of(((interlock,), number) for interlock, number in sorted(refusals.items()))
    yield ACTIVE_STEPS.of(sorted(active.items()))


def _people(facts: MetricFacts) -> Iterator[Family]:
    waited: dict[tuple[str, str], float] = defaultdict(float)
    for run in facts.runs:
        for reason, seconds in run.waits.items():
            waited[run.kind.value, reason] += seconds
    yield WAITED.of(sorted(waited.items()))
    since: dict[str, list[float]] = {reason: [] for reason in REASONS}
    for run in waiting_runs(facts.runs):
        for need in run.needs:
            since[need.reason].append(need.since)
    yield NEEDED.of(((reason,), len(times)) for reason, times in since.items())
    yield NEEDED_SINCE.of(((reason,), min(times)) for reason, times in since.items() if times)
    yield REQUESTS.of([((), facts.requests)])


def _last_runs(facts: MetricFacts) -> Iterator[Family]:
    last = {report.kind: report for report in facts.reports if report.ended_at is not None}
    kinds = sorted(last)
    yield LAST_RESULT.of(((kind.value, last[kind].overall.value), 1) for kind in kinds)
    verdicts = {kind: Counter(app.verdict.value for app in last[kind].applications.values()) for kind in kinds}
    yield LAST_APPLICATIONS.of(
        ((kind.value, verdict), number) for kind in kinds for verdict, number in sorted(verdicts[kind].items())
    )
    proved = {
        report.kind: report.ended_at
        for report in facts.reports
        if report.ended_at is not None and any(app.samples for app in report.applications.values())
    }
    yield EVIDENCE_TIME.of(((kind.value,), at) for kind, at in sorted(proved.items()))
    if facts.catalog.catalog is not None:
        yield _counted(APPS, _verdicts(facts.catalog.catalog, facts.reports))


def _verdicts(catalog: Catalog, reports: Iterable[ReportSummary]) -> Iterator[tuple[str, str]]:
    verdicts: dict[str, str] = {}
    for report in reports:
        if report.kind in MOVES and report.ended_at is not None:
            verdicts |= {app.application: app.verdict.value for app in report.applications.values()}
    for app in catalog.applications:
        beyond = "never-tested" if catalog.recovery_site_of(app) else "no-recovery-site"
        yield str(app.tier), verdicts.get(app.id, beyond)


def _journal(runs: tuple[RunSummary, ...]) -> Iterator[Family]:
    yield JOURNAL_RUNS.of([((), len(runs))])
    yield JOURNAL_EVENTS.of([((), sum(run.events for run in runs))])
    if runs:
        yield JOURNAL_HEAD.of([((), max(run.last_event_at for run in runs))])


def _schedule(facts: ScheduleFacts) -> Iterator[Family]:
    yield SCHEDULE_NEXT.of(((of,), at) for of, at in sorted(facts.next_at.items()))
    yield SCHEDULE_LAST.of(sorted(facts.last_at.items()))
    yield SCHEDULE_ENDS.of(sorted(facts.ends.items()))
    yield SCHEDULE_OPEN.of(((of,), number) for of, number in sorted(facts.open.items()))
    if facts.unclaimed is not None:
        yield SCHEDULE_UNCLAIMED.of([((), facts.unclaimed)])


def _counted(declared: Declared, keys: Iterable[tuple[str, ...]]) -> Family:
    counts: Mapping[tuple[str, ...], int] = Counter(keys)
    return declared.of(sorted(counts.items()))
