"""The command `callout`: check, dry run, refusals, report, record. Sending: tests/faults/test_callout_dies.py."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from drorch.interfaces.terminal.main import main
from drorch.testing.callout import SMALL_TREE_YAML

ROOT = Path(__file__).parents[3]
WHO = ("--by", "Olga", "--reason", "yearly")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the sample catalog and programme, and the small tree."""
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("app_catalog.yaml", "year.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    tree = tmp_path / "callout.yaml"
    # Nothing listens on port 1: whatever is sent is not taken.
    text = SMALL_TREE_YAML.replace("port: 2525", "port: 1").replace("retry_after: 60s", "retry_after: 1s")
    tree.write_text(text.replace("ends_after: 20m", "ends_after: 1s"))
    tree.chmod(0o600)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["drorch", "callout", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_sound_tree_and_a_wrong_one(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "check") == 0
    assert "1 departments, 5 people" in capsys.readouterr().out
    tree = place / "callout.yaml"
    tree.write_text(tree.read_text().replace("called_by: head", "called_by: records"))
    assert run(monkeypatch, "check", "--json") == 2
    (first, *_) = json.loads(capsys.readouterr().out)["findings"]
    assert (first["code"], first["where"]) == ("cyclic-call-tree", "callout.yaml:13 people.finance.called_by")
    assert run(monkeypatch, "start", *WHO) == 2
    assert not (place / "home" / "callouts").exists()


def test_the_dry_run_writes_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "start", "--dry-run", *WHO, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["dry_run"] is True
    assert data["messages"][0]["who"] == "Head"
    assert run(monkeypatch, "start", "--dry-run", *WHO) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert not (place / "home" / "callouts").exists()


def test_an_exercise_that_reaches_nobody_ends_with_1_and_its_record_does_not_count(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "start", *WHO) == 1
    shown = capsys.readouterr()
    assert "could not be reached" in shown.out + shown.err
    assert "example.org" not in shown.out + shown.err
    for words in (("status",), ("watch",), ("report", "-o", "out.json")):
        assert run(monkeypatch, *words) == 1, words
    assert json.loads(Path("out.json").read_text())["departments"][0]["reached"] == 0
    capsys.readouterr()
    assert run(monkeypatch, "report", "--record", *WHO) == 1
    assert "does not count for call-out-exercise: it failed" in capsys.readouterr().err
    assert run(monkeypatch, "report", "--record", *WHO) == 2
    assert "of the year already" in capsys.readouterr().err
    assert run(monkeypatch, "stop", *WHO) == 2
    assert run(monkeypatch, "resume") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("status",), "there was no exercise yet"),
        (("resume", "x"), "there is no exercise 'x'"),
        (("start", *WHO, "--department", "ohrm"), "there is no call tree of ohrm"),
        (("start", *WHO, "--tree", "none.yaml"), "none.yaml"),
        (("report", "--record"), "a record has a name and a reason"),
        (("check", "--tree", "year.yaml"), "chmod 600"),
    ],
)
def test_wrong_use_is_told(
    place: Path, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "year.yaml").chmod(0o644)
    assert run(monkeypatch, *words) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown
