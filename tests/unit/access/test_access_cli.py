"""``drorch access model`` as people and scripts see it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drorch.access.operations import assess_file
from drorch.core.errors import InputInvalid, NotFound
from drorch.interfaces.terminal.access.commands import app
from drorch.interfaces.terminal.main import main
from tests.unit.access.test_unknown import ENOUGH
from tests.unit.access.worked import EXAMPLE, worked_text

ROOT = Path(__file__).parents[3]
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A present folder with the worked example as capacity.yaml."""
    shutil.copy(EXAMPLE, tmp_path / "capacity.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "state"))
    return tmp_path


def call(*args: str) -> Result:
    result = CliRunner().invoke(app, args)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_one_screen(folder: Path) -> None:
    result = call("model")
    assert result.exit_code == 1
    assert "required 735   modelled 735   proven never" in result.stdout
    assert "headroom +45 seats (+6.1 %)" in result.stdout
    lines = result.stdout.splitlines()
    assert next(line for line in lines if "loss of the site a" in line and "│" in line).split("│")[2:4] == [
        " 280    ",
        " 735 ",
    ]
    assert any("bandwidth link-b (280)" in line for line in lines)
    assert all(len(line) <= 160 for line in lines if "│" in line)
    assert "red     loss of the site a: 390 critical people without a seat" in result.stdout


def test_green_is_exit_code_0(folder: Path) -> None:
    today = (("2026-11-20", TODAY), ("2026-10-01", TODAY))
    (folder / "capacity.yaml").write_text(worked_text(*ENOUGH, *today), encoding="utf-8")
    result = call("model")
    assert "GREEN" in result.stdout
    assert result.exit_code == 0


def test_unknown_is_exit_code_1(folder: Path) -> None:
    changes = (*ENOUGH, ("2026-11-20", TODAY), ("2026-10-01", TODAY), ("seats: 2000", "seats: unknown"))
    (folder / "capacity.yaml").write_text(worked_text(*changes), encoding="utf-8")
    result = call("model")
    assert result.exit_code == 1
    assert "UNKNOWN" in result.stdout
    assert "unknown (0 to ?)" in result.stdout
    assert "not known: seats of tokens" in result.stdout


def test_json_says_the_same(folder: Path) -> None:
    result = call("model", "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    found = assess_file(folder / "capacity.yaml", datetime.now(UTC))
    assert (data["status"], data["required"], data["proven"]) == ("red", 735, None)
    assert [item["id"] for item in data["scenarios"]] == [item.scenario.id for item in found.outcomes]
    assert [item["served"]["seats"] for item in data["scenarios"]] == [item.served.least for item in found.outcomes]
    assert data["headroom"]["seats"] == 45
    assert {row["constraint"] for row in data["constraints"]} == {row.constraint.value for row in found.rows}


def test_json_has_no_people_only_totals(folder: Path) -> None:
    departments = json.loads(call("model", "--json").stdout)["departments"]
    assert {tuple(item) for item in departments} == {("id", "critical", "dependant", "standard", "required")}


def test_lose_a_site_without_a_catalog(folder: Path) -> None:
    result = call("model", "--lose", "a")
    assert result.exit_code == 1
    assert "bandwidth link-b (280)" in result.stdout
    assert "no catalog is named" in result.stdout
    data = json.loads(call("model", "--lose", "a", "--json").stdout)
    assert data["applications"] is None
    assert data["scenario"]["short"]["required"]["seats"] == 455
    assert sum(item["short"] for item in data["scenario"]["departments_short"]) == 455


def test_lose_a_site_joins_people_and_applications() -> None:
    """The sample: New York takes along the licence server, so the applications move and nobody reaches them."""
    catalog = ROOT / "app_catalog.yaml"
    arguments = ("model", "--model", str(ROOT / "capacity.yaml"), "--catalog", str(catalog), "--lose")
    result = call(*arguments, "nyc")
    assert result.exit_code == 1
    assert "46 applications fail over; 0 of 427 required people have a seat to reach them" in result.stdout
    assert "the gateway application mobile-office moves to piscataway first" in result.stdout
    data = json.loads(call(*arguments, "piscataway", "--json").stdout)
    assert [item for item in data["applications"] if item["to"] is not None] == []
    assert len(data["applications"]) == 12
    assert all(item["remote_access"] for item in data["applications"])


def test_a_site_that_only_the_catalog_knows_takes_nobody_along() -> None:
    arguments = ("model", "--model", str(ROOT / "capacity.yaml"), "--catalog", str(ROOT / "app_catalog.yaml"))
    data = json.loads(call(*arguments, "--lose", "brindisi", "--json").stdout)
    assert data["scenario"]["short"]["required"]["seats"] == 0
    assert {item["to"] for item in data["applications"]} == {"valencia"}


def test_unknown_sites_and_files_are_refused(folder: Path) -> None:
    with pytest.raises(NotFound, match="no site 'x'"):
        call("model", "--lose", "x")
    with pytest.raises(NotFound):
        call("model", "--model", "missing.yaml")
    (folder / "capacity.yaml").write_text(worked_text(("critical: 250", "critical: x")), encoding="utf-8")
    with pytest.raises(InputInvalid) as caught:
        call("model")
    assert caught.value.where == "capacity.yaml:6 departments.finance.critical"


@dataclass(frozen=True)
class Case:
    arguments: tuple[str, ...]
    code: int
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Case(("access",), 2, "Usage: drorch access"),
        Case(("access", "model", "--model", "missing.yaml"), 2, "missing.yaml: cannot be read"),
        Case(("access", "model", "--lose", "x"), 2, "name one of a, b"),
        Case(("access", "model"), 1, "RED"),
    ],
)
def test_mounted_in_drorch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], case: Case
) -> None:
    monkeypatch.setattr(sys, "argv", ["drorch", *case.arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capfd.readouterr()
    assert ended.value.code == case.code
    assert case.says in shown.out + shown.err
    assert "Traceback" not in shown.err
