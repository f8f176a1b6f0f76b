"""The use cases of a run: begin, drive, conclude. Names ports only; ``app.composition`` puts adapters behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drorch.catalog.files import MAX_CATALOG_BYTES, load_catalog_file
from drorch.catalog.model import Catalog
from drorch.core.codec import plain
from drorch.core.errors import Refused
from drorch.core.files import read_file, read_input, write_whole
from drorch.core.ids import canonical_json
from drorch.core.state_folder import RunContext, RunFolder, WatchFolder, run_folder, watch_folder
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.evidence.fingerprint_files import write_fingerprints
from drorch.evidence.record.build import build_report
from drorch.evidence.record.codec import report_to_text
from drorch.evidence.record.model import Report, TimeSpent
from drorch.orchestration import alert_silence, baselines, run_start, start_conditions
from drorch.orchestration.boot_log import boots_of, note_boot
from drorch.orchestration.held_groups import groups_held, holding
from drorch.orchestration.measurement import measure_run
from drorch.orchestration.ports import Parts, PartsOfEstate
from drorch.orchestration.prior_watch import wait_for_baseline, watch_before
from drorch.orchestration.run_list import RunLine, run_line
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.files import load_plan_file
from drorch.plan.model import Kind, Plan
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text
from drorch.run import events as ev
from drorch.run.conditions import Conditions
from drorch.run.driver import Driver
from drorch.run.progress import StepStatus
from drorch.run.state import RunState, fold

SETTLE_S = 1.5
WATCH_MAX_S = 4 * 3600.0
POLL_S = 0.1
DETECT_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who approves the plan, and why."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything a person says when starting a run."""

    plan: Plan
    catalog_file: Path
    estate_file: Path
    operator: str
    approvals: tuple[Approval, ...] = ()
    declared_by: str | None = None
    declared_because: str = ""
    awaits: ev.ApprovalAwaited | None = None
    """The run waits for approvals that are still missing, instead of being refused."""
    run: str | None = None
    """The id of the run; None makes a new one. Beginning the same id twice is a JournalConflict."""
    commit: ev.CommitAgreed | None = None
    """The run waits to be committed when it was carried out; None: it ends by itself."""
    watch: str | None = None
    """A standing watch that already runs (it saw the time before the disruption). None: for a failover one that stands
    and looks at all it is about, else a new one."""
    year: Path | None = None
    """The programme whose windows have to be open; None: see `drorch.orchestration.start_conditions.programme_file`."""
    default_year: Path = start_conditions.YEAR
    """The programme when none is named by ``year`` or ``$DRORCH_YEAR``."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A run with everything loaded that belongs to it."""

    run: str
    folder: RunFolder
    plan: Plan
    catalog: Catalog
    estate: Estate
    watch: WatchFolder
    year: Path | None = None
    """The programme whose windows hold for it; None: none was owed."""


class Service:
    """Begin, drive and conclude runs. One object per command; holds no state of a run."""

    def __init__(self, parts: Parts, of_estate: PartsOfEstate) -> None:
        self._parts = parts
        self._of_estate = of_estate

    def begin(self, request: Request) -> Opened:
        """Record a new run: its folder, its watch, its first journal events. Nothing is acted on yet.

        InputInvalid when plan and catalog do not belong together; Refused is for the interlocks, in `drive`.
        """
        text = read_input(request.catalog_file, MAX_CATALOG_BYTES)
        catalog = load_catalog_file(request.catalog_file)
        estate = load_estate(request.estate_file)
        run_start.check_plan_fits(request.plan, catalog, request.catalog_file, estate, request.estate_file)
        people = (("operator", request.operator), *(("approver", item.person) for item in request.approvals))
        run_start.check_names(iter(people))
        run_start.check_commit(request.plan, request.commit)
        year = start_conditions.programme_file(
            request.plan, catalog, estate, request.year, default=request.default_year
        )
        run = request.run or self._parts.ids.new_run_id()
        folder = run_folder(self._parts.home, run, must_exist=False)
        watch = watch_folder(self._parts.home, watch_before(self._parts, request.plan, request.watch) or run)
        write_whole(folder.catalog, text.decode("utf-8"))
        context = RunContext(
            estate=str(request.estate_file.absolute()),
            watch=watch.path.name,
            year=None if year is None else str(year),
        )
        write_whole(folder.context, canonical_json(plain(context)))
        write_whole(folder.plan, plan_to_text(request.plan))
        write_fingerprints(folder, run, request.plan, catalog, estate)
        opened = Opened(
            run=run, folder=folder, plan=request.plan, catalog=catalog, estate=estate, watch=watch, year=year
        )
        note_boot(folder, self._parts.boot, self._parts.clock)
        self._parts.journal.append(self._first_events(opened, request))
        return opened

    def _first_events(self, opened: Opened, request: Request) -> list[ev.Event]:
        bodies: list[ev.Body] = [run_start.created(opened.plan, opened.estate, request.operator)]
        bodies += [body for body in (request.awaits, request.commit) if body is not None]
        bodies += [
            ev.Approved(plan_id=plan_id(opened.plan), person=item.person, reason=item.reason)
            for item in request.approvals
        ]
        if request.declared_by is not None:
            bodies.append(
                ev.Declared(site=opened.plan.lost_site, person=request.declared_by, reason=request.declared_because)
            )
        return run_start.chained(opened.run, self._parts.clock, bodies)

    def open(self, run: str) -> Opened:
        """An existing run; NotFound when there is none."""
        folder = run_folder(self._parts.home, run)
        plan = load_plan_file(folder.plan)
        run_start.check_plan_of_run(plan, self._parts.journal.first(run), str(folder.plan))
        context = read_file(folder.context, RunContext)
        return Opened(
            run=run,
            folder=folder,
            plan=plan,
            catalog=load_catalog_file(folder.catalog),
            estate=load_estate(Path(context.estate)),
            watch=watch_folder(self._parts.home, context.watch),
            year=Path(context.year) if context.year else None,
        )

    def stand_watch(self, name: str, *, plan: Plan, catalog: Catalog, estate: Estate) -> WatchFolder:
        """Start a standing watch over what ``plan`` covers and wait for its baseline of good, full samples."""
        watch = watch_folder(self._parts.home, name)
        self._watch_until_baseline(watch, plan, catalog, estate, needs_good=True)
        return watch

    def stop_watch(self, watch: WatchFolder) -> None:
        """End a watch. Harmless when it has ended."""
        self._parts.watching.stop(watch.path)

    def start_watch(self, opened: Opened) -> None:
        """Start the watcher of a run, unless a standing one runs, and wait until it has seen every service.

        The probes have to run from before the disruption until after validation: a planned run begins only when they
        have a baselines. After a site loss there is no baseline to wait for.
        """
        state, now = self.state(opened), self._parts.clock.now().mono
        if state.head.started_at is not None:
            # It was disrupted or moved meanwhile: there is no baseline any more, and what is under way must not wait.
            self._parts.watching.start(
                opened.watch.path, catalog=opened.catalog, estate=opened.estate, plan=opened.plan, max_s=WATCH_MAX_S
            )
            if opened.plan.kind is not Kind.FAILOVER and not baselines.changed(opened.plan, state):
                # Nothing moved yet: what is seen good from now on still comes before the disruption.
                with suppress(Refused):
                    wait_for_baseline(self._parts, opened.watch, opened.plan, needs_good=True, since=now)
            return
        needs_good = opened.plan.kind is not Kind.FAILOVER
        self._watch_until_baseline(opened.watch, opened.plan, opened.catalog, opened.estate, needs_good=needs_good)

    def _watch_until_baseline(
        self, watch: WatchFolder, plan: Plan, catalog: Catalog, estate: Estate, *, needs_good: bool
    ) -> None:
        """Start the watcher unless it runs; without a baseline one that was started here is ended again."""
        stood = self._parts.watching.running(watch.path)
        self._parts.watching.start(watch.path, catalog=catalog, estate=estate, plan=plan, max_s=WATCH_MAX_S)
        try:
            wait_for_baseline(self._parts, watch, plan, needs_good=needs_good)
        except Refused:
            if not stood:
                self._parts.watching.stop(watch.path)
            raise

    def wait_for_outage(self, watch: WatchFolder, deadline_s: float) -> frozenset[str]:
        """Wait until applications are seen down and no more follow; their ids, empty when none fell in time."""
        deadline = self._parts.clock.now().mono + deadline_s
        before: frozenset[str] = frozenset()
        while self._parts.clock.now().mono < deadline:
            latest = {
                sample.application: sample.good
                for sample in self._parts.watching.samples(watch.path)
                if not sample.drill
            }
            down = frozenset(application for application, good in latest.items() if not good)
            if down and down == before:
                return down
            before = down
            self._parts.clock.sleep(DETECT_EVERY_S)
        return before

    def drive(self, opened: Opened, on_event: Callable[[ev.Event], None]) -> ev.RunOutcome:
        """Perform the run's steps until nothing more can be done without a decision. Re-attaches to a run under way."""
        state = self.state(opened)
        note_boot(opened.folder, self._parts.boot, self._parts.clock)
        with (
            self._of_estate.executor(opened.estate) as executor,
            alert_silence.quiet(
                self._of_estate.silences(opened.estate), self._parts.clock, opened.run, state, on_event
            ) as tell,
            baselines.guarded(self._of_estate, _subject(opened), state, tell) as see,
        ):
            driver = Driver(
                plan=opened.plan,
                run=opened.run,
                open_groups=lambda: self.open_groups(except_run=opened.run),
                conditions=lambda: self._conditions(opened),
                journal=self._parts.journal,
                executor=executor,
                observer=self._of_estate.observer(opened.estate, opened.watch, opened.catalog),
                clock=self._parts.clock,
                inbox=self._parts.inbox,
                waits=self._parts.waits,
                on_event=see,
            )
            return driver.drive()

    def state(self, opened: Opened) -> RunState:
        """How the run stands now: the fold of its journal."""
        return fold(opened.plan, self._parts.journal.read(opened.run))

    def waits_for_operator(self, opened: Opened) -> bool:
        """Whether a step's outcome is unknown, which only a person may settle."""
        return bool(self.state(opened).with_status(StepStatus.UNKNOWN))

    def concluded(self, opened: Opened) -> ev.RunOutcome | None:
        """How the run ended, when nothing can follow any more and its record is written; None otherwise."""
        ended = self.state(opened).ended
        final = ended is not None and ended.outcome is not ev.RunOutcome.INCOMPLETE and not self.asked(opened)
        return ended.outcome if ended and final and opened.folder.report("json").exists() else None

    def asked(self, opened: Opened) -> bool:
        """Whether people have asked something of the run that no driver has looked at."""
        return bool(self._parts.inbox.pending(opened.run))

    def open_groups(self, *, except_run: str) -> Mapping[str, str]:
        """Protection groups held by other state-changing runs that have started and not ended, or cannot be read."""
        return groups_held(self._parts.journal, except_run=except_run)

    def _conditions(self, opened: Opened) -> Conditions:
        others = holding(self._parts.journal, except_run=opened.run)
        now = self._parts.clock.now()
        return start_conditions.look(opened.plan, opened.catalog, opened.estate, opened.year, others, now)

    def heads(self) -> list[RunLine]:
        """One line per run, newest first; one that cannot be read has a ``problem``."""
        journal = self._parts.journal
        return [run_line(journal, self._parts.home, run) for run in reversed(journal.runs())]

    def conclude(self, opened: Opened, *, timings: Sequence[TimeSpent] = ()) -> Report:
        """Let the probes see the end, look for the canaries, stop the watch and write the report's three forms."""
        self._parts.clock.sleep(SETTLE_S)
        baselines.look_after(self._of_estate, self._parts.clock, _subject(opened), self.state(opened))
        present = self._parts.watching.present(opened.estate, [scope.application for scope in opened.plan.scope])
        write_whole(opened.folder.present, canonical_json(plain(present)))
        self._parts.watching.stop(opened.watch.path)
        report = self.write_report(opened, present, timings=timings)
        self._parts.journal.verify_place()
        return report

    def write_report(
        self,
        opened: Opened,
        present: Mapping[str, tuple[int, ...] | None],
        *,
        timings: Sequence[TimeSpent] = (),
    ) -> Report:
        """Build the report from what is on disk and write it. Repeating it gives the same record."""
        events = self._parts.journal.read(opened.run)
        measured = measure_run(
            catalog=opened.catalog,
            plan=opened.plan,
            events=events,
            samples=self._parts.watching.samples(opened.watch.path),
            canaries=self._parts.watching.canaries(opened.watch.path),
            present=present,
            boots=boots_of(opened.folder),
        )
        after = baselines.aftermath(_subject(opened), events)
        report = build_report(
            run_id=opened.run,
            plan=opened.plan,
            catalog=opened.catalog,
            events=events,
            outages=measured.outages,
            losses=measured.losses,
            scores=measured.scores,
            findings=(*check_plan(opened.plan, opened.catalog), *after.findings),
            comparison=after.comparison,
            protection=after.protection,
            estate=opened.estate.name,
            timings=timings,
        )
        write_whole(opened.folder.report("json"), report_to_text(report))
        write_whole(opened.folder.report("html"), report_as_html(report))
        write_whole(opened.folder.report("txt"), report_as_text(report))
        return report


def _subject(opened: Opened) -> baselines.Subject:
    return baselines.Subject(folder=opened.folder, plan=opened.plan, catalog=opened.catalog, estate=opened.estate)
