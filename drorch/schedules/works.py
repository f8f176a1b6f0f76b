"""What the schedule begins and looks after: readiness runs and drills as processes of their own, prepared runs, checks.

Only these start unattended: a readiness run, which changes nothing, and a drill that a standing approval covers. A
switchover and a failback are prepared as a run that waits for its approval; of a failover, which a person has to
declare first, only the plan is laid ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drorch.core.errors import DrorchError, NotFound
from drorch.core.files import write_whole
from drorch.core.ids import short
from drorch.core.redact import redact_text
from drorch.core.state_folder import run_folder
from drorch.evidence.record.files import load_report
from drorch.evidence.record.model import Overall
from drorch.orchestration import precedence
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import DriverProcesses, Parts
from drorch.orchestration.service import Approval, Request, Service
from drorch.plan.build import build_plan
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.model import Kind, Plan
from drorch.plan.playbook_files import family_id
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run.events import ApprovalAwaited
from drorch.run.interlocks import groups_of
from drorch.schedules.check import sites_of
from drorch.schedules.events import Outcome
from drorch.schedules.model import Part, Schedule, Slot, WorkKind
from drorch.schedules.named_checks import CheckResult, Checks
from drorch.schedules.operations import Setup
from drorch.year.local_time import local, local_day
from drorch.year.log import StandingApproval, YearEvent, YearLog

_OUTCOMES = {
    Overall.PASS: Outcome.PASSED,
    Overall.PASS_WITH_ISSUES: Outcome.PASSED_WITH_ISSUES,
    Overall.FAIL: Outcome.FAILED,
    Overall.NOT_RUN: Outcome.NOT_STARTED,
}


@dataclass(frozen=True, kw_only=True)
class RunStands:
    """A begun run: ``outcome`` None while it goes on, ``driven`` whether somebody is at it."""

    outcome: Outcome | None
    reason: str
    driven: bool
    gave_way_to: str | None


class Works:
    """Over one state folder and one loaded setup. Every method may raise DrorchError."""

    def __init__(
        self,
        parts: Parts,
        service: Service,
        operations: Operations,
        drivers: DriverProcesses,
        checks: Checks,
        year: YearLog,
        setup: Setup,
        estate_file: Callable[[], Path],
    ) -> None:
        """``estate_file``: the estate that a run is begun in; NotFound when none is named and no lab is up."""
        self._parts, self._service, self._operations = parts, service, operations
        self._drivers, self._checks, self._year = drivers, checks, year
        self.setup, self._estate_file = setup, estate_file

    def plan(self, schedule: Schedule, part: Part) -> Plan:
        """What would be run now."""
        work = schedule.work
        return build_plan(
            self.setup.catalog,
            kind=Kind.READINESS if part is Part.PRECHECK else Kind(work.kind.value),
            playbooks_id=playbooks_id(read_playbooks()),
            lose=work.lose,
            groups=work.groups,
            applications=work.applications,
        )

    def family(self, schedule: Schedule) -> str:
        """The family of the plan that its drill would run now: what a standing approval is for."""
        return family_id(self.plan(schedule, Part.MAIN), read_playbooks())

    def standing_approval(self, schedule: Schedule) -> YearEvent | None:
        """The approval that covers exactly what the drill would do now, on this day."""
        event = self._year.state().approvals.get(schedule.id)
        today = local_day(self._parts.clock.now().wall, self.setup.programme.timezone)
        if event is None or not isinstance(event.body, StandingApproval) or today > event.body.until:
            return None
        return event if event.body.family == self.family(schedule) else None

    def standing_approval_of_drill(self, schedule: Schedule) -> YearEvent | None:
        """As :meth:`standing_approval`; None for what is no drill."""
        return self.standing_approval(schedule) if schedule.work.kind is WorkKind.DRILL else None

    def closed(self, schedule: Schedule, at: datetime) -> str | None:
        """Why not every site concerned is open from ``at`` on for all of it; None when they are."""
        windows = self.setup.programme.windows
        for site in sites_of(schedule, self.setup.catalog) if schedule.windows else ():
            if not windows.is_open_for(at, site, schedule.length_s):
                rules = windows.why(at, site)
                because = f" ({rules[0].id}: {rules[0].reason})" if rules else ""
                return f"{site} is not open for all of it from {local(at, windows.zones[site])}{because}"
        return None

    def emergency(self) -> str | None:
        """A sentence that names the real failover under way; None without one."""
        runs = sorted(precedence.emergencies(self._parts))
        return f"{runs[0]} is declared and has not ended" if runs else None

    def begin(self, slot: Slot, schedule: Schedule, *, prepare: bool) -> str:
        """Record the run of a slot, unless that was done before; a sentence on what is ready."""
        if self._parts.journal.read(slot.run):
            return f"the run {slot.run} was begun before"
        plan = self.plan(schedule, slot.part)
        if plan.kind is Kind.FAILOVER:
            return self._lay_ready(slot, plan)
        why = f"scheduled: {slot.key}"
        approvals: tuple[Approval, ...] = ()
        if not prepare and plan.kind is Kind.DRILL:
            event = self.standing_approval(schedule)
            if event is None:
                raise NotFound("the standing approval does not hold any more", next_step="let a person approve")
            reason = f"standing approval {event.seq} of {event.at.date()}, for {why}: {event.reason}"
            approvals = (Approval(person=event.person, reason=reason),)
        request = Request(
            plan=plan,
            catalog_file=self.setup.files.catalog,
            estate_file=self._estate_file(),
            operator=schedule.owner,
            approvals=approvals,
            awaits=ApprovalAwaited(person=schedule.owner, reason=why, within_s=0) if prepare else None,
            run=slot.run,
            year=self.setup.files.year,
        )
        self._service.begin(request)
        if not prepare:
            return f"run {slot.run}"
        hash_ = short(plan_id(plan))
        return f"run {slot.run} waits: drorch run approve {slot.run} --by NAME --plan {hash_} --reason WHY --attach"

    def _lay_ready(self, slot: Slot, plan: Plan) -> str:
        path = self._parts.home / "plans" / f"{slot.run}.json"
        write_whole(path, plan_to_text(plan))
        return f"a failover needs a declaration; its plan is ready: drorch run start {path} --declared-by NAME ..."

    def drive(self, run: str) -> None:
        """Let a process of its own drive the run, unless one does."""
        self._drivers.start(self._parts.home, run)

    def stands(self, run: str) -> RunStands:
        """How a begun run stands."""
        now = self._operations.now(run)
        driven = now.driven or self._drivers.alive(self._parts.home, run)
        gave_way = precedence.gave_way_to(now.events)
        recorded = run_folder(self._parts.home, run).report("json").exists()
        if now.state.ended is None or not recorded or driven:
            said = redact_text(self._drivers.said(self._parts.home, run), ())[-300:]
            return RunStands(outcome=None, reason=said, driven=driven, gave_way_to=gave_way)
        result = load_report(self._parts.home, run).result
        outcome, reason = _OUTCOMES[result.overall], now.state.ended.reason or result.overall.value
        return RunStands(outcome=outcome, reason=reason, driven=False, gave_way_to=gave_way)

    def give_way(self, run: str) -> str | None:
        """When a real failover needs a group that this drill holds, ask the drill to clean up; the failover's id."""
        plan = self._operations.now(run).plan
        for failover, groups in sorted(precedence.emergencies(self._parts).items()):
            held = plan.kind is Kind.DRILL and groups & groups_of(plan)
            if held and precedence.give_way(self._parts, self._operations, self._drivers, run, failover):
                return failover
        return None

    def check(self, schedule: Schedule) -> CheckResult:
        """Ask the check that the schedule names."""
        name = schedule.work.check or ""
        if name not in self._checks:
            return CheckResult(good=None, summary=f"there is no check {name!r} here")
        try:
            return self._checks[name]()
        except DrorchError as error:
            return CheckResult(good=None, summary=f"not known: {error.what}")
