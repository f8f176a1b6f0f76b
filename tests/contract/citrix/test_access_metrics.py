"""The metrics show the numbers of `drorch access check`; what is unknown is absent."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drorch.app import composition
from drorch.interfaces.terminal.access.commands import app
from drorch.metrics.fixed import fixed_families
from drorch.schedules.named_checks import access_check, access_poll_check
from drorch.testing.citrix.asgi import Fault
from drorch.testing.citrix.installation import Installation, installation

ROOT = Path(__file__).parents[3]
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "state"))
    shutil.copy(ROOT / "capacity.yaml", tmp_path)
    shutil.copy(ROOT / "app_catalog.yaml", tmp_path)
    with installation(tmp_path) as found:
        yield found


def series() -> Series:
    families = fixed_families(composition.metrics_reader(Path("app_catalog.yaml")).read())
    return {(line.name, line.labels.pairs): line.value for family in families for line in family.series}


def test_the_same_numbers_as_the_check(made: Installation) -> None:
    before = series()
    assert before["drorch_remote_access_status", (("status", "green"),)] == 0
    assert not any(name.startswith("drorch_collector") for name, _ in before), "never asked is absent"
    CliRunner().invoke(app, ["poll"])
    made.nyc.denied["license"] += 2
    made.rest.break_with(Fault.BROKEN)
    CliRunner().invoke(app, ["poll", "--all"])
    shown = json.loads(CliRunner().invoke(app, ["check", "--json"]).stdout)
    found = series()
    for row in shown["constraints"]:
        labels = (("constraint", row["constraint"]), ("site", row["site"] or "all"))
        seats = {"unlimited": math.inf}.get(row["seats"], row["seats"])
        assert found.get(("drorch_remote_access_capacity_seats", labels)) == seats
        assert found.get(("drorch_remote_access_used_seats", labels)) == row["used"]
    assert found["drorch_remote_access_status", (("status", shown["status"]),)] == 1
    assert sum(value for (name, _), value in found.items() if name == "drorch_remote_access_status") == 1
    normal = found["drorch_remote_access_scenario_capacity_seats", (("scenario", "normal"),)]
    assert normal == shown["modelled"]["seats"]
    denied = (("gateway", "gateway-nyc"), ("reason", "no_license"))
    assert found["drorch_remote_access_denied_since_reading", denied] == 2
    assert found["drorch_collector_success", (("collector", "rest"),)] == 0
    assert found["drorch_collector_trouble", (("collector", "rest"), ("reason", "http"))] == 1
    assert found["drorch_collector_success", (("collector", "adc-nyc"),)] == 1
    assert found["drorch_remote_access_probe_success", (("site", "nyc"),)] == 1


def test_wrong_files_are_said_and_nothing_else(made: Installation) -> None:
    made.sources.write_text("schema: 1\nsources: []\n")
    found = {name: value for (name, _), value in series().items() if "remote_access" in name}
    assert found == {"drorch_remote_access_load_successful": 0}
    made.sources.unlink()
    assert not any("remote_access" in name for name, _ in series())


def test_the_checks_of_the_schedule(made: Installation) -> None:
    files = (made.sources, Path("capacity.yaml"))
    assert access_check(composition.access_parts(), *files).good is False
    first = access_poll_check(composition.access_parts(), *files)
    assert (first.good, first.summary) == (True, "7 sources asked, 0 in trouble")
    assert access_poll_check(composition.access_parts(), *files).summary == "0 sources asked, 0 in trouble"
    assert access_check(composition.access_parts(), *files).good is False
