"""A site is lost for real: everything comes back, measured as it truly was, and goes home again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drorch.adapters.probes.replication import look_at_replication
from drorch.evidence.model import LossStatus, OutageStatus
from drorch.evidence.record.model import Overall
from drorch.lab.control import Lab
from drorch.lab.processes import postmaster_of
from drorch.lab.truth import read_truth
from drorch.plan.model import ReplicationAct
from drorch.testing.builders import small_catalog
from tests.acceptance.conftest import running_lab, wait_until
from tests.acceptance.operator import Ended, Operator, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
GROUP = "nyc-platform"
ACCURACY_S = 0.25


def person_at(lab: Lab, home: Path) -> Iterator[Operator]:
    """An operator who leaves no watcher behind."""
    person = Operator.of(lab, home)
    yield person
    person.ends_watches()
    assert processes_naming(person.home) == []


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab that is whole, who has to leave it whole."""
    yield from person_at(lab, tmp_path / "home")


@pytest.fixture
def operator_alone(tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab of their own."""
    with running_lab(small_catalog()) as own:
        yield from person_at(own, tmp_path / "home")


def committed_at(operator: Operator, application: str, site: str) -> set[int]:
    """Canaries the lab knows to be committed at the site."""
    return {
        int(str(line["number"]))
        for line in read_truth(operator.lab.truth_file)
        if line["what"] == "canary-committed" and line["application"] == application and line["site"] == site
    }


def assert_measured_as_it_was(operator: Operator, ended: Ended) -> None:
    """Every outage within ``ACCURACY_S`` of the truth, and both instants of the truth inside their brackets."""
    outages = operator.measured(ended).outages
    for result in ended.report.applications:
        outage, truth = outages[result.id], operator.truth_of(result.id, result.to_site)
        assert truth is not None, result.id
        assert outage.status is OutageStatus.RECOVERED
        assert outage.began is not None
        assert outage.ended is not None
        assert outage.length is not None
        seen = [sample for sample in operator.samples(ended) if sample.application == result.id]
        told = f"{result.id}: {outage} truth {truth}, longest gap {outage.largest_gap_s} s in {len(seen)} samples"
        assert outage.began.earliest <= truth.down <= outage.began.latest, told
        assert outage.ended.earliest <= truth.up <= outage.ended.latest, told
        assert abs(outage.length.seconds - truth.seconds) <= ACCURACY_S, told


def test_a_lost_site_is_recovered_measured_and_brought_home(operator: Operator) -> None:
    before = operator.lab.status()
    operator.watches()
    assert operator.loses("nyc") >= {"directory", "mail", "mobile-office"}

    recovered = operator.fails_over()
    assert (recovered.exit_code, recovered.report.troubles) == (0, ())
    assert recovered.verdicts() == {"directory": "pass", "mail": "pass", "mobile-office": "pass"}
    assert_measured_as_it_was(operator, recovered)
    assert recovered.report.totals.records_lost == 0
    remote = recovered.report.remote_access
    assert [(found.id, found.reached) for found in remote.applications] == [("archive", True)]
    assert "reachability by the remote-access path only" in recovered.text()

    operator.gets_back("nyc")
    home = operator.fails_back()
    assert (home.exit_code, home.report.troubles) == (0, ())
    assert set(home.verdicts().values()) == {"pass"}
    assert_measured_as_it_was(operator, home)
    assert home.report.totals.records_lost == 0
    assert home.step(f"{GROUP}/protected").outcome.value == "done"
    protected = ReplicationAct(group=GROUP, primary="nyc", standby="piscataway", max_lag_s=5)
    proof = look_at_replication(operator.estate, protected)
    assert proof.holds, proof
    wait_until(lambda: operator.lab.status() == before, what="the lab as it was before")
    for node in operator.lab.topology.nodes:
        assert postmaster_of(operator.lab.topology.drill_data_folder(node)) is None


def test_a_cut_link_before_the_loss_costs_exactly_the_rows_that_are_gone(operator: Operator) -> None:
    operator.watches()
    operator.lab.break_("link", "nyc-piscataway")
    cut = {application: committed_at(operator, application, "nyc") for application in ("directory", "mail")}

    def more_was_written() -> bool:
        return all(len(committed_at(operator, name, "nyc") - numbers) >= 3 for name, numbers in cut.items())

    wait_until(more_was_written, what="canaries that cannot be replicated")
    operator.loses("nyc")
    recovered = operator.fails_over()
    assert (recovered.exit_code, recovered.report.troubles) == (0, ())
    lost_rows = 0
    for name, loss in operator.measured(recovered).losses.items():
        if name == "archive":
            continue
        present = operator.present(recovered)[name]
        assert present is not None
        written = [write for write in operator.canaries(recovered) if write.application == name]
        answered = {write.number for write in written if write.acknowledged}
        committed = committed_at(operator, name, "nyc") & {write.number for write in written}
        # A write that was under way when the power went was promised to nobody.
        assert len(committed - answered) <= 1
        gone = (committed & answered) - set(present)
        assert loss.status is LossStatus.MEASURED
        assert set(loss.lost_numbers) == gone
        assert loss.lost == len(gone) >= 2
        assert loss.seconds is not None
        assert loss.seconds.seconds > 1
        assert recovered.application(name).recovery_point.records_lost == len(gone)
        lost_rows += len(gone)
    assert recovered.report.totals.records_lost == lost_rows
    assert any("lost" in issue for issue in recovered.report.result.issues)
    operator.lab.heal("link", "nyc-piscataway")
    operator.gets_back("nyc")
    assert operator.fails_back().exit_code == 0


def test_an_application_that_does_not_start_stops_only_what_needs_it(operator_alone: Operator) -> None:
    operator = operator_alone
    operator.watches()
    operator.lab.break_("app-stuck", "mobile-office")
    operator.loses("nyc")
    stuck = operator.fails_over()
    assert (stuck.exit_code, stuck.report.result.overall) == (1, Overall.FAIL)
    assert stuck.verdicts() == {"directory": "pass", "mail": "pass", "mobile-office": "failed"}
    trouble = stuck.trouble()
    assert (trouble.step, trouble.code, trouble.applications) == (
        "mobile-office/start",
        "task-failed",
        ("mobile-office", "archive"),
    )
    assert "stuck" in trouble.reason
    assert [blocked.step for blocked in trouble.stops] == ["mobile-office/validate"]
    assert [blocked.step for blocked in trouble.stops[0].stops] == ["archive/validate"]
    assert stuck.step("archive/validate").blocked_because == ("mobile-office/start",)
    assert [(found.id, found.reached) for found in stuck.report.remote_access.applications] == [("archive", False)]
    assert "mobile-office/start" in stuck.text()

    operator.lab.heal("app-stuck", "mobile-office")
    second = operator.fails_over()
    assert second.report.troubles == ()
    assert [(found.id, found.reached) for found in second.report.remote_access.applications] == [("archive", True)]
