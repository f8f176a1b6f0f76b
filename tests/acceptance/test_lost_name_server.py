"""Sites are lost, with the name servers that stand there: others are recovered, and nothing is green by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drorch.catalog.load import load_catalog
from drorch.evidence.record.model import Overall
from drorch.lab.compare import true_outage
from drorch.lab.control import Lab
from drorch.lab.truth import read_truth
from drorch.testing.builders import SMALL_CATALOG_YAML
from tests.acceptance.conftest import running_lab, wait_until
from tests.acceptance.operator import Ended, Operator, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(300)]
ACCURACY_S = 0.25
# Umoja at Piscataway, mirrored to Valencia: the site that is lost takes the updates of names as well.
AT_PISCATAWAY = SMALL_CATALOG_YAML.replace(
    "    primary_site: piscataway\n    recovery_site: null\n", "    primary_site: brindisi\n    recovery_site: null\n"
).replace(
    "    primary_site: brindisi\n    recovery_site: valencia\n",
    "    primary_site: piscataway\n    recovery_site: valencia\n",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Four sites; Umoja and Reports at Piscataway."""
    with running_lab(load_catalog(AT_PISCATAWAY.encode(), "app_catalog.yaml")) as running:
        yield running


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab that is whole, who leaves no watcher behind."""
    person = Operator.of(lab, tmp_path / "home")
    person.catalog_file.write_text(AT_PISCATAWAY, encoding="utf-8")
    yield person
    person.ends_watches()
    assert processes_naming(person.home) == []


def assert_measured(operator: Operator, ended: Ended, to_site: str, servers: int) -> None:
    """Each recovery time is what the lab knows, within its own bounds."""
    for name in ("umoja", "reports"):
        truth = true_outage(
            read_truth(operator.lab.truth_file),
            application=name,
            name=operator.estate.applications[name].name,
            to_site=to_site,
            to_address=operator.estate.sites[to_site],
            servers=servers,
        )
        outage = operator.measured(ended).outages[name]
        assert truth is not None
        assert outage.length is not None
        assert abs(outage.length.seconds - truth.seconds) <= ACCURACY_S + outage.length.plus, (outage, truth)


def test_the_site_that_takes_the_updates_of_names_is_lost(operator: Operator) -> None:
    before = operator.lab.status()
    operator.watches(lose="piscataway")
    assert operator.loses("piscataway") >= {"umoja", "reports"}
    recovered = operator.fails_over("piscataway")
    assert (recovered.exit_code, recovered.report.troubles) == (0, ())
    assert recovered.verdicts() == {"umoja": "pass", "reports": "pass"}
    assert recovered.report.totals.records_lost == 0
    served = {entry.id: (entry.started, dict(entry.names)) for entry in operator.lab.status().applications}
    assert served["umoja"] == (("valencia",), {"piscataway": None, "valencia": "valencia"})

    # It is said, in the proof of each application and to whoever reads the report.
    for name in ("umoja", "reports"):
        (attempt,) = recovered.step(f"{name}/validate").attempts
        assert list(attempt.facts["name_servers_left_out"]) == ["piscataway"]
    assert [(found.code, found.subject) for found in recovered.report.deviations if "name-server" in found.code] == [
        ("name-server-left-out", "piscataway")
    ]
    assert "name server at piscataway did not have to answer" in " ".join(recovered.text().split())
    assert recovered.report.result.overall is not Overall.FAIL

    # Back again, it has caught up before its first answer; and from now on it has to agree.
    operator.gets_back("piscataway")
    names = {entry.id: dict(entry.names) for entry in operator.lab.status().applications}
    assert names["umoja"] == names["reports"] == {"piscataway": "valencia", "valencia": "valencia"}
    home = operator.fails_back("piscataway")
    assert (home.exit_code, home.report.troubles) == (0, ())
    assert set(home.verdicts().values()) == {"pass"}
    proofs = [home.step(f"{name}/validate").attempts[-1].facts for name in ("umoja", "reports")]
    assert not any("name_servers_left_out" in facts for facts in proofs)
    assert operator.lab.heal_all() == ()  # the standby of another group stood there too, and was not started by anybody
    wait_until(lambda: operator.lab.status() == before, what="the lab as it was before")


def test_a_name_server_that_is_gone_without_a_declared_loss_makes_nothing_green(operator: Operator) -> None:
    """Some users are sent nowhere, and nobody has declared why: this is no recovery."""
    operator.patience_s = 4
    operator.lab.break_("site", "nyc")
    operator.lab.break_("dns", "valencia")
    stuck = operator.fails_over("nyc")
    assert stuck.exit_code == 1
    assert stuck.report.result.overall is Overall.FAIL
    assert set(stuck.verdicts().values()) == {"failed"}
    assert "valencia says nothing" in stuck.trouble().reason
    # The surviving server took the update all the same.
    names = {entry.id: dict(entry.names) for entry in operator.lab.status().applications}
    assert names["directory"] == {"piscataway": "piscataway", "valencia": None}
    operator.lab.reset()


def test_brindisi_is_lost(tmp_path: Path) -> None:
    with running_lab(load_catalog(SMALL_CATALOG_YAML.encode(), "app_catalog.yaml")) as lab:
        operator = Operator.of(lab, tmp_path / "home")
        before = lab.status()
        try:
            operator.watches(lose="brindisi")
            assert operator.loses("brindisi") >= {"umoja", "reports"}
            recovered = operator.fails_over("brindisi")
            assert (recovered.exit_code, recovered.report.troubles) == (0, ())
            assert recovered.verdicts() == {"umoja": "pass", "reports": "pass"}
            assert_measured(operator, recovered, "valencia", 2)
            assert recovered.report.totals.records_lost == 0
            assert not [found for found in recovered.report.deviations if "name-server" in found.code]
            operator.gets_back("brindisi")
            home = operator.fails_back("brindisi")
            assert (home.exit_code, home.report.troubles) == (0, ())
            wait_until(lambda: lab.status() == before, what="the lab as it was before")
        finally:
            operator.ends_watches()
