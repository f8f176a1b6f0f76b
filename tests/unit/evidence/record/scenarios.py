"""Runs as the report sees them: a small estate, hand-made plans, journals and measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from drorch.catalog.model import (
    Application,
    Arrangement,
    Catalog,
    Department,
    Objective,
    ProtectionGroup,
    Provenance,
    ProvenanceKind,
    RtoFrom,
    Scope,
    Site,
    SiteRole,
    Totals,
)
from drorch.core.clock import Instant
from drorch.core.findings import Finding, Severity
from drorch.core.ids import content_hash
from drorch.evidence.baseline import Against, Comparison
from drorch.evidence.model import Bracket, DataLoss, Duration, LossStatus, Outage, OutageStatus
from drorch.evidence.objectives import score
from drorch.evidence.protection import Protection, ProtectionSample
from drorch.evidence.protection import measure as measure_protection
from drorch.evidence.record.build import build_report
from drorch.evidence.record.model import Report, TimeSpent
from drorch.plan.model import (
    PLAN_SCHEMA,
    ApplicationScope,
    Kind,
    Limits,
    Phase,
    Plan,
    PlaybookAct,
    Repeat,
    ReplicationAct,
    Selection,
    Step,
    SubjectKind,
    ValidateAct,
    WitnessAct,
)
from drorch.run.events import (
    JOURNAL_SCHEMA,
    Approved,
    Body,
    Declared,
    DriverAttached,
    Event,
    InterlockRefused,
    RetryRequested,
    RunCreated,
    RunEnded,
    RunOutcome,
    RunStarted,
    StepFailed,
    StepStarted,
    StepSucceeded,
)
from drorch.run.interlocks import groups_of

RUN = "20260214-0300-failover-7k2q"
ORIGIN = Instant(mono=5000.0, wall=datetime(2026, 2, 14, 3, 0, 0, tzinfo=UTC))
BREAK_AT = 5002.0
ATTESTED = Provenance(kind=ProvenanceKind.ATTESTED, source="A/67/266 para. 56")
SYNTHETIC = Provenance(kind=ProvenanceKind.SYNTHETIC)
CATALOG_ID = content_hash("the small estate of the report tests")


def application(
    app_id: str,
    name: str,
    *,
    group: str = "nyc-finance",
    tier: int = 1,
    rto_s: float = 14400.0,
    rpo_s: float = 900.0,
    rto_from: RtoFrom = RtoFrom.DISRUPTION,
    arrangement: Arrangement = Arrangement.STANDBY,
    depends_on: tuple[str, ...] = (),
    objectives: Provenance | None = None,
) -> Application:
    return Application(
        id=app_id,
        name=name,
        description=f"What {name} is for.",
        scope=Scope.ENTERPRISE if tier < 3 else Scope.DEPARTMENTAL,
        tier=tier,
        department="dm",
        arrangement=arrangement,
        group=group,
        rto=Objective(seconds=rto_s, basis="impact analysis 2012", owner="Department of Management"),
        rpo=Objective(seconds=rpo_s),
        rto_from=rto_from,
        depends_on=depends_on,
        provenance={"name": ATTESTED} | ({"rto": objectives, "rpo": objectives} if objectives else {}),
    )


APPLICATIONS = (
    application("umoja", "Umoja", objectives=ATTESTED),
    application("payroll", "Payroll", depends_on=("umoja",), rto_s=900.0),
    application("treasury", 'Treasury <b>&</b> "banking"', depends_on=("payroll",), tier=2, objectives=SYNTHETIC),
    application("documents", "联合国正式文件系统", group="nyc-content", tier=2, rto_s=4.0, rpo_s=5.0),
    application("library", "مكتبة داغ همرشولد", group="nyc-content", tier=3, rpo_s=60.0),
    application(
        "correspondence",
        "Correspondence Tracking and Registry of the Executive Office of the Secretary-General (successor system)",
        group="nyc-content",
        tier=3,
        rto_from=RtoFrom.DECLARATION,
    ),
    application("intranet", "iSeek", group="nyc-content", tier=4, rto_s=172800.0),
    application("gateway", "Mobile Office gateway", group="nyc-content", tier=1, rto_s=10.0),
    application("archive", "Archive viewer", group="bds-local", arrangement=Arrangement.REMOTE_ACCESS, tier=4),
    application("badge", "Badge printing", group="nyc-local", arrangement=Arrangement.REMOTE_ACCESS, tier=4),
)

CATALOG = Catalog(
    schema=1,
    title="A small estate for the report's tests",
    totals=Totals(applications=10, enterprise=5, departmental=5),
    sites=(
        Site(id="nyc", name="North Lawn Building", role=SiteRole.PRIMARY, mirror="piscataway"),
        Site(id="piscataway", name="Piscataway", role=SiteRole.RECOVERY),
        Site(id="brindisi", name="Brindisi", role=SiteRole.PRIMARY, mirror="valencia"),
        Site(id="valencia", name="Valencia", role=SiteRole.RECOVERY),
    ),
    departments=(Department(id="dm", name="Department of Management"),),
    groups=(
        ProtectionGroup(
            id="nyc-finance",
            name="Finance",
            method="postgresql_streaming",
            primary_site="nyc",
            recovery_site="piscataway",
        ),
        ProtectionGroup(
            id="nyc-content",
            name="Content",
            method="postgresql_streaming",
            primary_site="nyc",
            recovery_site="piscataway",
        ),
        ProtectionGroup(id="bds-local", name="Local", method="none", primary_site="brindisi", recovery_site=None),
        ProtectionGroup(id="nyc-local", name="Local", method="none", primary_site="nyc", recovery_site=None),
    ),
    applications=APPLICATIONS,
    content_id=CATALOG_ID,
)
MOVING = tuple(app for app in APPLICATIONS if app.arrangement is Arrangement.STANDBY)


def step(
    step_id: str,
    act: PlaybookAct | ValidateAct | WitnessAct | ReplicationAct,
    *,
    kind: SubjectKind,
    phase: Phase,
    needs: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> Step:
    subject, verb = step_id.split("/")
    playbook = isinstance(act, PlaybookAct)
    return Step(
        id=step_id,
        title=f"{verb.replace('-', ' ').capitalize()} {subject}",
        subject_kind=kind,
        subject=subject,
        phase=phase,
        act=act,
        site="piscataway",
        needs=needs,
        after=after,
        timeout_s=120.0,
        estimate_s=3.0 if playbook else 1.0,
        repeat=Repeat.AFTER_PROBE if playbook else Repeat.SAFE,
    )


def play(name: str, *hosts: str) -> PlaybookAct:
    return PlaybookAct(playbook=name, hosts=hosts)


def failover_plan() -> Plan:
    steps = [
        step(
            "nyc/witness",
            WitnessAct(site="nyc", witnesses=("brindisi", "valencia")),
            kind=SubjectKind.SITE,
            phase=Phase.CHECK,
        )
    ]
    for group in ("nyc-finance", "nyc-content"):
        recover = play("postgresql_streaming/recover.yml", f"db-{group}-piscataway")
        steps.append(
            step(f"{group}/recover", recover, kind=SubjectKind.GROUP, phase=Phase.RECOVER, needs=("nyc/witness",))
        )
    for app in MOVING:
        needs = (f"{app.group}/recover", *(f"{needed}/validate" for needed in app.depends_on))
        start = play("application/start.yml", "apps-piscataway")
        steps.append(step(f"{app.id}/start", start, kind=SubjectKind.APPLICATION, phase=Phase.SERVE, needs=needs))
        steps.append(
            step(
                f"{app.id}/validate",
                ValidateAct(application=app.id, site="piscataway"),
                kind=SubjectKind.APPLICATION,
                phase=Phase.VALIDATE,
                needs=(f"{app.id}/start",),
            )
        )
    steps.append(
        step(
            "archive/validate",
            ValidateAct(application="archive", site="brindisi", remote_access=True),
            kind=SubjectKind.APPLICATION,
            phase=Phase.VALIDATE,
            needs=("gateway/validate",),
        )
    )
    scope = tuple(ApplicationScope(application=app.id, from_site="nyc", to_site="piscataway") for app in MOVING)
    return plan(
        Kind.FAILOVER,
        "Failover of nyc",
        (
            *scope,
            ApplicationScope(application="archive", from_site="brindisi", to_site="brindisi", remote_access=True),
            ApplicationScope(
                application="badge",
                from_site="nyc",
                to_site=None,
                remote_access=True,
                reason="hosted at the lost site; it covers denial of the building, not loss of the data centre",
            ),
        ),
        steps,
        lost="nyc",
    )


def drill_plan() -> Plan:
    group, apps = "nyc-finance", [app for app in MOVING if app.group == "nyc-finance"]
    check = ReplicationAct(group=group, primary="nyc", standby="piscataway", max_lag_s=10.0)
    node = f"db-{group}-piscataway"
    steps = [
        step(f"{group}/check", check, kind=SubjectKind.GROUP, phase=Phase.CHECK),
        step(
            f"{group}/drill",
            play("postgresql_streaming/drill.yml", node),
            kind=SubjectKind.GROUP,
            phase=Phase.RECOVER,
            needs=(f"{group}/check",),
        ),
    ]
    for app in apps:
        for verb, act, phase, needs, after in (
            (
                "drill-start",
                play("application/drill_start.yml", "apps-piscataway"),
                Phase.SERVE,
                (f"{group}/drill",),
                (),
            ),
            (
                "validate",
                ValidateAct(application=app.id, site="piscataway", drill=True),
                Phase.VALIDATE,
                (f"{app.id}/drill-start",),
                (),
            ),
            (
                "drill-stop",
                play("application/drill_stop.yml", "apps-piscataway"),
                Phase.CLEAN_UP,
                (),
                (f"{app.id}/validate",),
            ),
        ):
            steps.append(
                step(f"{app.id}/{verb}", act, kind=SubjectKind.APPLICATION, phase=phase, needs=needs, after=after)
            )
    steps.append(
        step(
            f"{group}/drill-clean-up",
            play("postgresql_streaming/drill_cleanup.yml", node),
            kind=SubjectKind.GROUP,
            phase=Phase.CLEAN_UP,
            after=tuple(f"{app.id}/drill-stop" for app in apps),
        )
    )
    scope = tuple(ApplicationScope(application=app.id, from_site="nyc", to_site="piscataway") for app in apps)
    return plan(Kind.DRILL, "Drill of group nyc-finance", scope, steps)


def readiness_plan() -> Plan:
    apps = [app for app in MOVING if app.group == "nyc-content"]
    steps = [
        step(
            f"{app.id}/validate",
            ValidateAct(application=app.id, site="nyc"),
            kind=SubjectKind.APPLICATION,
            phase=Phase.VALIDATE,
        )
        for app in apps
    ]
    scope = tuple(ApplicationScope(application=app.id, from_site="nyc", to_site="nyc") for app in apps)
    return plan(Kind.READINESS, "Readiness of group nyc-content", scope, steps)


def plan(
    kind: Kind, title: str, scope: tuple[ApplicationScope, ...], steps: Sequence[Step], lost: str | None = None
) -> Plan:
    return Plan(
        schema=PLAN_SCHEMA,
        kind=kind,
        title=title,
        selection=Selection(),
        lost_site=lost,
        catalog_id=CATALOG_ID,
        estate_id=None,
        playbooks_id=content_hash("playbooks"),
        scope=scope,
        steps=tuple(steps),
        limits=Limits(),
    )


@dataclass
class Diary:
    """A journal written by hand: each entry advances its own clock."""

    run: str = RUN
    mono: float = ORIGIN.mono
    events: list[Event] = field(default_factory=list)

    def write(self, body: Body, *, at: float | None = None) -> None:
        self.mono = self.mono + 0.25 if at is None else at
        wall = ORIGIN.wall + timedelta(seconds=self.mono - ORIGIN.mono)
        seq = len(self.events) + 1
        self.events.append(
            Event(
                run=self.run,
                seq=seq,
                at=Instant(mono=self.mono, wall=wall),
                body=body,
                chain=content_hash([self.run, seq, type(body).__name__]),
            )
        )

    def open(self, of: Plan, *, approver: str | None = "R. Approver", starts: bool = True) -> None:
        plan_id = content_hash(of.title)
        self.write(
            RunCreated(
                schema=JOURNAL_SCHEMA,
                drorch_version="0.1.0",
                plan_id=plan_id,
                catalog_id=CATALOG_ID,
                estate_id=content_hash("estate"),
                kind=of.kind.value,
                groups=tuple(sorted(groups_of(of))),
                operator="O. Operator",
                host="control.example",
            ),
            at=ORIGIN.mono,
        )
        if approver:
            self.write(Approved(plan_id=plan_id, person=approver, reason="yearly test"))
        if of.lost_site:
            self.write(Declared(site=of.lost_site, person="D. Director", reason="no site answers"), at=5006.0)
        self.write(DriverAttached(host="control.example", pid=4711))
        if starts:
            self.write(RunStarted())

    def perform(
        self, of: Plan, failing: dict[str, tuple[str, str]] | None = None, *, retried: str | None = None
    ) -> None:
        """Perform steps in waves; a step in ``failing`` fails with that code and reason."""
        failing = failing or {}
        bad: set[str] = set()
        done: dict[str, float] = {}
        base = self.mono
        marks: list[tuple[float, Body]] = []
        for item in of.steps:
            if any(needed in bad for needed in item.needs):
                bad.add(item.id)
                continue
            start = max([base, *(done.get(other, base) for other in item.needs + item.after)]) + 0.1
            length = 2.4 if isinstance(item.act, PlaybookAct) else 0.62
            attempt = 1
            if item.id == retried:
                marks += [
                    (start, StepStarted(step=item.id, attempt=1, ident=ident(item.id, 1))),
                    (start + 1.0, StepFailed(step=item.id, attempt=1, code="unreachable", reason="no answer")),
                    (start + 1.2, RetryRequested(step=item.id, person="O. Operator", reason="network was back")),
                ]
                start, attempt = start + 1.3, 2
            marks.append((start, StepStarted(step=item.id, attempt=attempt, ident=ident(item.id, attempt))))
            done[item.id] = start + length
            if item.id in failing:
                code, reason = failing[item.id]
                bad.add(item.id)
                marks.append((start + length, StepFailed(step=item.id, attempt=attempt, code=code, reason=reason)))
            else:
                marks.append((start + length, StepSucceeded(step=item.id, attempt=attempt, facts={"processed": 1})))
        for at, body in sorted(marks, key=lambda mark: mark[0]):
            self.write(body, at=at)

    def end(self, outcome: RunOutcome, reason: str = "") -> None:
        self.write(RunEnded(outcome=outcome, reason=reason))

    def ended_at(self, step_id: str) -> float | None:
        return next(
            (e.at.mono for e in self.events if isinstance(e.body, StepSucceeded) and e.body.step == step_id), None
        )


def ident(step_id: str, attempt: int) -> str:
    return f"{step_id.replace('/', '--')}.{attempt}"


def recovered(app_id: str, up_at: float) -> Outage:
    began = Bracket(earliest=BREAK_AT - 0.08, latest=BREAK_AT + 0.13)
    ended = Bracket(earliest=up_at - 0.11, latest=up_at + 0.1)
    middle = ended.middle - began.middle
    return Outage(
        application=app_id,
        status=OutageStatus.RECOVERED,
        began=began,
        ended=ended,
        length=Duration(
            seconds=middle,
            plus=ended.latest - began.earliest - middle,
            minus=middle - (ended.earliest - began.latest),
        ),
        detected=BREAK_AT + 0.13,
        restored_by="piscataway",
        samples=140,
        bad_samples=61,
        largest_gap_s=0.21,
    )


def no_loss(app_id: str) -> DataLoss:
    exact = Duration(seconds=0.0, plus=0.0, minus=0.0)
    return DataLoss(application=app_id, status=LossStatus.MEASURED, acknowledged=14, seconds=exact)


def spent(what: str, seconds: float) -> TimeSpent:
    return TimeSpent(what=what, seconds=seconds)


def report_of(
    of: Plan,
    diary: Diary,
    outages: dict[str, Outage],
    losses: dict[str, DataLoss],
    *,
    findings: Sequence[Finding] = (),
    timings: Sequence[TimeSpent] = (),
    comparison: Comparison | None = None,
    protection: Sequence[Protection] = (),
) -> Report:
    declared = next((event.at.mono for event in diary.events if isinstance(event.body, Declared)), None)
    unmeasured = {app.id: DataLoss(application=app.id, status=LossStatus.NOT_MEASURED) for app in APPLICATIONS}
    scores = {
        app_id: score(CATALOG.application(app_id), outage, (unmeasured | losses)[app_id], declared)
        for app_id, outage in outages.items()
    }
    return build_report(
        run_id=diary.run,
        plan=of,
        catalog=CATALOG,
        events=diary.events,
        outages=outages,
        losses=losses,
        scores=scores,
        findings=findings,
        estate="embedded lab",
        timings=timings,
        comparison=comparison,
        protection=protection,
    )


def watched(group: str, pattern: str, *, start: float = ORIGIN.mono) -> Protection:
    """One look a second: ``.`` protected, ``x`` not."""
    looks = [
        ProtectionSample(
            group=group,
            started=start + second,
            ended=start + second + 0.02,
            protected=sign == ".",
            reason="" if sign == "." else "no primary answers",
        )
        for second, sign in enumerate(pattern)
    ]
    return measure_protection(group, looks, [(start, start + len(pattern) - 1)])


def good_failover() -> Report:
    """Everything comes back in time; one application cannot be recovered by any plan."""
    of, diary = failover_plan(), Diary()
    diary.open(of)
    diary.perform(of)
    diary.end(RunOutcome.COMPLETED)
    outages, losses = {}, {}
    for app in MOVING:
        started = diary.ended_at(f"{app.id}/start")
        assert started is not None
        outages[app.id], losses[app.id] = recovered(app.id, started + 0.2), no_loss(app.id)
    # Two objectives are shorter than the steps above take: in the good run these come back before them.
    outages["documents"] = recovered("documents", BREAK_AT + 3.0)
    outages["gateway"] = recovered("gateway", BREAK_AT + 7.5)
    return report_of(
        of, diary, outages, losses, timings=(spent("lab up", 31.207), spent("failover", 14.5), spent("failback", 22.0))
    )


def problem_failover() -> Report:
    """A start fails and stops two dependents; one vacuous, one missed RTO with data loss, one never measured loss."""
    of, diary = failover_plan(), Diary()
    diary.open(of)
    failing = {"payroll/start": ("task-failed", "apps-piscataway: the listener <9443> did not open within 30 s")}
    diary.perform(of, failing, retried="nyc-content/recover")
    diary.write(DriverAttached(host="control.example", pid=4799))
    diary.end(RunOutcome.INCOMPLETE, "1 step failed, 3 were not reached")
    down = Bracket(earliest=BREAK_AT - 0.08, latest=BREAK_AT + 0.13)
    outages, losses = {}, {}
    for app in MOVING:
        started = diary.ended_at(f"{app.id}/start")
        if started is None:
            outages[app.id] = Outage(
                application=app.id,
                status=OutageStatus.NOT_RECOVERED,
                began=down,
                detected=BREAK_AT + 0.13,
                samples=140,
                bad_samples=120,
                largest_gap_s=0.22,
            )
        else:
            outages[app.id], losses[app.id] = recovered(app.id, started + 0.2), no_loss(app.id)
    outages["intranet"] = Outage(
        application="intranet",
        status=OutageStatus.VACUOUS,
        samples=140,
        bad_samples=0,
        largest_gap_s=0.2,
        reason="the probe never saw an outage though the site was lost",
    )
    losses["documents"] = DataLoss(
        application="documents",
        status=LossStatus.MEASURED,
        acknowledged=14,
        lost=7,
        lost_numbers=tuple(range(8, 15)),
        seconds=Duration(seconds=7.312, plus=0.214, minus=0.105),
        duplicates=1,
        unacknowledged_found=2,
    )
    del losses["library"], losses["intranet"]
    findings = (
        Finding(
            code="site-validity",
            severity=Severity.WARNING,
            message="piscataway may be relied on until 2014-06-30 only; 7 applications need it to 2016-12-31",
            subject="piscataway",
            where="app_catalog.yaml:14 valid_until",
            next_step="extend the lease or move the applications",
        ),
    )
    return report_of(
        of,
        diary,
        outages,
        losses,
        findings=findings,
        timings=(spent("lab up", 31.2), spent("failover", 16.02)),
        protection=(
            watched("nyc-finance", "x" * 12, start=5006.5),
            watched("nyc-content", "xxx...xxxxxx", start=5006.5),
        ),
    )


def refused() -> Report:
    """An interlock says no before anything is changed."""
    of, diary = failover_plan(), Diary(run="20260214-0255-failover-aaaa")
    diary.open(of, approver="O. Operator", starts=False)
    diary.write(
        InterlockRefused(
            interlock="two-persons", reason="the approver is the operator", inputs={"operator": "O. Operator"}
        )
    )
    diary.end(RunOutcome.REFUSED, "the approver is the operator")
    return report_of(of, diary, {}, {})


def drill() -> Report:
    """An isolated copy is proved, production untouched, everything cleaned up."""
    of, diary = drill_plan(), Diary(run="20260310-0900-drill-m4aa")
    diary.open(of)
    diary.perform(of)
    diary.end(RunOutcome.COMPLETED)
    outages = {
        scope.application: Outage(
            application=scope.application,
            status=OutageStatus.UNTOUCHED,
            samples=70,
            bad_samples=0,
            largest_gap_s=0.2,
            restored_by="nyc",
        )
        for scope in of.scope
    }
    return report_of(
        of,
        diary,
        outages,
        {},
        comparison=Comparison(against=Against.BEFORE),
        protection=(watched("nyc-finance", "." * 20), watched("nyc-content", "." * 20)),
    )


def readiness() -> Report:
    """One application is not where it should be."""
    of, diary = readiness_plan(), Diary(run="20260301-0600-readiness-x1c9")
    diary.open(of, approver=None)
    diary.perform(of, {"library/validate": ("name-disagrees", "valencia still answers with brindisi")})
    diary.end(RunOutcome.INCOMPLETE, "1 step failed")
    return report_of(of, diary, {}, {})


SCENARIOS = {
    "ok-failover": good_failover,
    "problem-failover": problem_failover,
    "drill": drill,
    "readiness": readiness,
    "refused": refused,
}
