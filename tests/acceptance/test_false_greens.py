"""Every way to a green result that proves nothing ends red or vacuous, each with its own reason.

Where a shipped playbook would notice by itself, a careless one takes its place: then the probes alone have to notice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from drorch.evidence.record.model import Overall
from drorch.lab.control import Lab
from drorch.lab.daemons.databases import role_of
from drorch.plan.playbook_folder import playbooks_folder
from drorch.testing.builders import small_catalog
from tests.acceptance.conftest import running_lab
from tests.acceptance.operator import Ended, Operator, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
GROUP = "nyc-platform"
RECOVER, START = "postgresql_streaming/recover.yml", "application/start.yml"
SAYS_DONE = """\
- name: Say that all is well
  hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Emit
      ansible.builtin.set_stats:
        data: {drorch: {changed: true, after: {in_recovery: false}}}
"""
IGNORES_AN_ERROR = """\
- name: Promote, come what may
  hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Promote
      remote_program: {argv: ["{{ pg_bin }}/pg_ctl", --pgdata=/nowhere, promote]}
      ignore_errors: true
"""


@dataclass(frozen=True, kw_only=True)
class Playbooks:
    """A copy of the playbooks that may be made worse."""

    folder: Path

    def replace(self, name: str, text: str) -> None:
        """Put another playbook in the place of this one."""
        assert (self.folder / name).exists()
        (self.folder / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Change one place of a playbook."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        self.replace(name, text.replace(old, new))


@pytest.fixture
def playbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Playbooks:
    """Playbooks of one's own."""
    made = Playbooks(folder=tmp_path / "playbooks")
    shutil.copytree(playbooks_folder(), made.folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("DRORCH_PLAYBOOKS", str(made.folder))
    return made


def person_at(lab: Lab, home: Path) -> Iterator[Operator]:
    """An operator who leaves no watcher behind and does not wait long for a proof that cannot come."""
    person = Operator.of(lab, home)
    person.patience_s = 4
    yield person
    person.ends_watches()
    assert processes_naming(person.home) == []


@pytest.fixture(scope="module")
def dark_lab() -> Iterator[Lab]:
    """New York is dark, nothing is recovered. Only for what fails before anything is promoted."""
    with running_lab(small_catalog()) as lab:
        lab.break_("site", "nyc")
        yield lab


@pytest.fixture
def at_dark_lab(dark_lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """Somebody who finds New York dark."""
    yield from person_at(dark_lab, tmp_path / "home")
    standby = dark_lab.topology.node(GROUP, "piscataway")
    assert role_of(dark_lab.topology, standby) == "standby", "nothing was to be promoted"


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab of their own, which is whole."""
    with running_lab(small_catalog()) as lab:
        yield from person_at(lab, tmp_path / "home")


def assert_red(ended: Ended, step: str, code: str, *words: str) -> None:
    """The run failed, first at ``step`` with ``code``; nothing of it counts as recovered."""
    assert (ended.exit_code, ended.report.result.overall) == (1, Overall.FAIL)
    assert "pass" not in ended.verdicts().values()
    found = {trouble.step: trouble for trouble in ended.report.troubles}
    assert step in found, ended.text()
    assert found[step].code == code, ended.text()
    for word in words:
        assert word in found[step].reason


# Nothing was done and nothing complained


def test_a_mistyped_host_in_the_inventory(at_dark_lab: Operator) -> None:
    inventory = at_dark_lab.home / "inventory.yml"
    text = Path(at_dark_lab.estate.inventory).read_text(encoding="utf-8")
    right, mistyped = f"db-{GROUP}-piscataway", f"db-{GROUP}-picsataway"
    assert right in text
    inventory.write_text(text.replace(right, mistyped), encoding="utf-8")
    estate = yaml.safe_load(at_dark_lab.estate_file.read_text(encoding="utf-8"))
    at_dark_lab.estate_file = at_dark_lab.home / "estate.yml"
    at_dark_lab.estate_file.write_text(yaml.safe_dump({**estate, "inventory": str(inventory)}), encoding="utf-8")
    assert_red(at_dark_lab.fails_over(), f"{GROUP}/recover", "host-not-processed", right)


def test_a_mistyped_host_group_in_a_playbook(at_dark_lab: Operator, playbooks: Playbooks) -> None:
    playbooks.change(RECOVER, 'hosts: "{{ drorch.hosts }}"', "hosts: databsaes")
    assert_red(at_dark_lab.fails_over(), f"{GROUP}/recover", "host-not-processed", f"db-{GROUP}-piscataway")


def test_a_playbook_that_ignores_an_error(at_dark_lab: Operator, playbooks: Playbooks) -> None:
    playbooks.replace(RECOVER, IGNORES_AN_ERROR)
    assert_red(at_dark_lab.fails_over(), f"{GROUP}/recover", "task-ignored", f"db-{GROUP}-piscataway")


# Reported, and not so


def test_a_promotion_that_is_reported_and_was_not_done(operator: Operator, playbooks: Playbooks) -> None:
    playbooks.replace(RECOVER, SAYS_DONE)
    playbooks.change(START, "expect: {state: started, writable: true}", "expect: {state: started}")
    operator.loses("nyc")
    ended = operator.fails_over()
    assert ended.step(f"{GROUP}/recover").outcome.value == "done", "the playbook claims so"
    assert_red(ended, "directory/validate", "read-only")


def test_a_recovery_site_that_answers_with_the_old_primarys_data(operator: Operator, playbooks: Playbooks) -> None:
    for application in ("directory", "mail", "mobile-office"):
        operator.lab.break_("app-old-data", application)
    playbooks.replace("postgresql_streaming/handover.yml", SAYS_DONE)
    ended = operator.switches_over("nyc")
    assert ended.step("directory/start").outcome.value == "done", "it starts, writes, and its name points to it"
    assert_red(ended, "directory/validate", "wrong-data-site", "answered from piscataway with the database of nyc")
    assert {trouble.step for trouble in ended.report.troubles} == {"directory/validate", f"{GROUP}/protected"}


def test_a_name_server_that_takes_an_update_and_changes_nothing(operator: Operator, playbooks: Playbooks) -> None:
    operator.lab.break_("dns-updates", "piscataway")
    playbooks.change(START, "drorch_names_deadline_s | default(20)", "drorch_names_deadline_s | default(1)")
    operator.loses("nyc")
    ended = operator.fails_over()
    assert_red(ended, "directory/start", "task-failed", "not all servers answer 127.20.0.1")


def test_a_name_that_nobody_switched(operator: Operator, playbooks: Playbooks) -> None:
    text = (playbooks.folder / START).read_text(encoding="utf-8")
    (play,) = yaml.safe_load(text)
    play["tasks"] = [task for task in play["tasks"] if "site_control" in task]
    playbooks.replace(START, yaml.safe_dump([play]))
    operator.loses("nyc")
    ended = operator.fails_over()
    assert ended.step("directory/start").outcome.value == "done"
    assert_red(ended, "directory/validate", "refused")


def test_one_of_two_name_servers_is_stale(operator: Operator, playbooks: Playbooks) -> None:
    operator.lab.break_("dns-stale", "valencia")
    playbooks.change(START, 'servers: "{{ drorch_dns_servers }}"', 'servers: "{{ drorch_dns_servers[:1] }}"')
    operator.loses("nyc")
    ended = operator.fails_over()
    assert ended.step("directory/start").outcome.value == "done", "it asked one server only"
    assert_red(ended, "directory/validate", "name-disagrees", "valencia: nyc")


def test_up_but_read_only(operator: Operator, playbooks: Playbooks) -> None:
    playbooks.change(START, "expect: {state: started, writable: true}", "expect: {state: started}")
    operator.loses("nyc")
    operator.lab.break_("app-readonly", "directory")
    assert_red(operator.fails_over(), "directory/validate", "read-only")


# Seen by nobody


def test_a_recovery_that_no_probe_saw_fail_is_vacuous(operator: Operator) -> None:
    operator.patience_s = None
    operator.loses("nyc")
    ended = operator.fails_over()
    assert ended.report.troubles == (), "every step was done"
    assert (ended.exit_code, ended.report.result.overall) == (1, Overall.FAIL)
    assert ended.verdicts() == dict.fromkeys(("directory", "mail", "mobile-office"), "vacuous")
    assert all("nothing good was seen before" in result.reason for result in ended.report.applications)
    assert all(result.recovery_time.from_disruption is None for result in ended.report.applications)
    assert "the test proves nothing" in ended.report.result.reason
