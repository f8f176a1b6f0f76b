"""A site is lost for real: everything comes back, measured as it truly was, and goes home again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drorch.adapters.probes.replication import look_at_replication
from drorch.evidence.model import OutageStatus
from drorch.lab.control import Lab
from drorch.lab.processes import postmaster_of
from drorch.lab.truth import read_truth
from drorch.plan.model import ReplicationAct
from tests.acceptance.conftest import wait_until
from tests.acceptance.operator import Ended, Operator, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
GROUP = "nyc-platform"
ACCURACY_S = 0.25


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab that is whole; it is brought home again even when the test fails."""
    person = Operator.of(lab, tmp_path / "home")
    yield person
    person.ends_watches()
    assert processes_naming(person.home) == []


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
