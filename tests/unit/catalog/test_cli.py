"""``drorch catalog`` as people and scripts see it: text, JSON, exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drorch.core.errors import InputInvalid, NotFound
from drorch.interfaces.terminal.catalog import app
from drorch.testing.builders import catalog_text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A present folder with the small catalog as app_catalog.yaml."""
    (tmp_path / "app_catalog.yaml").write_text(catalog_text(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*args: str) -> Result:
    result = CliRunner().invoke(app, args)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_check_of_a_good_catalog(folder: Path) -> None:
    result = call("check")
    assert result.exit_code == 0
    assert "0 errors, 0 warnings, 0 notes" in result.stdout
    assert "6 applications: 4 enterprise, 2 departmental" in result.stdout


def test_check_with_warnings_only_is_not_a_failure(folder: Path) -> None:
    (folder / "w.yaml").write_text(catalog_text((", owner: dm}", "}")), encoding="utf-8")
    result = call("check", "--catalog", "w.yaml")
    assert result.exit_code == 0
    assert "nobody stands for the RTO of umoja" in result.stdout
    assert "0 errors, 1 warning, 0 notes" in result.stdout


def test_check_with_errors_ends_with_2(folder: Path) -> None:
    (folder / "e.yaml").write_text(catalog_text(("depends_on: [umoja]", "depends_on: [umoia]")), encoding="utf-8")
    result = call("check", "--catalog", "e.yaml")
    assert result.exit_code == 2
    assert "e.yaml:103 applications.reports.depends_on.0" in result.stdout
    as_json = call("check", "--catalog", "e.yaml", "--json")
    assert as_json.exit_code == 2
    (finding,) = json.loads(as_json.stdout)["findings"]
    assert (finding["code"], finding["severity"]) == ("unknown-reference", "error")


def test_show_lists_with_provenance(folder: Path) -> None:
    result = call("show")
    assert result.exit_code == 0
    umoja = next(line for line in result.stdout.splitlines() if "│ umoja " in line)
    assert "attested" in umoja
    assert "valencia" in umoja
    archive = next(line for line in result.stdout.splitlines() if "│ archive " in line)
    assert "via mobile-office" in archive


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--site", "valencia"], ["umoja", "reports"]),
        (["--department", "oict", "--tier", "1"], ["directory", "mobile-office"]),
        (["--arrangement", "remote-access"], ["archive"]),
        (["--provenance", "attested"], ["umoja"]),
    ],
)
def test_filters(folder: Path, options: list[str], ids: list[str]) -> None:
    data = json.loads(call("show", "--json", *options).stdout)
    assert [item["id"] for item in data["applications"]] == ids
    assert f"{len(ids)} of 6 applications" in call("show", *options).stdout


def test_show_one_with_the_provenance_of_each_field(folder: Path) -> None:
    result = call("show", "umoja")
    assert "A/67/266 para 56" in result.stdout
    assert "assumed" in result.stdout
    data = json.loads(call("show", "umoja", "--json").stdout)
    assert data["rto"]["seconds"] == 14_400
    assert data["provenance"]["name"] == {"kind": "attested", "source": "A/67/266 para 56"}


def test_show_an_unknown_one(folder: Path) -> None:
    with pytest.raises(NotFound, match="no application 'umojo'"):
        call("show", "umojo")


def test_names_are_never_read_as_markup(folder: Path) -> None:
    (folder / "m.yaml").write_text(catalog_text(("name: Mail", 'name: "[bold]Mail[/nothing]"')), encoding="utf-8")
    assert "[bold]Mail[/nothing]" in call("show", "--catalog", "m.yaml").stdout


def test_diff(folder: Path) -> None:
    (folder / "new.yaml").write_text(catalog_text(("tier: 2", "tier: 3")), encoding="utf-8")
    assert "no difference" in call("diff", "app_catalog.yaml", "app_catalog.yaml").stdout
    text = call("diff", "app_catalog.yaml", "new.yaml").stdout
    assert "applications.mail" in text
    (change,) = json.loads(call("diff", "app_catalog.yaml", "new.yaml", "--json").stdout)["changes"]
    assert change == {"kind": "changed", "subject": "applications.mail", "field": "tier", "old": 2, "new": 3}


def test_import_to_stdout_keeps_the_report_apart(folder: Path) -> None:
    (folder / "a.csv").write_text("name,tier,colour\nMail,Tier 2,red\n", encoding="utf-8")
    result = call("import", "a.csv")
    assert result.stdout.startswith("# DRAFT made from a.csv: 1 applications.")
    assert "colour" not in result.stdout
    assert "line 1 colour: not understood" in result.stderr
    assert "line 2 tier 'Tier 2': read as: read as 2" in result.stderr
    data = json.loads(call("import", "a.csv", "--json").stdout)
    assert data["applications"] == 1
    assert {note["understanding"] for note in data["report"]} == {"read as", "not given", "not understood"}


def test_import_to_a_file_never_overwrites(folder: Path) -> None:
    (folder / "a.csv").write_text("name\nMail\n", encoding="utf-8")
    assert call("import", "a.csv", "-o", "draft.yaml").exit_code == 0
    assert "Mail" in (folder / "draft.yaml").read_text(encoding="utf-8")
    with pytest.raises(InputInvalid, match="exists already"):
        call("import", "a.csv", "-o", "draft.yaml")
    with pytest.raises(InputInvalid, match="cannot be written"):
        call("import", "a.csv", "-o", "nowhere/draft.yaml")
