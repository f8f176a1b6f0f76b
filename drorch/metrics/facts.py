"""The facts behind the metrics, read from the journal, the stored reports and the catalog. Asks no other system.

Everything is read again after a restart, so no figure is lost with the process. What has not changed since the last
reading is not read again: a scrape of an idle drorch costs a few looks at the files' times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drorch.actions.log import ACTIONS
from drorch.actions.operations import Actions
from drorch.catalog.check import check_catalog
from drorch.catalog.files import MAX_CATALOG_BYTES
from drorch.catalog.load import load_catalog
from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.errors import Broken, DrorchError
from drorch.core.files import read_input
from drorch.core.findings import Finding, errors
from drorch.core.state_folder import run_folder, runs_folder
from drorch.core.stream import EventStore
from drorch.metrics.access_facts import AccessFacts, AccessReader
from drorch.metrics.report_facts import ReportSummary, read_report
from drorch.metrics.run_facts import RunSummary, summarise
from drorch.metrics.schedule_facts import ScheduleFacts, ScheduleReader
from drorch.plan.files import load_plan_file
from drorch.plan.model import STATE_CHANGING
from drorch.run import events as ev
from drorch.run.ports import Journal, OperatorInbox
from drorch.run.state import fold

FileMark = tuple[int, int] | None
"""Time of change in nanoseconds and size in bytes; None for a file that is not there."""


@dataclass(frozen=True, kw_only=True)
class CatalogFacts:
    """The catalog that was last good, its findings, and whether the file is good now."""

    catalog: Catalog | None = None
    findings: tuple[Finding, ...] = ()
    good: bool = False
    loaded_at: float | None = None
    """Unix seconds of the last good loading by this process."""


@dataclass(frozen=True, kw_only=True)
class MetricFacts:
    """Everything the metrics are made of. ``runs`` are in the order of their beginning, ``reports`` of their end."""

    catalog: CatalogFacts
    runs: tuple[RunSummary, ...]
    reports: tuple[ReportSummary, ...]
    requests: int
    """Requests of people that no driver has taken yet."""
    unreadable: Mapping[str, int]
    """Runs and reports that are there and cannot be read."""
    actions: Mapping[str, Mapping[str, int]] | None = None
    """Corrective actions open, overdue, ever re-opened, by severity; None: none, or not readable."""
    schedule: ScheduleFacts = field(default_factory=ScheduleFacts)
    access: AccessFacts | None = None
    """Remote access; None where it is not looked after."""


@dataclass(frozen=True, kw_only=True)
class _KnownRun:
    summary: RunSummary
    events: tuple[ev.Event, ...]
    """Kept while more are likely to follow; empty for an ended run."""
    driven: bool


class MetricsReader:
    """Reads the facts again when files changed. Not for several threads at once: the snapshot's lock is around it.

    ``database``: where the journal is, a file or a URL. ``drives(host, pid)`` tells whether that driver process lives.
    """

    def __init__(
        self,
        *,
        home: Path,
        store: EventStore,
        catalog_file: Path,
        journal: Journal,
        database: str,
        inbox: OperatorInbox,
        clock: Clock,
        drives: Callable[[str, int], bool],
        schedule: ScheduleReader | None = None,
        access: AccessReader | None = None,
    ) -> None:
        self._access = access
        self._schedule = schedule
        self._home, self._store = home, store
        self._every_action = Actions(home, store, clock)
        self._catalog_file = catalog_file
        self._journal, self._database = journal, database
        self._inbox = inbox
        self._clock = clock
        self._drives = drives
        self._catalog = CatalogFacts()
        self._catalog_mark: FileMark = None
        self._runs: dict[str, _KnownRun] = {}
        self._reports: dict[Path, tuple[FileMark, ReportSummary | None]] = {}
        self._actions: Mapping[str, Mapping[str, int]] | None = None
        self._actions_mark: object = None

    def fingerprint(self) -> object:
        """Changes whenever :meth:`read` would say something new. Looks at files, driver processes and the
        last event of the corrective actions only."""
        journal = self._mark_of_journal()
        reports = tuple((path, mark_of(path)) for path in self._report_files())
        driven = tuple(self._driven(known.summary) for known in self._runs.values() if known.summary.outcome is None)
        scheduled = self._schedule.mark() if self._schedule else None
        access = self._access.fingerprint() if self._access else None
        return journal, mark_of(self._catalog_file), reports, driven, self._mark_of_actions(), scheduled, access

    def _mark_of_actions(self) -> object:
        """The last event, and the day: an action becomes overdue without anybody writing."""
        last = self._store.tail(ACTIONS)
        return last and (last.hash, self._clock.now().wall.date())

    def _mark_of_journal(self) -> object:
        if "://" in self._database:
            # A server does not say when it changed: ask anew every second.
            return int(self._clock.now().mono)
        return mark_of(Path(self._database)), mark_of(Path(f"{self._database}-wal"))

    def read(self) -> MetricFacts:
        """The facts as they stand. Broken or InputInvalid when the journal as a whole cannot be read."""
        unreadable = Counter[str](run=0, report=0)
        self._read_catalog()
        present = self._journal.runs()
        for run in present:
            try:
                self._read_run(run)
            except DrorchError:
                self._runs.pop(run, None)
                unreadable["run"] += 1
        unreadable["actions"] = self._read_actions()
        runs = tuple(self._runs[run].summary for run in present if run in self._runs)
        reports = self._read_reports()
        unreadable["report"] = sum(report is None for report in reports)
        good = [report for report in reports if report is not None]
        return MetricFacts(
            catalog=self._catalog,
            runs=runs,
            reports=tuple(sorted(good, key=lambda report: (report.ended_at or 0.0, report.run))),
            requests=sum(len(self._inbox.pending(run.run)) for run in runs if run.outcome in {None, "incomplete"}),
            unreadable=unreadable,
            actions=self._actions,
            schedule=self._schedule.read() if self._schedule else ScheduleFacts(),
            access=self._access.read() if self._access else None,
        )

    def _read_actions(self) -> int:
        """Read the corrective actions where they, or a record that may open one again, changed; 1 when unreadable."""
        mark = self._mark_of_actions()
        whole = mark and (mark, tuple((path, mark_of(path)) for path in self._report_files()))
        if whole == self._actions_mark:
            return int(whole is not None and self._actions is None)
        self._actions_mark, self._actions = whole, None
        if whole is not None:
            try:
                self._actions = self._every_action.counts()
            except DrorchError:
                return 1
        return 0

    def _read_catalog(self) -> None:
        mark = mark_of(self._catalog_file)
        if mark is not None and mark == self._catalog_mark:
            return
        self._catalog_mark = mark
        try:
            text = read_input(self._catalog_file, MAX_CATALOG_BYTES)
            catalog = load_catalog(text, str(self._catalog_file))
        except DrorchError:
            catalog = None
        findings = check_catalog(catalog) if catalog else ()
        if catalog is None or errors(findings):
            last = self._catalog
            self._catalog = CatalogFacts(catalog=last.catalog, findings=tuple(findings), loaded_at=last.loaded_at)
            return
        now = self._clock.now().wall.timestamp()
        self._catalog = CatalogFacts(catalog=catalog, findings=tuple(findings), good=True, loaded_at=now)

    def _read_run(self, run: str) -> None:
        known = self._runs.get(run)
        new = self._journal.read(run, after=known.summary.events if known else 0)
        driven = self._driven(known.summary) if known else True
        if known and not new and driven == known.driven:
            return
        events = (*known.events, *new) if known and known.events else self._journal.read(run) if known else new
        plan = load_plan_file(run_folder(self._home, run).plan)
        state = fold(plan, events)
        summary = summarise(plan, state, events, driven=driven)
        if self._driven(summary) != driven:
            driven = not driven
            summary = summarise(plan, state, events, driven=driven)
        self._runs[run] = _KnownRun(summary=summary, events=() if summary.outcome else events, driven=driven)

    def _driven(self, run: RunSummary) -> bool:
        return run.outcome is None and run.driver is not None and self._drives(*run.driver)

    def _report_files(self) -> list[Path]:
        return sorted(runs_folder(self._home).glob("*/report.json"))

    def _read_reports(self) -> Sequence[ReportSummary | None]:
        files = self._report_files()
        for path in files:
            mark = mark_of(path)
            if path in self._reports and self._reports[path][0] == mark:
                continue
            try:
                self._reports[path] = (mark, read_report(path))
            except (DrorchError, OSError):
                self._reports[path] = (mark, None)
        self._reports = {path: self._reports[path] for path in files}
        return [report for _, report in self._reports.values()]


def waiting_runs(runs: Sequence[RunSummary]) -> tuple[RunSummary, ...]:
    """Runs that can still go on: open ones, and incomplete ones whose groups no later run has taken over."""
    found: list[RunSummary] = []
    taken: set[str] = set()
    for run in reversed(runs):
        resumable = run.outcome == ev.RunOutcome.INCOMPLETE and run.kind in STATE_CHANGING
        if run.outcome is None or (resumable and taken.isdisjoint(run.plan_groups)):
            found.append(run)
        if run.started:
            taken |= run.plan_groups
    return tuple(reversed(found))


def mark_of(path: Path) -> FileMark:
    """When a file was changed and how large it is. Broken when nobody may look."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Broken(
            f"cannot be looked at: {error.strerror}", where=str(path), next_step="give this user permission on it"
        ) from error
    return status.st_mtime_ns, status.st_size
