"""Wrong usage ends with exit code 2 and a sentence, never with a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drorch.interfaces.terminal.main import main


def call(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str) -> int:
    monkeypatch.setenv("DRORCH_HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "argv", ["drorch", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Usage: drorch"),
        (["bogus"], "No such command 'bogus'"),
        (["run", "start"], "Missing argument"),
        (["run", "start", "plan.json"], "--operator"),
        (["run", "start", "plan.json", "--operator", "A"], "plan.json: cannot be read"),
        (["run", "show", "nope"], "there is no run 'nope'"),
        (["run", "attach", "nope"], "there is no run 'nope'"),
        (["report", "show", "nope"], "nope"),
        (["plan", "build", "--kind", "holiday"], "is not one of"),
        (["plan", "build", "--kind", "drill"], "app_catalog.yaml: cannot be read"),
        (["probe", "now", "--catalog", "missing.yaml"], "missing.yaml"),
        (["lab", "status"], "no lab"),
        (["demo", "--catalog", "missing.yaml"], "missing.yaml: cannot be read"),
    ],
)
def test_wrong_usage_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    assert call(monkeypatch, tmp_path, *arguments) == 2
    shown = capfd.readouterr()
    assert says in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err


def test_the_version_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, tmp_path, "--version") == 0
    assert capfd.readouterr().out.startswith("drorch ")
