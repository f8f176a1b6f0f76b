"""All five kinds of runs on the lab, and the interlocks before them. Failover and failback: see test_recovery.py."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drorch.evidence.record.model import Overall
from drorch.lab.control import Lab
from drorch.lab.daemons.databases import connect
from drorch.lab.truth import read_truth
from drorch.plan.model import Kind
from drorch.run.events import InterlockRefused, RunOutcome, StepStarted
from tests.acceptance.conftest import wait_until
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


def senders(lab: Lab, site: str = "nyc") -> list[tuple[object, ...]]:
    """Who receives the log of the primary, and since when: a new connection is another row."""
    with connect(lab.topology, lab.topology.node(GROUP, site)) as primary:
        return primary.execute(
            "SELECT pid, backend_start, application_name, state FROM pg_stat_replication"
            " WHERE application_name <> 'pg_basebackup'"
        ).fetchall()


def happened(lab: Lab) -> list[dict[str, object]]:
    """Everything in the truth log but the writes of the probes."""
    return [line for line in read_truth(lab.truth_file) if line["what"] != "canary-committed"]


def assert_no_copy_is_left(lab: Lab) -> None:
    """No data, no marker, no process, no listener of a drill anywhere."""
    for node in lab.topology.nodes:
        data = lab.topology.drill_data_folder(node)
        assert not data.exists()
        assert not data.with_name(data.name + ".drorch-drill").exists()
        assert not is_open(node.address, node.drill_port)
    for application in lab.topology.applications:
        assert not any(is_open(lab.topology.sites[site], application.drill_port) for site in application.sites)
    assert [line for line in processes_naming(lab.folder) if "/drill" in line] == []


def is_open(address: str, port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


def assert_production_untouched(operator: Operator, ended: Ended) -> None:
    """Every sample of production good; every application as many as it takes to say so."""
    production = [sample for sample in operator.samples(ended) if not sample.drill]
    assert [sample for sample in production if not sample.good] == []
    assert {sample.application for sample in production if sample.full} == {
        "directory",
        "mail",
        "mobile-office",
        "archive",
    }


def test_a_drill_proves_a_copy_and_leaves_production_and_its_protection_alone(operator: Operator) -> None:
    before, protection = operator.lab.status(), senders(operator.lab)
    assert [row[3] for row in protection] == ["streaming"]
    ended = operator.drills("nyc")
    assert (ended.exit_code, ended.report.troubles) == (0, ())
    assert ended.verdicts() == {"directory": "proved", "mail": "proved", "mobile-office": "proved"}
    assert [(found.id, found.reached) for found in ended.report.remote_access.applications] == [("archive", True)]
    assert all(result.recovery_time.from_disruption is None for result in ended.report.applications)
    assert {sample.application for sample in operator.samples(ended) if sample.drill and sample.good} >= {
        "directory",
        "mail",
        "mobile-office",
    }
    assert_production_untouched(operator, ended)
    assert senders(operator.lab) == protection
    assert operator.lab.status() == before
    assert_no_copy_is_left(operator.lab)


def test_a_drill_that_fails_cleans_up_all_the_same(operator: Operator) -> None:
    before, protection = operator.lab.status(), senders(operator.lab)
    operator.lab.break_("app-stuck", "mail")
    try:
        ended = operator.drills("nyc")
    finally:
        operator.lab.heal("app-stuck", "mail")
    assert (ended.exit_code, ended.report.result.overall) == (1, Overall.FAIL)
    assert ended.verdicts() == {"directory": "proved", "mail": "failed", "mobile-office": "proved"}
    assert (ended.trouble().step, ended.trouble().code) == ("mail/drill-start", "task-failed")
    for step in ("mail/drill-stop", "directory/drill-stop", f"{GROUP}/drill-clean-up", f"{GROUP}/protected"):
        assert ended.step(step).outcome.value == "done", step
    assert_production_untouched(operator, ended)
    assert senders(operator.lab) == protection
    assert operator.lab.status() == before
    assert_no_copy_is_left(operator.lab)


def test_readiness_looks_and_changes_nothing(operator: Operator) -> None:
    before, protection, past = operator.lab.status(), senders(operator.lab), happened(operator.lab)
    operator.approvers = ()
    ended = operator.performs(operator.plans(Kind.READINESS))
    assert (ended.exit_code, ended.report.troubles) == (0, ())
    assert set(ended.verdicts().values()) == {"proved"}
    assert happened(operator.lab) == past
    assert senders(operator.lab) == protection
    assert operator.lab.status() == before


def test_readiness_says_what_is_not_ready(operator: Operator) -> None:
    operator.patience_s = 4
    operator.lab.break_("replication", GROUP)
    try:
        ended = operator.performs(operator.plans(Kind.READINESS))
    finally:
        operator.lab.heal("replication", GROUP)
    assert ended.exit_code == 1
    assert ended.trouble().step == f"{GROUP}/check"
    assert ended.trouble().code in {"not-streaming", "lag"}
    wait_until(lambda: [row[3] for row in senders(operator.lab)] == ["streaming"], what="replication")


def test_a_switchover_loses_nothing_and_goes_back(operator: Operator) -> None:
    before = operator.lab.status()
    moved = operator.switches_over("brindisi")
    assert (moved.exit_code, moved.report.troubles) == (0, ())
    assert moved.verdicts() == {"umoja": "pass", "reports": "pass"}
    assert (moved.report.totals.records_lost, moved.report.totals.rpo_met) == (0, 2)
    state = operator.lab.status()
    assert {(node.site, node.role) for node in state.databases if node.group == "brindisi-enterprise"} == {
        ("valencia", "primary"),
        ("brindisi", "streaming"),
    }
    served = {entry.id: (entry.started, set(entry.names.values())) for entry in state.applications}
    assert served["umoja"] == served["reports"] == (("valencia",), {"valencia"})

    home = operator.fails_back("brindisi")
    assert (home.exit_code, home.report.troubles) == (0, ())
    assert home.verdicts() == {"umoja": "pass", "reports": "pass"}
    assert home.report.totals.records_lost == 0
    wait_until(lambda: operator.lab.status() == before, what="the lab as it was before")


def test_a_living_site_is_not_failed_over(operator: Operator) -> None:
    before, past = operator.lab.status(), happened(operator.lab)
    ended = operator.fails_over("nyc")
    assert (ended.exit_code, ended.outcome) == (3, RunOutcome.REFUSED)
    (refused,) = (event.body for event in ended.events if isinstance(event.body, InterlockRefused))
    assert refused.interlock == "site-lost"
    assert "nyc answers" in refused.reason
    assert ended.report.result.overall is Overall.NOT_RUN
    assert [event.body.step for event in ended.events if isinstance(event.body, StepStarted)] == ["nyc/witness"]
    assert happened(operator.lab) == past
    assert operator.lab.status() == before


@pytest.mark.parametrize(
    ("approvers", "declared_by", "interlocks"),
    [
        pytest.param((), "Grace Approver", ["approval"], id="nobody-approves"),
        pytest.param(("ada operator ",), "Grace Approver", ["two-persons"], id="the-operator-approves"),
        pytest.param(("Grace Approver",), None, ["declared"], id="nobody-declares"),
    ],
)
def test_a_failover_needs_its_people(
    operator: Operator, approvers: tuple[str, ...], declared_by: str | None, interlocks: list[str]
) -> None:
    past = happened(operator.lab)
    operator.approvers, operator.declared_by = approvers, declared_by
    ended = operator.fails_over("nyc")
    assert (ended.exit_code, ended.outcome) == (3, RunOutcome.REFUSED)
    assert [event.body.interlock for event in ended.events if isinstance(event.body, InterlockRefused)] == interlocks
    assert [event for event in ended.events if isinstance(event.body, StepStarted)] == []
    assert happened(operator.lab) == past
