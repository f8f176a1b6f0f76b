"""What the console reads: one object over a state folder, which remembers what has not changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from drorch.app import settings
from drorch.catalog.check import check_catalog
from drorch.catalog.files import MAX_CATALOG_BYTES
from drorch.catalog.load import load_catalog
from drorch.catalog.model import Catalog
from drorch.core.clock import Instant
from drorch.core.errors import DrorchError
from drorch.core.files import read_input
from drorch.core.findings import Finding
from drorch.core.state_folder import run_folder, runs_folder
from drorch.estate.files import load_estate
from drorch.evidence.model import Sample
from drorch.evidence.record.files import load_report
from drorch.evidence.record.model import Report
from drorch.evidence.sample_cache import SampleCache
from drorch.interfaces.console.views.plans import PlanLine, plan_line
from drorch.interfaces.console.views.runs import RunCard, run_card, unreadable
from drorch.interfaces.console.views.service_state import Served, all_served
from drorch.metrics.facts import FileMark, mark_of
from drorch.orchestration.operator_requests import Operations, RunNow
from drorch.orchestration.ports import Parts
from drorch.orchestration.prior_watch import standing_watch
from drorch.orchestration.service import Service
from drorch.plan.codec import plan_id
from drorch.plan.model import Plan
from drorch.plan.store import PlanStore
from drorch.year.log import YEAR, YearLog
from drorch.year.model import Programme
from drorch.year.operations import Year, load_year
from drorch.year.status import YearStatus


@dataclass(frozen=True, kw_only=True)
class Places:
    """Files of this console. A year or capacity file that is not there is said on its page."""

    home: Path
    catalog: Path
    estate: Path | None
    year: Path
    capacity: Path


class ReadModel:
    """Reads for the pages. Safe for several threads: what it remembers is replaced, never changed."""

    def __init__(
        self, places: Places, parts: Parts, service: Service, operations: Operations, year_log: YearLog
    ) -> None:
        self.places, self.parts, self.service, self.operations = places, parts, service, operations
        self._year_log = year_log
        self._lock = Lock()
        self.looks = SampleCache(places.home)
        self.store = PlanStore(places.home)
        self._plans: dict[str, Plan] = {}
        self._looked: dict[str, Sample] = {}
        self._catalog: tuple[FileMark, Catalog, tuple[Finding, ...]] | None = None
        self._cards: dict[str, tuple[int, bool, RunCard]] = {}
        self._reports: dict[str, tuple[FileMark, Report | None]] = {}
        self._year: tuple[object, YearStatus | None, str] | None = None

    def now(self) -> Instant:
        """The present instant."""
        return self.parts.clock.now()

    def catalog(self) -> tuple[Catalog, tuple[Finding, ...]]:
        """The catalog file as it is now, and what is to be said about it. InputInvalid when it is not usable."""
        mark = mark_of(self.places.catalog)
        known = self._catalog
        if known is not None and mark == known[0]:
            return known[1], known[2]
        text = read_input(self.places.catalog, MAX_CATALOG_BYTES)
        catalog = load_catalog(text, str(self.places.catalog))
        findings = tuple(check_catalog(catalog))
        self._catalog = (mark, catalog, findings)
        return catalog, findings

    def estate_name(self) -> str:
        """Which estate this is, or nothing when none is named."""
        try:
            file = self.places.estate or settings.default_estate()
            return load_estate(file).name
        except DrorchError:
            return ""

    def served(self, catalog: Catalog) -> Mapping[str, Served]:
        """Who serves what, by all that was seen."""
        now = self.now()
        latest = dict(self.looks.latest(now))
        for application, sample in self._looked.items():
            if application not in latest or sample.ended > latest[application].ended:
                latest[application] = sample
        return all_served(catalog, latest, now)

    def looked(self, samples: Sequence[Sample]) -> None:
        """Remember one look at services."""
        self._looked = {sample.application: sample for sample in samples}

    def cards(self) -> tuple[RunCard, ...]:
        """All runs, newest first. One that cannot be read is there all the same."""
        return tuple(self._card(run) for run in reversed(self.parts.journal.runs()))

    def _card(self, run: str) -> RunCard:
        known = self._cards.get(run)
        # An ended run changes only by an event, or by what somebody asked of it.
        ended = known is not None and known[2].outcome is not None
        if known is not None and ended and not self.requests(run) and not self.parts.journal.read(run, after=known[0]):
            return known[2]
        try:
            now = self.operations.now(run)
        except DrorchError as error:
            return unreadable(run, str(error))
        card = run_card(now)
        with self._lock:
            self._cards[run] = (now.events[-1].seq if now.events else 0, now.driven, card)
        return card

    def run(self, run: str) -> RunNow:
        """A run as it stands; NotFound when there is none."""
        return self.operations.now(run)

    def requests(self, run: str) -> int:
        """What people asked of it and no driver has taken."""
        return len(self.parts.inbox.pending(run))

    def report(self, run: str) -> Report | None:
        """Its record, read once per change; None when there is none or it cannot be read."""
        try:
            mark = mark_of(run_folder(self.places.home, run).report("json"))
        except DrorchError:
            return None
        known = self._reports.get(run)
        if known is not None and known[0] == mark:
            return known[1]
        try:
            report = load_report(self.places.home, run) if mark is not None else None
        except DrorchError:
            report = None
        with self._lock:
            self._reports[run] = (mark, report)
        return report

    def results(self, cards: Sequence[RunCard]) -> Mapping[str, str]:
        """The overall result of each run whose record is of its present end."""
        found = {card.run: self.record(card) for card in cards}
        return {run: report.result.overall.value for run, report in found.items() if report is not None}

    def record(self, card: RunCard) -> Report | None:
        """The run's record, when it tells of all its events: a run that was taken up again has an old one meanwhile."""
        report = self.report(card.run)
        return report if report is not None and report.run.journal_events == card.seq else None

    def year(self) -> tuple[Programme, Year]:
        """The programme of the year. NotFound and InputInvalid as of its file."""
        programme, catalog = load_year(self.places.year, self.places.catalog)
        return programme, Year(self.places.home, self._year_log, self.parts.clock, programme, catalog)

    def year_status(self) -> tuple[YearStatus | None, str]:
        """How the year stands today, or why that cannot be said. Worked out again when what it rests on changed."""
        try:
            files = (self.places.year, self.places.catalog)
            reports = tuple((path, mark_of(path)) for path in runs_folder(self.places.home).glob("*/report.json"))
            said = self._year_log.log.store.tail(YEAR)
            key = (tuple(mark_of(file) for file in files), reports, said and said.hash, self.now().wall.date())
        except DrorchError as error:
            return None, str(error)
        known = self._year
        if known is None or known[0] != key:
            try:
                known = (key, self.year()[1].status()[0], "")
            except DrorchError as error:
                known = (key, None, str(error))
            self._year = known
        return known[1], known[2]

    def standing_watch(self) -> str | None:
        """The newest watch that lives and belongs to no run: it saw the time before a disruption. None without one."""
        found = standing_watch(self.places.home, self.parts.watching)
        return found.path.name if found else None

    def plan(self, said: str) -> Plan:
        """A kept plan by its hash or the beginning of it. NotFound without it."""
        known = self._plans.get(said)
        if known is None:
            known = self._plans[said] = self.store.find(said)
        return known

    def plans(self) -> tuple[PlanLine, ...]:
        """Kept plans, newest first. A file that is no plan is left out."""
        try:
            catalog_id = self.catalog()[0].content_id
        except DrorchError:
            catalog_id = ""
        runs: dict[str, list[str]] = {}
        for card in self.cards():
            runs.setdefault(card.plan_id, []).append(card.run)
        found = []
        for whole in self.store.ids():
            try:
                found.append(plan_line(self.plan(whole), catalog_id, runs.get(whole, ())))
            except DrorchError:
                continue
        return tuple(found)

    def runs_of(self, plan: Plan) -> tuple[str, ...]:
        """Runs of exactly this plan, newest first."""
        return tuple(card.run for card in self.cards() if card.plan_id == plan_id(plan))
