"""Nothing is left behind, and if something is, it is named: baselines around runs, protection during them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest

from drorch.app import composition
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.evidence.record.model import BaselineResult, Overall, ProtectionResult
from drorch.interfaces.terminal.exit_codes import exit_code_of
from drorch.lab.control import Lab
from drorch.lab.daemons.databases import connect
from drorch.lab.topology import ZONE
from drorch.orchestration.difference_acceptance import accept_difference
from drorch.plan.model import Kind
from drorch.run.events import Event, RunEnded, RunOutcome, StepSucceeded
from drorch.testing.builders import small_catalog
from tests.acceptance.conftest import running_lab, wait_until
from tests.acceptance.operator import Ended, Operator, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
GROUP = "nyc-platform"


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab that is whole, who leaves no watcher behind."""
    person = Operator.of(lab, tmp_path / "home")
    yield person
    person.ends_watches()
    assert processes_naming(person.home) == []


def left_by(ended: Ended) -> BaselineResult:
    """What the report says about what the run left; fails where it says nothing."""
    assert ended.report.baseline is not None
    return ended.report.baseline


def protection_in(ended: Ended) -> ProtectionResult:
    """The one protection group's line."""
    (found,) = ended.report.protection
    assert found.group == GROUP
    return found


def test_a_drill_leaves_everything_as_it_was_and_never_stops_replication(operator: Operator) -> None:
    drilled = operator.drills()
    assert (drilled.exit_code, drilled.report.troubles) == (0, ())
    left = left_by(drilled)
    assert (left.clean, left.differences) == (True, ())
    found = protection_in(drilled)
    assert (found.gaps, found.unobserved_s, found.at_start, found.at_end) == ((), 0.0, True, True)
    assert found.samples >= 3
    before, after = (
        json.loads(drilled.opened.folder.baseline(when).read_text(encoding="utf-8")) for when in ("before", "after")
    )
    assert {node["role"] for node in before["databases"]} == {"primary", "standby"}
    assert [node["site"] for node in before["databases"]] == [node["site"] for node in after["databases"]]
    assert "PROTECTION DURING THE RUN" in drilled.text()


def test_a_failover_shows_its_gap_and_the_failback_ends_in_the_normal_state(operator: Operator) -> None:
    operator.watches()
    operator.loses("nyc")
    recovered = operator.fails_over()
    assert (recovered.exit_code, recovered.report.troubles) == (0, ())
    assert recovered.report.baseline is None
    gap = protection_in(recovered)
    assert (gap.at_start, gap.at_end) == (False, False)
    assert gap.gaps[-1].ended is None
    assert gap.unprotected is not None
    assert recovered.report.run.seconds is not None
    assert gap.unprotected.seconds + gap.unprotected.plus >= recovered.report.run.seconds - 1.5

    operator.gets_back("nyc")
    home = operator.fails_back()
    left = left_by(home)
    assert left.against == "the normal state of the catalog"
    assert (left.clean, left.differences) == (True, ())
    assert (home.exit_code, home.report.troubles) == (0, ())
    assert protection_in(home).at_end is True


def test_what_somebody_leaves_in_the_way_of_a_drill_is_named_and_accepted_by_name(operator: Operator) -> None:
    node = operator.lab.topology.node(GROUP, "piscataway")
    planted = operator.lab.topology.drill_data_folder(node)
    planted.mkdir(mode=0o755)
    try:
        hindered = operator.drills()
    finally:
        planted.rmdir()
    assert hindered.report.result.overall is Overall.FAIL
    left = left_by(hindered)
    assert [(found.name, found.after) for found in left.differences] == [
        (f"drill-copy-left/{GROUP}@piscataway", "data")
    ]
    assert "not clean" in hindered.report.result.reason
    assert f"drill-copy-left/{GROUP}@piscataway" in hindered.text()

    run, name = hindered.opened.run, left.differences[0].name
    parts = composition.parts(operator.home)
    for wrong, error in (
        ({"person": "", "reason": "known"}, InputInvalid),
        ({"person": "Grace Approver", "reason": " "}, InputInvalid),
    ):
        with pytest.raises(error):
            accept_difference(operator.service, parts, run, name, **wrong)
    with pytest.raises(NotFound, match="left no difference"):
        accept_difference(operator.service, parts, run, "drill-copy-left/other", person="Grace", reason="known")
    assert operator.journal(hindered.opened) == hindered.events
    report = accept_difference(operator.service, parts, run, name, person="Grace Approver", reason="the folder is mine")
    assert report.baseline is not None
    assert (report.baseline.clean, report.baseline.differences[0].accepted_by) == (True, "Grace Approver")
    assert report.result.overall is Overall.FAIL, "accepting what is left does not make the drill a success"
    with pytest.raises(Refused, match="accepted"):
        accept_difference(operator.service, parts, run, name, person="Grace Approver", reason="again")


def is_done(event: Event, step: str) -> bool:
    """Whether the event is the success of the step."""
    return isinstance(event.body, StepSucceeded) and event.body.step == step


def drorch(operator: Operator, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as people type it."""
    return subprocess.run(
        [sys.executable, "-m", "drorch", *words],
        env={"PATH": os.environ["PATH"], "DRORCH_HOME": str(operator.home), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_interrupted_drill_names_what_it_left_and_the_second_clean_up_removes_it(operator: Operator) -> None:
    service, operations = operator.service, composition.operations(operator.home)
    opened = operator.begins(operator.plans(Kind.DRILL))
    service.start_watch(opened)

    def stop_once(event: Event) -> None:
        if is_done(event, f"{GROUP}/drill"):
            operations.stop(opened.run, person=operator.name, reason="a real incident has come")

    outcome = service.drive(opened, stop_once)
    report = service.conclude(opened)
    copy = f"drill-copy-left/{GROUP}@piscataway"
    assert (outcome, report.result.overall) == (RunOutcome.STOPPED, Overall.FAIL)
    assert report.baseline is not None
    left = {found.name: found.after for found in report.baseline.differences}
    assert left[copy] == "data, marker, server"
    assert {name.partition("/")[0] for name in left} <= {"drill-copy-left", "drill-service-left"}

    operations.clean_up(opened.run, person=operator.name, reason="the copy is still there")
    service.start_watch(opened)
    outcome = service.drive(opened, lambda event: None)
    report = service.conclude(opened)
    assert report.baseline is not None
    assert (outcome, report.baseline.clean) == (RunOutcome.CLEANED, True), report.baseline
    assert exit_code_of(outcome, report, waits_for_operator=False) == 1, (
        "what is cleaned up was no success all the same"
    )
    refused = drorch(operator, "run", "accept-difference", opened.run, copy, "--by", "Grace", "--reason", "known")
    assert refused.returncode == 2
    assert "left no difference" in refused.stderr


def test_replication_that_is_cut_during_a_drill_is_a_gap_and_no_pass(operator: Operator) -> None:
    opened = operator.begins(operator.plans(Kind.DRILL))
    service, lab = operator.service, operator.lab
    service.start_watch(opened)
    cut: list[Event] = []

    def cut_once(event: Event) -> None:
        if is_done(event, f"{GROUP}/drill"):
            cut.append(event)
            lab.break_("replication", GROUP)
            wait_until(lambda: not receives(lab), what="replication cut")
            wait_until(lambda: '"protected":false' in opened.folder.protection.read_text(), what="seen by the meter")
            lab.heal("replication", GROUP)
            wait_until(lambda: receives(lab), what="replication healed")

    service.drive(opened, cut_once)
    report = service.conclude(opened)
    (found,) = report.protection
    assert cut
    assert len(found.gaps) == 1
    assert found.gaps[0].ended is not None
    assert found.at_end is True
    assert report.result.overall is Overall.FAIL
    assert "protection was interrupted by the drill" in report.result.reason
    assert report.baseline is not None
    assert report.baseline.clean is True


def receives(lab: Lab) -> bool:
    """Whether the standby streams."""
    with connect(lab.topology, lab.topology.node(GROUP, "piscataway")) as standby:
        row = standby.execute("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'").fetchone()
    return row == (1,)


def test_a_name_server_that_is_silent_after_a_drill_is_named(operator: Operator) -> None:
    before = operator.lab.status()
    opened = operator.begins(operator.plans(Kind.DRILL))
    service = operator.service
    service.start_watch(opened)

    def silence(event: Event) -> None:
        if isinstance(event.body, RunEnded):
            operator.lab.break_("dns", "valencia")

    service.drive(opened, silence)
    report = service.conclude(opened)
    operator.lab.heal("dns", "valencia")
    assert report.baseline is not None
    silent = {found.name for found in report.baseline.differences if found.after == "nothing"}
    assert "name-changed/mail.apps.drorch.test@valencia" in silent
    assert all(name.endswith("@valencia") for name in silent)
    assert report.result.overall is Overall.FAIL
    wait_until(lambda: operator.lab.status() == before, what="the lab as it was before")


def point(lab: Lab, application: str, site: str) -> None:
    """Somebody changes a name by hand, and both servers take it over."""
    topology = lab.topology
    name = dns.name.from_text(topology.application(application).name)
    key = json.loads(topology.dns_key_file.read_text(encoding="utf-8"))
    keyring = dns.tsigkeyring.from_text({key["name"]: key["secret"]})
    update = dns.update.UpdateMessage(ZONE, keyring=keyring, keyalgorithm=key["algorithm"])
    update.replace(name, 1, "A", topology.sites[site])
    answer = dns.query.tcp(update, topology.sites["piscataway"], 5, topology.dns_ports["piscataway"])
    assert answer.rcode() == dns.rcode.NOERROR
    wait_until(lambda: set(named(lab, application).values()) == {site}, what="the name at both servers")


def named(lab: Lab, application: str) -> Mapping[str, str | None]:
    """Where each name server points."""
    return next(found.names for found in lab.status().applications if found.id == application)


def test_a_wrong_name_and_a_swapped_role_are_named(tmp_path: Path) -> None:
    with running_lab(small_catalog()) as lab:
        operator = Operator.of(lab, tmp_path / "home")
        opened = operator.begins(operator.plans(Kind.DRILL))
        operator.service.start_watch(opened)

        def meddle(event: Event) -> None:
            if isinstance(event.body, RunEnded):
                point(lab, "mail", "valencia")
                with connect(lab.topology, lab.topology.node(GROUP, "piscataway")) as standby:
                    standby.execute("SELECT pg_promote(true, 30)")

        outcome = operator.service.drive(opened, meddle)
        report = operator.service.conclude(opened)
        operator.ends_watches()
    assert report.baseline is not None
    found = {difference.name: (difference.before, difference.after) for difference in report.baseline.differences}
    assert found.pop("slots-changed/nyc-platform@nyc") == ("drorch_nyc_platform active", "drorch_nyc_platform inactive")
    assert found == {
        "name-changed/mail.apps.drorch.test@piscataway": ("nyc", "valencia"),
        "name-changed/mail.apps.drorch.test@valencia": ("nyc", "valencia"),
        "role-changed/nyc-platform@piscataway": ("standby", "primary"),
        "replication-changed/nyc-platform@nyc": ("followed by 1", "followed by nothing"),
        "replication-changed/nyc-platform@piscataway": ("follows nyc", "followed by nothing"),
    }
    assert (outcome, report.result.overall) == (RunOutcome.COMPLETED, Overall.FAIL)
