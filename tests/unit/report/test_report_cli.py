"""``drorch report show`` over a stored record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drorch.core.errors import Broken, InputInvalid, NotFound
from drorch.evidence.record.codec import report_to_text
from drorch.interfaces.terminal.report import app
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text
from tests.unit.evidence.record.scenarios import RUN, good_failover


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder with one finished run."""
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path))
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    (folder / "report.json").write_text(report_to_text(good_failover()), encoding="utf-8")
    return folder


def show(*arguments: str) -> str:
    """Standard output of the command; its errors are raised as they are."""
    ended = CliRunner().invoke(app, ["show", *arguments])
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_text_is_the_default_and_json_is_the_record(stored: Path) -> None:
    assert show(RUN) == report_as_text(good_failover()) == show(RUN, "--text")
    assert json.loads(show(RUN, "--json")) == json.loads((stored / "report.json").read_text(encoding="utf-8"))


def test_the_page_goes_to_the_file_and_nothing_else_is_printed(stored: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert show(RUN, "--html", str(page)) == ""
    assert page.read_text(encoding="utf-8") == report_as_html(good_failover())
    assert show(RUN, "--html", str(page), "--text") == report_as_text(good_failover())


def test_what_cannot_be_done_is_said(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        show("nobody-knows-it")
    with pytest.raises(InputInvalid, match="exclude"):
        show(RUN, "--json", "--text")
    with pytest.raises(Broken, match="cannot be written"):
        show(RUN, "--html", str(tmp_path / "missing" / "page.html"))
    (stored / "report.json").write_text('{"schema": 1, "run": 7}')
    with pytest.raises(InputInvalid):
        show(RUN)
