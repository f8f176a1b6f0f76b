"""Everything the web needs, put together once per server by the composition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from drorch.access.denial_test.operations import AccessTests
from drorch.access.poll import AccessParts
from drorch.actions.operations import Actions, Holds
from drorch.app import composition, settings
from drorch.app.accounts import Accounts
from drorch.app.audit import AuditLog
from drorch.app.doctor import Check
from drorch.app.oidc import OidcSignIn, load_oidc
from drorch.callout.operations import CallOuts
from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.records import Records
from drorch.core.stream import EventStore
from drorch.estate.model import Estate
from drorch.evidence.export import SealingParts
from drorch.evidence.model import Sample
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import DriverProcesses, Parts, PartsOfEstate
from drorch.orchestration.record_check import why_record_does_not_hold
from drorch.orchestration.service import Service
from drorch.report.after_action.operations import AfterActions
from drorch.report.paper_forms import Papers
from drorch.run.ports import Journal, OperatorInbox
from drorch.schedules.named_checks import Checks
from drorch.schedules.ports import ScheduleStore
from drorch.year.log import YearLog, year_log
from drorch.year.model import Programme
from drorch.year.operations import Year


@dataclass(frozen=True, kw_only=True)
class Files:
    """The input files of one server. ``estate`` None: that of the running lab, or ``$DRORCH_ESTATE``."""

    catalog: Path = Path("app_catalog.yaml")
    year: Path = Path("year.yaml")
    capacity: Path = Path("capacity.yaml")
    schedule: Path = Path("schedule.yaml")
    planner: Path = Path("planner.yaml")
    access: Path = Path("access.yaml")
    estate: Path | None = None

    def estate_file(self) -> Path:
        """NotFound when none is named and no lab is up."""
        return self.estate or settings.default_estate()


@dataclass(frozen=True, kw_only=True)
class WebContext:
    """Use cases and ports of one state folder. Holds no state of a run."""

    home: Path
    store: EventStore
    files: Files
    parts: Parts
    of_estate: PartsOfEstate
    service: Service
    operations: Operations
    drivers: DriverProcesses
    records: Records
    accounts: Accounts
    audit: AuditLog
    sealing: Callable[[], SealingParts]
    probe_now: Callable[[Estate, Catalog, Sequence[str]], list[Sample]]
    holds: Holds
    """Whether the record of a run may be relied on."""
    papers: Papers
    schedule_store: Callable[[], ScheduleStore]
    checks: Checks
    """What a schedule may name."""
    examine: Callable[[], Iterator[Check]]
    """Would a run work from here, tonight?"""
    callouts: CallOuts
    access_parts: Callable[[], AccessParts]
    access_tests: AccessTests
    oidc: OidcSignIn | None = None
    """How people log in through an OpenID provider; None: local accounts only."""

    @property
    def clock(self) -> Clock:
        """The clock of everything here."""
        return self.parts.clock

    @property
    def journal(self) -> Journal:
        """The truth about runs."""
        return self.parts.journal

    @property
    def inbox(self) -> OperatorInbox:
        """Where requests of people wait for the driver."""
        return self.parts.inbox

    @cached_property
    def year_log(self) -> YearLog:
        """What people said about the year."""
        return year_log(self.store)

    def year(self, programme: Programme, catalog: Catalog) -> Year:
        """The use cases of the year, for the files as they were just read."""
        return Year(self.home, self.year_log, self.clock, programme, catalog)

    @cached_property
    def actions(self) -> Actions:
        """Corrective actions."""
        return Actions(self.home, self.store, self.clock, self.holds)

    @cached_property
    def after_actions(self) -> AfterActions:
        """After-action reports."""
        return AfterActions(self.home, self.store, self.clock, self.holds)


def real_context(home: Path, files: Files, oidc: Path | None = None) -> WebContext:
    """The real adapters over one state folder. ``oidc``: settings file of an OpenID provider."""
    parts, store = composition.parts(home), composition.event_store(home)
    records = composition.records(home)
    of_estate = composition.RealPartsOfEstate(home=home)
    return WebContext(
        home=home,
        files=files,
        store=store,
        parts=parts,
        of_estate=of_estate,
        service=Service(parts, of_estate),
        operations=composition.operations(home),
        drivers=composition.driver_processes(),
        records=records,
        accounts=Accounts(records, parts.clock, composition.hasher()),
        audit=AuditLog(store, parts.clock),
        sealing=lambda: composition.sealing(home),
        probe_now=composition.probe_now,
        holds=lambda run: why_record_does_not_hold(parts, run),
        papers=composition.papers(),
        schedule_store=lambda: composition.schedule_store(home),
        checks=composition.scheduled_checks(files.year, files.catalog),
        examine=lambda: composition.examine(files.catalog, files.estate, home),
        callouts=composition.callouts(home),
        access_parts=lambda: composition.access_parts(home),
        access_tests=composition.access_tests(home),
        oidc=composition.oidc_sign_in(load_oidc(oidc)) if oidc else None,
    )
