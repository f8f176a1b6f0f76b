"""``drorch plan`` as the operator uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drorch.core.errors import DrorchError, InputInvalid, NotFound
from drorch.interfaces.terminal.plan import app
from drorch.plan.codec import plan_from_text, plan_id
from drorch.testing.builders import SMALL_CATALOG_YAML

BOOKS = (
    *(f"application/{name}.yml" for name in ("start", "stop", "drill_start", "drill_stop")),
    *(
        f"postgresql_streaming/{name}.yml"
        for name in ("recover", "handover", "return", "drill", "drill_cleanup", "check")
    ),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a catalog and playbooks, as the present folder."""
    for name in BOOKS:
        book = tmp_path / "books" / name
        book.parent.mkdir(parents=True, exist_ok=True)
        book.write_text("# nothing\n")
    (tmp_path / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_PLAYBOOKS", str(tmp_path / "books"))
    return tmp_path


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def refused(*words: str) -> DrorchError:
    error = invoke(*words).exception
    assert isinstance(error, DrorchError)
    return error


def test_build_writes_a_file_named_by_its_hash(folder: Path) -> None:
    result = invoke("build", "--kind", "failover", "--lose", "nyc", "--json")
    said = json.loads(result.stdout)
    plan = plan_from_text((folder / said["file"]).read_bytes(), said["file"])

    assert result.exit_code == 0
    assert said["id"] == plan_id(plan)
    assert said["file"] == f"plan-failover-{said['id'].removeprefix('sha256:')[:12]}.json"
    assert (said["steps"], said["applications"], said["estimated_s"]) == (9, 4, 12.0)
    assert said["critical_path"][0] == "nyc/witness"


def test_build_says_what_is_not_recovered(folder: Path) -> None:
    result = invoke("build", "--kind", "failover", "--lose", "piscataway", "-o", "p.json")

    assert result.exit_code == 0
    assert "not recovered  1" in result.stdout
    assert "archive" in result.stdout
    assert (folder / "p.json").is_file()


def test_a_changed_playbook_makes_another_plan(folder: Path) -> None:
    first = json.loads(invoke("build", "--kind", "drill", "--app", "mail", "--json").stdout)["id"]
    same = json.loads(invoke("build", "--kind", "drill", "--app", "mail", "--json").stdout)["id"]
    (folder / "books/application/start.yml").write_text("# changed\n")
    other = json.loads(invoke("build", "--kind", "drill", "--app", "mail", "--json").stdout)["id"]

    assert first == same != other


def test_a_playbook_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "books/postgresql_streaming/recover.yml").unlink()

    error = refused("build", "--kind", "failover", "--lose", "nyc")
    assert isinstance(error, InputInvalid)
    assert "postgresql_streaming/recover.yml" in error.what
    assert not list(folder.glob("plan-*.json"))


def test_show_draws_and_writes_svg(folder: Path) -> None:
    invoke("build", "--kind", "failover", "--lose", "nyc", "-o", "p.json")
    result = invoke("show", "p.json", "--svg", "p.svg")

    assert "└─*nyc/witness" in result.stdout
    assert (folder / "p.svg").read_text().startswith("<svg ")
    assert json.loads(invoke("show", "p.json", "--json").stdout) == json.loads((folder / "p.json").read_text())


def test_check_finds_a_plan_of_an_older_catalog(folder: Path) -> None:
    invoke("build", "--kind", "failover", "--lose", "nyc", "-o", "p.json")
    assert invoke("check", "p.json").exit_code == 0

    (folder / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML.replace("Letters.", "Letters and parcels."))
    result = invoke("check", "p.json", "--json")
    assert result.exit_code == 2
    assert [finding["code"] for finding in json.loads(result.stdout)] == ["catalog-changed"]


def test_check_on_a_day(folder: Path) -> None:
    invoke("build", "--kind", "failover", "--lose", "nyc", "-o", "p.json")
    result = invoke("check", "p.json", "--on", "2015-01-01")

    assert result.exit_code == 0
    assert "valid until 2014-06-30" in result.stdout


def test_diff(folder: Path) -> None:
    invoke("build", "--kind", "failover", "--lose", "nyc", "-o", "a.json")
    invoke("build", "--kind", "failover", "--lose", "nyc", "--parallel", "2", "-o", "b.json")

    assert invoke("diff", "a.json", "a.json").stdout.strip() == "no difference"
    found = json.loads(invoke("diff", "a.json", "b.json", "--json").stdout)
    assert [(one["subject"], one["field"], one["old"], one["new"]) for one in found] == [("plan", "limits.total", 8, 2)]
    assert "limits.total" in invoke("diff", "a.json", "b.json").stdout


def test_bad_input_is_one_clear_error(folder: Path) -> None:
    assert "did you mean 'nyc'" in str(refused("build", "--kind", "failover", "--lose", "nyk"))
    assert isinstance(refused("show", "nothing.json"), NotFound)
    (folder / "bad.json").write_bytes(b"\xff\x00")
    assert str(refused("show", "bad.json").where) == "bad.json"
    assert invoke("build", "--kind", "falover").exit_code == 2
