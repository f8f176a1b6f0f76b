"""The four renderings people keep: compared byte for byte, written anew with ``--regenerate-golden``."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.evidence.record.codec import report_from_text, report_to_text
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text
from tests.unit.evidence.record.scenarios import SCENARIOS

GOLDEN = Path(__file__).parents[2] / "golden" / "reports"


def compare(path: Path, written: str, regenerate: bool) -> None:
    if regenerate:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: run pytest with --regenerate-golden and look at the diff"
    assert written == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_record_is_as_before(name: str, regenerate_golden: bool) -> None:
    compare(GOLDEN / f"{name}.json", report_to_text(SCENARIOS[name]()), regenerate_golden)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize(("ending", "render"), [("html", report_as_html), ("txt", report_as_text)])
def test_renderings_of_the_stored_record_are_as_before(name: str, ending: str, render, regenerate_golden: bool) -> None:
    stored = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    compare(GOLDEN / f"{name}.{ending}", render(report_from_text(stored)), regenerate_golden)
