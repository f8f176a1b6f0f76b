"""Evidence that expires, over real records: exactly the applications that use what changed, and the reason by name."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from drorch.catalog.files import load_catalog_file
from drorch.interfaces.terminal.main import main
from drorch.orchestration.service import Approval, Request
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.plan.playbook_folder import playbooks_folder, read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.testing.builders import catalog_text
from drorch.testing.clock import HandClock
from drorch.testing.evidence import write_estate
from drorch.testing.fakes import MemoryJournal
from drorch.testing.streams import MemoryStore
from drorch.testing.whole import PaperWorld
from drorch.year.log import year_log
from drorch.year.operations import Year, load_year
from drorch.year.stale_evidence import Freshness
from tests.unit.year.samples import year_text

PLATFORM, ENTERPRISE = {"directory", "mail", "mobile-office"}, {"umoja", "reports"}
OTHER_METHOD = (
    "id: brindisi-enterprise\n    name: Enterprise\n    method: postgresql_streaming",
    "id: brindisi-enterprise\n    name: Enterprise\n    method: files_copy",
)


class Desk:
    """A state folder with a drill of each group, each group with a method of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "state"
        self.playbooks = folder / "playbooks"
        shutil.copytree(playbooks_folder(), self.playbooks, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(self.playbooks / "postgresql_streaming", self.playbooks / "files_copy")
        self.catalog, self.year_file = folder / "app_catalog.yaml", folder / "year.yaml"
        self.catalog.write_text(catalog_text(OTHER_METHOD))
        self.year_file.write_text(year_text())
        self.estate = write_estate(self.home)
        told = json.loads(self.estate.read_text())
        room = {"applications": 10, "verified": "2013-01-01", "by": "Vera Verifier"}
        self.estate.write_text(json.dumps({**told, "capacity": {"piscataway": room, "valencia": room}}))
        self.inventory = Path(told["inventory"])
        self.inventory.write_text(
            "all:\n  children:\n    databases:\n      hosts:\n"
            "        db-nyc-platform-nyc: {pg_port: 5432}\n        db-brindisi-enterprise-valencia: {pg_port: 5433}\n"
        )
        self.clock = HandClock()
        self.world = PaperWorld(self.home, self.clock, MemoryJournal())

    def drill(self, group: str) -> str:
        """A whole drill of a group; its run."""
        plan = build_plan(
            load_catalog_file(self.catalog),
            kind=Kind.DRILL,
            groups=[group],
            playbooks_id=playbooks_id(read_playbooks()),
        )
        request = Request(
            plan=plan,
            catalog_file=self.catalog,
            estate_file=self.estate,
            operator="Olga Operator",
            approvals=(Approval(person="Ana Approver", reason="read it"),),
            year=self.year_file,
            run=f"20130302-080000-{group}",
        )
        run = self.world.service.begin(request).run
        self.world.drive(run)
        return run

    def looks(self) -> Freshness:
        """Everything as it is now."""
        year = Year(self.home, year_log(MemoryStore()), self.clock, *load_year(self.year_file, self.catalog))
        return year.freshness(year.status()[0])

    def stale(self) -> dict[str, tuple[str, ...]]:
        """Stale applications with their reasons."""
        return {item.evidence.application: item.reasons for item in self.looks().stale}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Both groups were drilled, on a Saturday on which all sites are open."""
    made = Desk(tmp_path)
    monkeypatch.setenv("DRORCH_PLAYBOOKS", str(made.playbooks))
    made.clock.advance(86_400.0 + 12 * 3600.0)
    made.drill("nyc-platform")
    made.drill("brindisi-enterprise")
    return made


def test_nothing_changed_is_fresh(desk: Desk) -> None:
    found = desk.looks()
    assert found.stale == ()
    assert {item.application for item in found.fresh} == PLATFORM | ENTERPRISE


@pytest.mark.parametrize(
    ("file", "who"),
    [
        ("files_copy/tasks_prove_follows.yml", ENTERPRISE),
        ("files_copy/drill.yml", ENTERPRISE),
        ("postgresql_streaming/vars_drill.yml", PLATFORM),
        ("application/drill_start.yml", PLATFORM | ENTERPRISE),
        ("plugins/action/remote_program.py", PLATFORM | ENTERPRISE),
        ("plugins/action/switch_names.py", set()),
        ("postgresql_streaming/recover.yml", set()),
    ],
)
def test_one_line_of_a_playbook_makes_exactly_its_users_stale_and_says_which(
    desk: Desk, file: str, who: set[str]
) -> None:
    with (desk.playbooks / file).open("a") as playbook:
        playbook.write("# one more line\n")
    assert desk.stale() == dict.fromkeys(who, (f"playbooks: {file} changed",))


def test_entry_host_dependency_and_probe_are_named(desk: Desk) -> None:
    desk.catalog.write_text(desk.catalog.read_text().replace("rto: {time: 2h,", "rto: {time: 1h,", 1))
    desk.inventory.write_text(desk.inventory.read_text().replace("5433", "5434"))
    told = desk.stale()
    assert told["directory"] == ("catalog: rto changed",)
    assert told["mail"] == ("dependencies: directory changed",)
    assert told["umoja"] == ("inventory: db-brindisi-enterprise-valencia changed",)


def test_a_new_test_is_fresh_again(desk: Desk) -> None:
    (desk.playbooks / "files_copy" / "drill.yml").open("a").write("# changed\n")
    assert set(desk.stale()) == ENTERPRISE
    desk.clock.advance(7 * 86_400.0)
    shutil.rmtree(desk.home / "runs" / "20130302-080000-brindisi-enterprise")
    desk.world = PaperWorld(desk.home, desk.clock, MemoryJournal())
    desk.drill("brindisi-enterprise")
    assert desk.stale() == {}


def test_what_is_not_known_is_not_fresh(desk: Desk) -> None:
    (desk.home / "runs" / "20130302-080000-nyc-platform" / "fingerprint.json").unlink()
    desk.estate.rename(desk.folder / "elsewhere.yml")
    told = desk.stale()
    assert set(told) == PLATFORM | ENTERPRISE
    assert "inventory and probes are not known" in told["umoja"][0]
    assert "cannot be read" in told["directory"][0]


def test_age_alone_makes_stale_when_the_programme_says_so(desk: Desk) -> None:
    desk.year_file.write_text(year_text() + "limits: {evidence_days: 30}\n")
    assert desk.stale() == {}
    desk.clock.advance(40 * 86_400.0)
    assert desk.stale() == dict.fromkeys(PLATFORM | ENTERPRISE, (f"it held until {date(2013, 4, 1)}",))


def test_the_command_says_what_to_test_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.playbooks / "files_copy" / "drill.yml").open("a").write("# changed\n")
    monkeypatch.setenv("DRORCH_HOME", str(desk.home))
    files = ["--year", str(desk.year_file), "--catalog", str(desk.catalog)]
    monkeypatch.setattr("sys.argv", ["drorch", "year", "stale", "--json", *files])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert {item["application"] for item in told["stale"]} == ENTERPRISE
    first = told["stale"][0]
    assert first["changes"] == [{"source": "playbooks", "piece": "files_copy/drill.yml", "how": "changed"}]
    assert first["retest"]["command"] == "drorch plan build --kind drill --group brindisi-enterprise"
    assert first["retest"]["opens"] is not None
    monkeypatch.setattr("sys.argv", ["drorch", "year", "stale", *files])
    with pytest.raises(SystemExit):
        main()
    assert "retest brindisi-enterprise (2)" in capsys.readouterr().out
