"""The page with the series of each application. Most critical applications come first: a cap drops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drorch.catalog.model import Catalog
from drorch.evidence.record.model import ApplicationVerdict
from drorch.metrics.facts import MetricFacts, waiting_runs
from drorch.metrics.families import MAX_APPLICATIONS, Declared, Family, Labels
from drorch.metrics.fixed import MOVES
from drorch.metrics.report_facts import ReportedApplication, ReportSummary
from drorch.plan.model import Kind

BY_KIND = MAX_APPLICATIONS * len(Kind)

INFO = Declared(
    name="drorch_app_info",
    labels=("app", "arrangement", "department", "recovery_site", "scope", "site", "tier"),
    help="Attributes of an application; always 1. Join on app. Empty recovery_site: none.",
    cap=MAX_APPLICATIONS,
)
RTO_TARGET = Declared(
    name="drorch_app_rto_target_seconds", labels=("app",), help="Recovery time objective.", cap=MAX_APPLICATIONS
)
RPO_TARGET = Declared(
    name="drorch_app_rpo_target_seconds", labels=("app",), help="Recovery point objective.", cap=MAX_APPLICATIONS
)
RTO_ACHIEVED = Declared(
    name="drorch_app_rto_achieved_seconds",
    labels=("app", "kind"),
    help="Recovery time measured in the last run of this kind that measured it; absent if never measured.",
    cap=BY_KIND,
)
RTO_LONGEST = Declared(
    name="drorch_app_rto_achieved_upper_bound_seconds",
    labels=("app", "kind"),
    help="What that recovery time was at most, by the uncertainty of its measurement.",
    cap=BY_KIND,
)
RTO_TIME = Declared(
    name="drorch_app_rto_achieved_timestamp_seconds",
    labels=("app", "kind"),
    help="Unix time at which the run with that recovery time ended.",
    cap=BY_KIND,
)
RPO_ACHIEVED = Declared(
    name="drorch_app_rpo_achieved_seconds",
    labels=("app", "kind"),
    help="Data loss measured in the last run of this kind that measured it; absent if never measured.",
    cap=BY_KIND,
)
RPO_LONGEST = Declared(
    name="drorch_app_rpo_achieved_upper_bound_seconds",
    labels=("app", "kind"),
    help="What that data loss was at most, by the uncertainty of its measurement.",
    cap=BY_KIND,
)
RPO_TIME = Declared(
    name="drorch_app_rpo_achieved_timestamp_seconds",
    labels=("app", "kind"),
    help="Unix time at which the run with that data loss ended.",
    cap=BY_KIND,
)
RECORDS_LOST = Declared(
    name="drorch_app_records_lost",
    labels=("app", "kind"),
    help="Acknowledged records lost in the last run of this kind that measured it.",
    cap=BY_KIND,
)
VERDICT = Declared(
    name="drorch_app_verdict",
    labels=("app", "kind", "verdict"),
    help="Verdict of the last run of this kind with the application in scope; always 1.",
    cap=BY_KIND,
)
TEST_TIME = Declared(
    name="drorch_app_last_test_timestamp_seconds",
    labels=("app", "kind"),
    help="Unix time at which the last run of this kind with the application in scope ended, whatever its result.",
    cap=BY_KIND,
)
SUCCESS_TIME = Declared(
    name="drorch_app_last_successful_test_timestamp_seconds",
    labels=("app",),
    help="Unix time at which the last failover or switchover in which it met RTO and RPO ended.",
    cap=MAX_APPLICATIONS,
)
EVIDENCE = Declared(
    name="drorch_app_evidence_timestamp_seconds",
    labels=("app",),
    help="Unix time at which the last run that has samples of the application ended.",
    cap=MAX_APPLICATIONS,
)
REACHED = Declared(
    name="drorch_app_remote_access_reached",
    labels=("app",),
    help="1 if it was reached through the remote-access gateway when last tried; absent if never tried.",
    cap=MAX_APPLICATIONS,
)
RECOVERY_START = Declared(
    name="drorch_app_recovery_start_timestamp_seconds",
    labels=("app",),
    help="Unix time of the declaration (or stop, in a planned move) of an application not yet recovered.",
    cap=MAX_APPLICATIONS,
)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A result, and when the run it is from ended (Unix seconds)."""

    at: float
    result: ReportedApplication


_Last = Mapping[tuple[str, Kind], _Seen]
_Rows = Iterator[tuple[Labels, float]]


class _Names:
    """The applications in the order of the page, with labels that the families share: their text is made once."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = ids
        self._of_app = {app: Labels(pairs=(("app", app),)) for app in ids}
        self._of_kind: dict[tuple[str, Kind], Labels] = {}

    def app(self, app: str) -> Labels:
        """``{app}``."""
        return self._of_app[app]

    def app_kind(self, app: str, kind: Kind) -> Labels:
        """``{app, kind}``."""
        found = self._of_kind.get((app, kind))
        if found is None:
            found = self._of_kind[app, kind] = Labels(pairs=(("app", app), ("kind", kind.value)))
        return found


def application_families(facts: MetricFacts) -> tuple[Family, ...]:
    """All families of the page; empty when no catalog was ever readable. What was not measured is absent."""
    catalog = facts.catalog.catalog
    if catalog is None:
        return ()
    names = _Names([app.id for app in sorted(catalog.applications, key=lambda app: (app.tier, app.id))])
    return (
        *_targets(catalog, names),
        *_measured(names, facts.reports),
        *_tests(names, facts.reports),
        RECOVERY_START.of_labelled(_recovering(names, facts)),
    )


def _targets(catalog: Catalog, names: _Names) -> Iterator[Family]:
    apps = [catalog.application(app) for app in names.ids]
    yield INFO.of(
        (
            (
                app.id,
                app.arrangement.value,
                app.department,
                catalog.recovery_site_of(app) or "",
                app.scope.value,
                catalog.primary_site_of(app),
                app.tier,
            ),
            1,
        )
        for app in apps
    )
    yield RTO_TARGET.of_labelled((names.app(app.id), app.rto.seconds) for app in apps)
    yield RPO_TARGET.of_labelled((names.app(app.id), app.rpo.seconds) for app in apps)


def _measured(names: _Names, reports: Sequence[ReportSummary]) -> Iterator[Family]:
    times = _last(reports, lambda result: result.recovery_s is not None)
    yield RTO_ACHIEVED.of_labelled(_rows(names, times, lambda seen: seen.result.recovery_s))
    yield RTO_LONGEST.of_labelled(_rows(names, times, lambda seen: seen.result.recovery_at_most_s))
    yield RTO_TIME.of_labelled(_rows(names, times, lambda seen: seen.at))
    losses = _last(reports, lambda result: result.loss_s is not None)
    yield RPO_ACHIEVED.of_labelled(_rows(names, losses, lambda seen: seen.result.loss_s))
    yield RPO_LONGEST.of_labelled(_rows(names, losses, lambda seen: seen.result.loss_at_most_s))
    yield RPO_TIME.of_labelled(_rows(names, losses, lambda seen: seen.at))
    records = _last(reports, lambda result: result.records_lost is not None)
    yield RECORDS_LOST.of_labelled(_rows(names, records, lambda seen: seen.result.records_lost))


def _tests(names: _Names, reports: Sequence[ReportSummary]) -> Iterator[Family]:
    every = _last(reports)
    yield VERDICT.of(
        ((app, kind.value, every[app, kind].result.verdict.value), 1)
        for app in names.ids
        for kind in Kind
        if (app, kind) in every
    )
    yield TEST_TIME.of_labelled(_rows(names, every, lambda seen: seen.at))
    moves = [report for report in reports if report.kind in MOVES]
    yield SUCCESS_TIME.of_labelled(
        _latest(names, _last(moves, lambda result: result.verdict is ApplicationVerdict.PASS))
    )
    yield EVIDENCE.of_labelled(_latest(names, _last(reports, lambda result: result.samples > 0)))
    reached: dict[str, bool] = {}
    for report in reports:
        if report.ended_at is not None:
            reached |= report.reached
    yield REACHED.of_labelled((names.app(app), reached[app]) for app in names.ids if app in reached)


def _recovering(names: _Names, facts: MetricFacts) -> _Rows:
    since: dict[str, float] = {}
    for run in waiting_runs(facts.runs):
        since |= run.recovering
    return ((names.app(app), since[app]) for app in names.ids if app in since)


def _last(reports: Iterable[ReportSummary], fits: Callable[[ReportedApplication], bool] | None = None) -> _Last:
    """The last result of each application and kind of run, among those that fit."""
    return {
        (result.application, report.kind): _Seen(at=report.ended_at, result=result)
        for report in reports
        if report.ended_at is not None
        for result in report.applications.values()
        if fits is None or fits(result)
    }


def _rows(names: _Names, last: _Last, number: Callable[[_Seen], float | None]) -> _Rows:
    for app in names.ids:
        for kind in Kind:
            value = number(last[app, kind]) if (app, kind) in last else None
            if value is not None:
                yield names.app_kind(app, kind), value


def _latest(names: _Names, last: _Last) -> _Rows:
    """The latest end over all kinds."""
    for app in names.ids:
        ends = [last[app, kind].at for kind in Kind if (app, kind) in last]
        if ends:
            yield names.app(app), max(ends)
