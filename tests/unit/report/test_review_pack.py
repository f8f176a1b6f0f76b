"""The management-review pack: what it says is what the year, the actions and the reports say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner
from unit.report.test_after_action import DRILL, RUN, store
from unit.year.samples import SMALL_YEAR_YAML

from drorch.actions.operations import Actions
from drorch.app import composition
from drorch.core.errors import InputInvalid
from drorch.interfaces.terminal.year.after_action import app
from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.clock import HandClock
from drorch.year.statement import Said

WHO = ["--by", "Amina Diallo", "--reason", "because"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clock = HandClock(datetime(2026, 3, 20, 9, tzinfo=UTC))
    monkeypatch.setattr(composition, "clock", lambda: clock)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "home"))
    (tmp_path / "year.yaml").write_text(SMALL_YEAR_YAML)
    (tmp_path / "catalog.yaml").write_text(SMALL_CATALOG_YAML)
    store(tmp_path / "home", "problem-failover")
    store(tmp_path / "home", "drill")
    Actions(tmp_path / "home", composition.event_store(), clock).import_from(RUN, Said(person="A", reason="r"))
    assert CliRunner().invoke(app, ["draft", RUN, DRILL, "--id", "x", "--title", "第一次 مكتبة", *WHO]).exit_code == 0
    return tmp_path


def pack(home: Path, *more: str) -> str:
    words = ["--year", str(home / "year.yaml"), "--catalog", str(home / "catalog.yaml"), *more]
    ended = CliRunner().invoke(app, ["pack", "--html", str(home / "p.html"), *words])
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return (home / "p.html").read_text(encoding="utf-8")


def test_it_says_what_is_late_what_is_open_and_who_signs(home: Path) -> None:
    page = pack(home, "--sign", "Chair=王小明")
    clock = composition.clock()
    counted = Actions(home / "home", composition.event_store(), clock).counts()
    assert f"{sum(counted['open'].values())} open" in page
    assert "duties late, 0 corrective actions overdue" in page
    assert "TO BE DECIDED" in page
    for text in ("Each application is recovered once", "第一次 مكتبة", "王小明", "FAIL; PASS", "ca-1", "nobody"):
        assert text in page
    assert "A test with the department" in page


def test_a_damaged_record_is_named_and_not_green(home: Path) -> None:
    (home / "home" / "runs" / DRILL / "report.json").write_text("{")
    assert f"the run {DRILL}" in pack(home)


def test_the_paper_prints_every_name(home: Path) -> None:
    pack(home, "--pdf", str(home / "p.pdf"), "--sign", "Owner=王小明")
    text = "\n".join(page.extract_text() for page in PdfReader(home / "p.pdf").pages)
    assert "王小明" in text
    assert "Sign-off" in text
    assert "U+" not in text


@pytest.mark.parametrize(
    ("more", "why"), [(("--on", "2027-01-01"), "has not come yet"), (("--sign", "nobody"), "names no role")]
)
def test_bad_input_is_said(home: Path, more: tuple[str, ...], why: str) -> None:
    with pytest.raises(InputInvalid, match=why):
        pack(home, *more)
