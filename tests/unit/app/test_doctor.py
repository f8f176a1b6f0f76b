"""``drorch doctor``: each thing that would stop a run is named, and what cannot be looked at is never called good."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from drorch.adapters.clock import SystemClock
from drorch.adapters.machine import ThisMachine
from drorch.adapters.store.events import SqlStore
from drorch.app import composition
from drorch.app.doctor import Check, Doctor, Health, Patient
from drorch.core.errors import Broken
from drorch.core.files import write_whole
from drorch.core.state_folder import run_folder
from drorch.estate.model import Endpoint, Estate, NameServer
from drorch.orchestration.ports import Parts
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.journal import RunJournal, RunRequests
from drorch.run.ports import Journal
from drorch.run.recorder import Recorder
from drorch.testing.builders import SMALL_CATALOG_YAML, small_catalog
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import created, start

PLAN = make_plan([playbook_step("a/x")], kind=Kind.SWITCHOVER)


@dataclass(frozen=True, kw_only=True)
class Wellbeing:
    """A machine on which everything is right, but for what a test changes."""

    terminal: str = ""
    found: str | None = "/usr/bin/ansible-playbook"
    synchronised: bool | None = True
    free: int = 1 << 34
    kind: str = "ext4"
    modes: Mapping[str, int] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)

    def pseudo_terminal(self) -> str:
        return self.terminal

    def program(self, name: str) -> str | None:
        return self.found

    def clock_synchronised(self) -> bool | None:
        return self.synchronised

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def file_system(self, folder: Path) -> str:
        return self.kind

    def mode(self, file: Path) -> int:
        if file.name == "missing":
            raise FileNotFoundError(2, "No such file or directory")
        return self.modes.get(file.name, 0o600)

    def name_servers(self, servers: Sequence[NameServer], name: str) -> Mapping[str, str]:
        return {server.site: self.silent.get(server.site, "") for server in servers}


@dataclass(kw_only=True)
class Room:
    """A state folder with a catalog and an estate, and the doctor who looks at it."""

    home: Path
    machine: Wellbeing = field(default_factory=Wellbeing)
    secrets: Sequence[Path] = (Path("pgpass"), Path("tsig.json"))

    def __post_init__(self) -> None:
        self.catalog_file, self.estate_file = self.home / "catalog.yaml", self.home / "estate.yml"
        self.catalog_file.write_text(SMALL_CATALOG_YAML, encoding="utf-8")
        self.journal = RunJournal(SqlStore(self.home / "store.sqlite"))
        applications = {
            app.id: {"name": f"{app.id}.un.test", "port": 8000, "drill_name": "d", "drill_port": 8001}
            for app in small_catalog().applications
        }
        self.estate: dict[str, object] = {
            "schema": 1,
            "name": "lab",
            "zone": "un.test",
            "inventory": "inventory.yml",
            "name_servers": [
                {"site": site, "endpoint": {"address": "127.0.0.1", "port": 53}} for site in ("nyc", "valencia")
            ],
            "sites": {"nyc": "127.10.0.1"},
            "databases": [],
            "applications": applications,
            "database_name": "drorch",
            "database_user": "drorch",
            "pgpass_file": "pgpass",
            "ssh": {},
            "ansible_env": {},
        }

    def operations(self) -> composition.Operations:
        parts = Parts(
            home=self.home,
            clock=SystemClock(),
            ids=composition.parts(self.home).ids,
            journal=self.journal,
            inbox=RunRequests(self.journal.store),
            watching=composition.parts(self.home).watching,
        )
        return composition.Operations(parts, lambda _: False)

    def checks(self, journal: Journal | None = None) -> list[Check]:
        self.estate_file.write_text(yaml.safe_dump(self.estate), encoding="utf-8")
        doctor = Doctor(self.machine, lambda: journal or self.journal, self.operations, self._secret_files)
        patient = Patient(home=self.home, catalog_file=self.catalog_file, estate_file=self.estate_file)
        return list(doctor.examine(patient))

    def _secret_files(self, estate: Estate) -> Sequence[Path]:
        return self.secrets

    def is_not_well(self) -> list[Check]:
        return [check for check in self.checks() if check.health is not Health.GOOD]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(home=tmp_path)


def test_nothing_is_said_against_what_is_right(room: Room) -> None:
    assert room.is_not_well() == []
    assert {check.name for check in room.checks()} >= {"journal", "secrets", "name server at nyc", "free space"}


@pytest.mark.parametrize(
    ("machine", "name", "health", "says"),
    [
        ({"terminal": "No such file or directory"}, "pseudo-terminal", Health.BAD, "every playbook would be lost"),
        ({"found": None}, "ansible", Health.BAD, "not found"),
        ({"synchronised": False}, "clock", Health.WARNING, "not synchronised"),
        ({"synchronised": None}, "clock", Health.UNKNOWN, "does not say"),
        ({"free": 1 << 29}, "free space", Health.WARNING, "0.5 GiB"),
        ({"free": 1 << 20}, "free space", Health.BAD, "0.0 GiB"),
        ({"kind": "nfs4"}, "state folder", Health.BAD, "network file system (nfs4)"),
        ({"modes": {"pgpass": 0o644}}, "secrets", Health.BAD, "pgpass is open to others (mode 0644)"),
        ({"silent": {"valencia": "no answer in time"}}, "name server at valencia", Health.BAD, "no answer in time"),
    ],
)
def test_what_would_stop_a_run_is_named(
    room: Room, machine: dict[str, object], name: str, health: Health, says: str
) -> None:
    room.machine = replace(room.machine, **machine)  # type: ignore[arg-type]
    found = room.is_not_well()
    assert [(check.name, check.health) for check in found] == [(name, health)]
    assert says in found[0].said
    assert found[0].next_step


def test_a_folder_that_others_may_write_and_a_secret_that_is_gone(room: Room) -> None:
    room.machine = replace(room.machine, modes={room.home.name: 0o777})
    room.secrets = (Path("missing"),)
    found = {check.name: check for check in room.is_not_well()}
    assert found["permissions"].health is Health.WARNING
    assert "No such file" in found["secrets"].said


def begin(room: Room, run: str) -> Recorder:
    write_whole(run_folder(room.home, run, must_exist=False).plan, plan_to_text(PLAN))
    recorder = Recorder.create(room.journal, SystemClock(), PLAN, run, created(PLAN))
    recorder.record(ev.DriverAttached(host="elsewhere", pid=1), ev.RunStarted(), start("a/x"))
    return recorder


def test_a_run_that_nobody_drives_is_named_with_the_command(room: Room) -> None:
    begin(room, "r1")
    found = next(check for check in room.checks() if check.name == "runs")
    assert found.health is Health.BAD
    assert "r1" in found.said
    assert "drorch run attach r1" in found.next_step


def test_a_changed_journal_is_named_and_does_not_hide_the_rest(room: Room) -> None:
    begin(room, "r1")
    with closing(sqlite3.connect(room.home / "store.sqlite")) as plain:
        plain.execute("UPDATE events SET body = replace(body, 'a/x', 'a/y') WHERE stream = 'run/r1' AND seq = 4")
        plain.commit()
    checks = {check.name: check for check in room.checks()}
    assert checks["journal"].health is Health.BAD
    assert "r1" in checks["journal"].said
    assert checks["estate"].health is Health.GOOD


def test_a_run_folder_without_events_is_bad(room: Room) -> None:
    begin(room, "r1")
    write_whole(run_folder(room.home, "ghost", must_exist=False).report("json"), "{}")
    lost = next(check for check in room.checks() if check.name == "lost runs")
    assert (lost.health, "ghost" in lost.said, "r1" in lost.said) == (Health.BAD, True, False)
    assert "restore" in lost.next_step


def test_what_cannot_be_looked_at_is_bad_and_the_rest_goes_on(room: Room) -> None:
    class Locked:
        def runs(self) -> tuple[str, ...]:
            raise Broken("the journal is locked", where="journal.sqlite", next_step="try again")

    checks = {check.name: check for check in room.checks(Locked())}  # type: ignore[arg-type]
    assert checks["journal"].health is Health.BAD
    assert checks["journal"].said == "journal.sqlite: the journal is locked"
    assert checks["playbooks"].health is Health.GOOD


def test_an_application_without_an_address_is_named(room: Room) -> None:
    applications = room.estate["applications"]
    assert isinstance(applications, dict)
    applications["stranger"] = applications.pop("mail")
    found = [check for check in room.is_not_well() if check.name == "estate"]
    assert ["mail" in check.said and "stranger" in check.said for check in found] == [True]


def test_the_real_machine_answers(tmp_path: Path) -> None:
    machine = ThisMachine()
    assert machine.pseudo_terminal() == ""
    assert machine.program("python3")
    assert machine.program("no-such-program") is None
    assert machine.free_bytes(tmp_path) > 0
    assert machine.file_system(Path("/proc")) == "proc"
    assert machine.clock_synchronised() in {True, False, None}
    tmp_path.chmod(0o750)
    assert machine.mode(tmp_path) == 0o750
    silent = NameServer(site="nyc", endpoint=closed_endpoint())
    assert machine.name_servers([silent], "a.test")["nyc"]


def closed_endpoint() -> Endpoint:
    """A port of loopback on which nothing answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return Endpoint(address="127.0.0.1", port=free.getsockname()[1])
