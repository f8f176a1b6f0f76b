"""``drorch probe`` over real little services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from drorch.core.errors import InputInvalid, NotFound
from drorch.interfaces.terminal.runs.probe import app
from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.services import SITES, FakeApplication, Services, free_port, names_of


@pytest.fixture
def command(tmp_path: Path) -> Iterator[list[str]]:
    """Options for a catalog and an estate in which only mail and directory are there, and only mail is up."""
    with Services() as services:
        port = free_port(SITES["nyc"])
        mail = FakeApplication(application="mail", site="nyc", data_address=SITES["nyc"], data_port=5400)
        services.open(SITES["nyc"], port, mail)
        services.point("mail.apps.drorch.test", "nyc")
        services.point("directory.apps.drorch.test", "nyc")
        estate = asdict(
            services.estate({"mail": names_of("mail", port, 1), "directory": names_of("directory", port, 1)})
        )
        estate["databases"] = [
            {"group": "nyc-platform", "site": "nyc", "endpoint": {"address": SITES["nyc"], "port": 5400}}
        ]
        estate["name_servers"] = list(estate["name_servers"])
        (tmp_path / "estate.yml").write_text(yaml.safe_dump(estate))
        (tmp_path / "catalog.yaml").write_text(SMALL_CATALOG_YAML)
        yield ["--catalog", str(tmp_path / "catalog.yaml"), "--estate", str(tmp_path / "estate.yml")]


def test_now_tells_good_from_bad_and_ends_accordingly(command: list[str]) -> None:
    good = CliRunner().invoke(app, ["now", "mail", *command])
    assert good.exit_code == 0, good.output
    assert "1 of 1 good" in good.output
    bad = CliRunner().invoke(app, ["now", "mail", "directory", *command])
    assert bad.exit_code == 1
    assert "wrong-identity: 'mail' answered" in bad.output


def test_now_gives_json(command: list[str]) -> None:
    told = CliRunner().invoke(app, ["now", "mail", "--json", *command])
    (sample,) = json.loads(told.output)
    assert (sample["application"], sample["good"], sample["data_site"]) == ("mail", True, "nyc")


def test_watch_ends_after_its_looks(command: list[str]) -> None:
    told = CliRunner().invoke(app, ["watch", "mail", "--looks", "2", "--every", "0.2", *command])
    assert told.exit_code == 0, told.output
    assert "1 of 1 good" in told.output


def test_an_unknown_application_is_named(command: list[str]) -> None:
    told = CliRunner().invoke(app, ["now", "nothing", *command])
    assert isinstance(told.exception, NotFound)
    assert "nothing" in str(told.exception)


@pytest.mark.parametrize("options", [["--stand", "x"], ["--stand", "../x", "--plan", "p.json"]])
def test_a_standing_watch_needs_a_plan_and_a_plain_name(command: list[str], options: list[str]) -> None:
    told = CliRunner().invoke(app, ["watch", *options, *command])
    assert isinstance(told.exception, InputInvalid)
    assert told.exception.next_step
