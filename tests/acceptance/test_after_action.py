"""A real failure on the lab becomes a corrective action and an after-action report; a real retest closes the one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from drorch.app.composition import parts
from drorch.core.errors import Refused
from drorch.interfaces.terminal.year import action
from drorch.interfaces.terminal.year import after_action as aar
from drorch.orchestration.record_check import why_record_does_not_hold
from drorch.report.after_action.numbers import not_found
from drorch.run.codec import event_to_json
from drorch.testing.builders import small_catalog
from tests.acceptance.conftest import running_lab
from tests.acceptance.operator import Ended, Operator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]
SCHEMA = Path(__file__).parents[2] / "docs" / "after-action.schema.json"
FOUND = "step-failed/mobile-office/start"


def say(app: Any, *words: str, by: str = "Amina Diallo") -> str:
    asks = words[0] in ("show", "list", "export")
    ended = CliRunner().invoke(app, [*words, *([] if asks else ["--by", by, "--reason", "because"])])
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.stdout


def evidence_of(operator: Operator, ended: Ended) -> list[object]:
    """The record and the journal of a run."""
    record = json.loads(ended.opened.folder.report("json").read_text(encoding="utf-8"))
    return [record, *(event_to_json(event) for event in operator.journal(ended.opened))]


def test_a_failed_start_is_written_up_mended_retested_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_lab(small_catalog()) as lab:
        operator = Operator.of(lab, tmp_path / "home")
        monkeypatch.setenv("DRORCH_HOME", str(operator.home))
        try:
            first, second = the_runs(operator)
        finally:
            operator.ends_watches()
        for ended in (first, second):
            assert why_record_does_not_hold(parts(operator.home), ended.opened.run) is None
        a_retest_closes_it(operator, second)
        the_report_says_what_was_measured(operator, first, second, tmp_path)


def the_runs(operator: Operator) -> tuple[Ended, Ended]:
    """A failover in which an application does not start, and the failover again, mended."""
    operator.watches()
    operator.lab.break_("app-stuck", "mobile-office")
    operator.loses("nyc")
    first = operator.fails_over()
    assert first.exit_code == 1
    opened = json.loads(say(action.app, "import-from", first.opened.run, "--json"))
    assert "ca-1" in opened["opened"]
    assert json.loads(say(action.app, "show", "ca-1", "--json"))["source"]["key"] == FOUND
    say(action.app, "assign", "ca-1", "--owner", "Olga Petrova", "--organisation", "OICT", "--due", "2099-01-01")
    say(action.app, "update", "ca-1", "--action", "Free the listener")
    operator.lab.heal("app-stuck", "mobile-office")
    say(action.app, "claim", "ca-1", by="Olga Petrova")
    operator.ends_watches()
    operator.lab.reset()  # a failback would begin from services that answer, and one does not
    operator.watches("again")
    operator.loses("nyc")
    second = operator.fails_over()
    assert second.exit_code == 0, second.text()
    return first, second


def a_retest_closes_it(operator: Operator, second: Ended) -> None:
    run = second.opened.run
    words = ("verify", "ca-1", "--retest", run, "--method", "failed over again")
    path = second.opened.folder.report("json")
    true_record = path.read_text(encoding="utf-8")
    path.write_text(true_record.replace('"samples": ', '"samples": 1', 1), encoding="utf-8")
    with pytest.raises(Refused, match=r"not what its journal and evidence say: totals\.samples differs"):
        say(action.app, *words)
    path.write_text(true_record, encoding="utf-8")
    with pytest.raises(Refused, match="may not verify"):
        say(action.app, *words, by="Olga Petrova")
    say(action.app, *words)
    say(action.app, "update", "ca-1", "--root-cause", "stuck", "--similar-cases", "none", "--plan-change", "none")
    say(action.app, "close", "ca-1")
    assert json.loads(say(action.app, "show", "ca-1", "--json"))["state"] == "closed"


def the_report_says_what_was_measured(operator: Operator, first: Ended, second: Ended, folder: Path) -> None:
    say(aar.app, "draft", first.opened.run, second.opened.run, "--id", "x")
    data = json.loads(say(aar.app, "show", "x", "--json"))
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(data)
    hashes = [item["record_sha256"] for item in data["evidence"]["activities"]]
    known = [*evidence_of(operator, first), *evidence_of(operator, second), *hashes]
    assert not_found(data["evidence"], known) == (), "every number stands in the evidence"
    assert any(finding["key"] == FOUND for finding in data["evidence"]["findings"])
    for field in ("summary", "background", "distribution", "recommendation"):
        say(aar.app, "edit", "x", field, "Written by a person.")
    for finding in data["evidence"]["findings"]:
        say(aar.app, "edit", "x", "root-cause", "stuck", "--item", finding["key"])
    say(aar.app, "review", "x", by="Omar Said")
    say(aar.app, "approve", "x", by="Grace Kim")
    say(aar.app, "export", "x", "--pdf", str(folder / "x.pdf"), "--html", str(folder / "x.html"))
    assert (folder / "x.pdf").read_bytes().startswith(b"%PDF-")
    assert "APPROVED" in (folder / "x.html").read_text(encoding="utf-8")
