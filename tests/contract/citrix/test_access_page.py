"""The console's page shows the numbers of `drorch access check --json` and of the metrics; it asks no system."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from drorch.app import composition
from drorch.app.accounts import Role
from drorch.interfaces.terminal.access.commands import app
from drorch.metrics.fixed import fixed_families
from drorch.testing.citrix.asgi import Fault
from drorch.testing.citrix.installation import Installation, installation
from drorch.testing.clock import HandClock
from drorch.testing.web import PASSWORD, WebScene

ROOT = Path(__file__).parents[3]
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Rows(HTMLParser):
    """Cells of the rows with an id, by their ``data-label``, and all states said on the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, str]] = {}
        self.whole: dict[str, str] = {}
        self._row = self._cell = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "tr":
            self._row = found.get("id") or ""
        if tag in ("td", "th"):
            self._cell = found.get("data-label") or ""
        if found.get("id") == "status":
            self._row = self._cell = "status"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "p"):
            self._cell = ""

    def handle_data(self, data: str) -> None:
        if self._row:
            self.whole[self._row] = " ".join((self.whole.get(self._row, "") + " " + data).split())
            cells = self.rows.setdefault(self._row, {})
            cells[self._cell] = " ".join((cells.get(self._cell, "") + " " + data).split())


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    for name in ("capacity.yaml", "app_catalog.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    with installation(tmp_path) as found:
        yield found


@pytest.fixture
def visitor(made: Installation, tmp_path: Path) -> Iterator[tuple[TestClient, HandClock]]:
    clock = HandClock(start=datetime.now(UTC))
    scene = WebScene(home=tmp_path / "state", catalog=tmp_path / "app_catalog.yaml", access=made.sources, clock=clock)
    scene.person("vera", Role.VIEWER)
    with TestClient(scene.app, base_url="http://127.0.0.1") as client:
        client.post("/login", data={"login": "vera", "password": PASSWORD})
        yield client, clock


def metrics() -> Series:
    families = fixed_families(composition.metrics_reader(Path("app_catalog.yaml")).read())
    return {(line.name, line.labels.pairs): line.value for family in families for line in family.series}


def said(row: dict[str, object]) -> str:
    """Seats of the JSON as people read them."""
    if row["seats"] is not None:
        return {"unlimited": "∞"}.get(str(row["seats"]), str(row["seats"]))
    most = "?" if row["at_most"] == "unlimited" else row["at_most"]
    return f"{row['at_least']} … {most}"


def calls(made: Installation) -> int:
    """How often any system was asked anything."""
    return sum(len(simulator.asked) for simulator in (*made.nitro, *made.monitors, made.rest, made.cloud))


def test_page_command_and_metrics_show_the_same_numbers(
    made: Installation, visitor: tuple[TestClient, HandClock]
) -> None:
    CliRunner().invoke(app, ["poll"])
    made.nyc.denied["license"] += 2
    made.rest.break_with(Fault.BROKEN)
    CliRunner().invoke(app, ["poll", "--all"])
    answered = CliRunner().invoke(app, ["check", "--json"])
    told = json.loads(answered.stdout)
    asked = calls(made)
    assert asked > 0
    page = visitor[0].get("/access/check").text
    shown, series = Rows(page), metrics()
    assert told["constraints"]
    for row in told["constraints"]:
        cells = shown.rows[f"limit-{row['constraint']}-{row['site'] or 'all'}"]
        labels = (("constraint", row["constraint"]), ("site", row["site"] or "all"))
        seats = series.get(("drorch_remote_access_capacity_seats", labels))
        used = series.get(("drorch_remote_access_used_seats", labels))
        assert cells["Seats"] == said(row)
        assert seats == {"unlimited": math.inf}.get(row["seats"], row["seats"])
        assert used == row["used"]
        assert cells["Used"] == ("–" if used is None else str(int(used)))
        assert cells["After the largest loss"] == said(row["left_after_largest_loss"])
        assert ("bottleneck" in cells[""]) is row["bottleneck"]
        assert (("drorch_remote_access_bottleneck", labels) in series) is row["bottleneck"]
        assert ("unknown" in cells["Age"]) is (row["age_s"] is None)
        measured = {"constraint": row["constraint"], "site": row["site"]} in told["measured"]
        assert cells["Data"] == ("read from a system" if measured else "as stated, not read")
    for outcome in told["scenarios"]:
        cells = shown.rows[f"lost-{outcome['id']}"]
        assert cells["Carried"] == said(outcome["served"])
        assert cells["Critical people without a seat"] == said(outcome["short"]["critical"])
    for source in told["sources"]:
        line = shown.whole[f"source-{source['id']}"]
        assert ("never" in line) is (source["age_s"] is None)
        good = series["drorch_collector_success", (("collector", source["id"]),)]
        assert ("✕" in line) is (source["trouble"] is not None) is (good == 0)
    assert "it said no" in shown.whole["source-rest"]
    assert shown.rows["turned-gateway-nyc-no_license"]["People"] == "2"
    words = {"red": "does not carry them", "unknown": "unknown", "amber": "with reservations", "green": "everybody"}
    assert words[told["status"]] in shown.whole["status"]
    assert f"exit code {answered.exit_code}" in page
    for reason in told["reasons"]:
        assert reason["text"].split(": ")[0].replace("'", "&#39;") in page
    assert calls(made) == asked, "the page asked a system"


def test_the_page_asks_no_system_and_grows_old_in_sight(
    made: Installation, visitor: tuple[TestClient, HandClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    CliRunner().invoke(app, ["poll"])

    def refuse(*_: object) -> None:
        raise AssertionError("a page asked a system")

    monkeypatch.setattr(composition, "open_source", refuse)
    client, clock = visitor
    first = client.get("/access/check")
    assert first.status_code == 200
    assert "too old" not in Rows(first.text).whole["source-adc-nyc"]
    clock.advance(timedelta(minutes=50).total_seconds())
    later = Rows(client.get("/access/check").text)
    assert re.search(r"4\d min", later.rows["source-adc-nyc"]["Last read"]), "it was read after the clock was set"
    assert "too old" in later.rows["source-adc-nyc"]["Last read"]
    assert "carries everybody" not in later.whole["status"]


def test_what_was_never_read_is_unknown_and_never_green(visitor: tuple[TestClient, HandClock]) -> None:
    shown = Rows(visitor[0].get("/access/check").text)
    assert "carries everybody" not in shown.whole["status"]
    assert "never" in shown.rows["source-adc-nyc"]["Last read"]
    assert "Not known: no gateway was read twice." in visitor[0].get("/access/check").text


@pytest.mark.parametrize("text", [None, "schema: 1\nsources: []\n", "{{{", ""])
def test_without_a_good_file_the_page_says_so_and_nothing_else(
    made: Installation, visitor: tuple[TestClient, HandClock], text: str | None
) -> None:
    made.sources.unlink() if text is None else made.sources.write_text(text)
    page = visitor[0].get("/access/check")
    assert page.status_code == 200
    assert "access.yaml" in page.text
    assert "? unknown" in Rows(page.text).whole["status"]
    assert "limit-" not in page.text


def test_the_two_pages_lead_to_each_other(visitor: tuple[TestClient, HandClock]) -> None:
    assert 'href="/access/check"' in visitor[0].get("/access").text
    assert 'class="button" href="/access"' in visitor[0].get("/access/check").text
