"""A web application in tests: everything in memory or in a folder, people with accounts, a clock that tests turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from drorch.access.denial_test.operations import AccessTests
from drorch.app import composition
from drorch.app.accounts import Account, Accounts, Role
from drorch.app.audit import AuditLog
from drorch.app.doctor import Check, Health
from drorch.callout.operations import CalloutParts, CallOuts
from drorch.catalog.model import Catalog
from drorch.core.files import write_whole
from drorch.core.ids import canonical_json
from drorch.core.state_folder import run_folder
from drorch.core.stream import EventStore
from drorch.estate.model import Estate
from drorch.evidence.export import KnownSecrets, SealingParts
from drorch.evidence.model import Sample
from drorch.interfaces.http.context import Files, WebContext
from drorch.interfaces.http.settings import WebSettings
from drorch.interfaces.serving.application import create_app
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import Parts, PartsOfEstate, Watching
from drorch.orchestration.service import Service
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Plan
from drorch.run.events import Body
from drorch.run.journal import RunJournal
from drorch.run.recorder import Recorder
from drorch.testing.clock import HandClock
from drorch.testing.driver_processes import FakeDrivers
from drorch.testing.fakes import MemoryInbox, MemoryJournal
from drorch.testing.records import MemoryRecords
from drorch.testing.runs import created
from drorch.testing.schedule import MemoryScheduleStore
from drorch.testing.streams import MemoryStore

PASSWORD = "correct horse battery staple"
ESTATE = """\
schema: 1
name: lab
zone: test.
inventory: nowhere/inventory.yml
name_servers: []
sites: {nyc: 127.0.0.1}
databases: []
applications: {}
database_name: none
database_user: nobody
pgpass_file: nowhere/pgpass
ssh: {}
ansible_env: {}
"""


class PlainHasher:
    """A hasher that costs nothing."""

    def hash(self, password: str) -> str:
        """Text that says what it is."""
        return f"plain:{password}"

    def fits(self, password: str, hashed: str | None) -> bool:
        """See the port."""
        return hashed == f"plain:{password}"


@dataclass
class CountingIds:
    """Run ids that tests know."""

    made: int = 0

    def new_run_id(self) -> str:
        """See the port."""
        self.made += 1
        return f"20130301-0300{self.made:02d}-test"


@dataclass(kw_only=True)
class WebScene:
    """One server's world. ``token(role, ...)`` makes a person and gives the header that stands for it."""

    home: Path
    catalog: Path
    store: EventStore = field(default_factory=MemoryStore)
    estate: Path | None = None
    year: Path = Path("year.yaml")
    capacity: Path = Path("capacity.yaml")
    schedule: Path = Path("schedule.yaml")
    planner: Path = Path("planner.yaml")
    access: Path = Path("access.yaml")
    clock: HandClock = field(default_factory=HandClock)
    journal: RunJournal = field(default_factory=MemoryJournal)
    inbox: MemoryInbox = field(init=False)
    drivers: FakeDrivers = field(default_factory=FakeDrivers)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    settings: WebSettings = field(default_factory=WebSettings)
    samples: list[Sample] = field(default_factory=list)
    schedule_store: MemoryScheduleStore = field(default_factory=MemoryScheduleStore)
    broken_records: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    ids: CountingIds = field(default_factory=CountingIds)
    context: WebContext = field(init=False)
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = MemoryInbox(self.journal.store)
        parts = Parts(
            home=self.home,
            clock=self.clock,
            ids=self.ids,
            journal=self.journal,
            inbox=self.inbox,
            watching=cast(Watching, None),
        )
        of_estate = cast(PartsOfEstate, None)
        self.context = WebContext(
            home=self.home,
            store=self.store,
            files=Files(
                catalog=self.catalog,
                estate=self.estate,
                year=self.year,
                capacity=self.capacity,
                schedule=self.schedule,
                planner=self.planner,
                access=self.access,
            ),
            parts=parts,
            of_estate=of_estate,
            service=Service(parts, of_estate),
            operations=Operations(parts, lambda _: any(self.drivers.alive(self.home, run) for run in self._runs())),
            drivers=self.drivers,
            records=self.records,
            accounts=Accounts(self.records, self.clock, PlainHasher()),
            audit=AuditLog(self.store, self.clock),
            sealing=self._sealing,
            probe_now=self._probe,
            holds=self.broken_records.get,
            papers=composition.papers(),
            schedule_store=lambda: self.schedule_store,
            checks=composition.scheduled_checks(self.year, self.catalog),
            examine=self._examine,
            callouts=CallOuts(
                CalloutParts(
                    home=self.home,
                    store=self.store,
                    clock=self.clock,
                    ids=self.ids,
                    notifiers=lambda *_: {},
                    token=lambda: "token",
                )
            ),
            access_parts=lambda: replace(composition.access_parts(self.home), clock=self.clock, store=self.store),
            access_tests=AccessTests(self.store, self.home, self.clock, "here"),
        )
        self.app = create_app(self.context, self.settings)

    def person(self, login: str, *roles: Role, person: str | None = None, break_glass: bool = False) -> Account:
        """An account with the password `PASSWORD`."""
        account = Account(
            login=login,
            person=person or f"{login.title()} Person",
            roles=frozenset(roles),
            break_glass=break_glass,
            made_by="test",
        )
        return self.context.accounts.add(account, PASSWORD)

    def header(self, login: str, *roles: Role, person: str | None = None) -> dict[str, str]:
        """A token of the account, which is made with these roles when it is not there."""
        account = self.context.accounts.find(login) or self.person(login, *roles, person=person)
        _, text = self.context.accounts.issue(
            login, label="test", roles=roles or account.roles, days=1, by=account.person
        )
        return {"Authorization": f"Bearer {text}"}

    def run(self, name: str, plan: Plan, *bodies: Body, operator: str = "Olga Operator") -> str:
        """A run with these events behind its creation."""
        folder = run_folder(self.home, name, must_exist=False)
        write_whole(folder.plan, plan_to_text(plan))
        write_whole(folder.context, canonical_json({"estate": str(self.estate), "watch": name}))
        write_whole(folder.catalog, self.catalog.read_text(encoding="utf-8"))
        Recorder.create(self.journal, self.clock, plan, name, created(plan, operator)).record(*bodies)
        return name

    def _runs(self) -> Sequence[str]:
        return self.journal.runs()

    def _sealing(self) -> SealingParts:
        return SealingParts(home=self.home, journal=self.journal, secrets=_no_secrets)

    def _examine(self) -> Iterator[Check]:
        yield Check(name="clock", health=Health.GOOD, said="synchronised")
        yield from self.checks

    def _probe(self, estate: Estate, catalog: Catalog, applications: Sequence[str]) -> list[Sample]:
        del estate, catalog
        return [sample for sample in self.samples if not applications or sample.application in applications]


def _no_secrets(estate: Estate) -> KnownSecrets:
    del estate
    return KnownSecrets(values=frozenset(), unread=())
