"""The command `plan forecast`: what it prints, its exit codes, wrong input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from drorch.interfaces.terminal.main import main
from drorch.plan.build import build_plan
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Kind, Limits
from drorch.testing.builders import SMALL_CATALOG_YAML, small_catalog

GOLDEN = Path(__file__).parents[2] / "golden" / "forecast" / "drills.json"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the small catalog and a plan of a drill."""
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML)
    plan = build_plan(small_catalog(), kind=Kind.DRILL, lose="nyc", playbooks_id="sha256:0", limits=Limits(total=3))
    (tmp_path / "plan.json").write_text(plan_to_text(plan))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["drorch", "plan", "forecast", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_forecast_from_recorded_drills(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan.json", "--records", str(GOLDEN)) == 0
    shown = capsys.readouterr().out
    assert "What buys most" in shown
    assert "20 runs of the file" in shown
    assert run(monkeypatch, "plan.json", "--records", str(GOLDEN), "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert 0 < data["forecast"]["recovered"]["p50_s"] < data["forecast"]["recovered"]["p90_s"]
    assert {item["application"] for item in data["forecast"]["applications"]} >= {"directory", "mail"}
    assert data["records"] == {"runs": 20, "estate": None, "left_out": 0, "least": 9}


def test_without_runs_there_is_no_forecast_and_it_says_why(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan.json", "--json") == 0
    data = json.loads(capsys.readouterr().out)["forecast"]
    assert data["recovered"] is None
    assert "0 of 9 runs recorded" in data["reason"]
    assert data["gains"] == data["waves"] == []
    assert run(monkeypatch, "plan.json") == 0
    assert "no forecast" in capsys.readouterr().out


def test_a_lost_site_on_a_day(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--lose", "brindisi", "--at", "2014-06-30") == 0
    capsys.readouterr()
    assert run(monkeypatch, "--lose", "brindisi", "--at", "2014-07-01", "--json") == 1
    data = json.loads(capsys.readouterr().out)["lose"]
    assert (data["on"], data["totals"]["recovered"], data["totals"]["already-gone"]) == ("2014-07-01", 2, 1)
    assert run(monkeypatch, "--lose", "nyc", "--at", "2014-07-01") == 1
    shown = capsys.readouterr().out
    assert "may be relied on until 2014-06-30 only" in shown
    assert "nothing can be recovered" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name a plan file, or a site"),
        (("plan.json", "--lose", "nyc"), "name a plan file, or a site"),
        (("--lose", "atlantis"), "there is no site 'atlantis'"),
        (("--lose", "nyc", "--at", "someday"), "--at"),
        (("none.json",), "none.json"),
        (("app_catalog.yaml",), "app_catalog.yaml"),
        (("plan.json", "--records", "plan.json"), "about: the field is missing"),
        (("plan.json", "--records", "app_catalog.yaml"), "not JSON"),
        (("plan.json", "--records", "none.json"), "none.json"),
    ],
)
def test_wrong_input_is_told(
    place: Path, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert "next:" in shown
    assert "Traceback" not in shown


def test_the_durations_used_are_saved_without_the_names_of_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "plan.json", "--records", str(GOLDEN), "--save-records", "saved.json") == 0
    saved, golden = json.loads(Path("saved.json").read_text()), json.loads(GOLDEN.read_text())
    assert [item["steps"] for item in saved["runs"]] == [item["steps"] for item in golden["runs"]]
    assert saved["runs"][0]["run"] == "run-1"
