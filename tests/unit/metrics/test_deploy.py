"""Rules, dashboards and wiring in deploy/: valid for the real tools, and only about series that drorch has."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from drorch.metrics import access, applications, collector, fixed
from drorch.metrics.families import Declared, FamilyType
from drorch.metrics.snapshot import Page
from tests.machine import program

from .state import State, text_of

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
DECLARED = [
    value
    for module in (access, fixed, applications, collector)
    for value in vars(module).values()
    if isinstance(value, Declared)
]
_VARIABLE = re.compile(r"\$[a-z_]+")


def tool(name: str, *arguments: str | Path, given: str | None = None) -> str:
    """Output of a checking tool that has to succeed. Skips where it is not installed."""
    ended = subprocess.run(
        [program(name), *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def series_names() -> set[str]:
    """Every name a series of drorch can have."""
    names: set[str] = set()
    for declared in DECLARED:
        if declared.type is FamilyType.COUNTER:
            names.add(f"{declared.name}_total")
        elif declared.type is FamilyType.HISTOGRAM:
            names |= {f"{declared.name}_{ending}" for ending in ("bucket", "count", "sum")}
        else:
            names.add(declared.name)
    return names


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str]]:
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{file.name} {panel['title']}", target["expr"]


def cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Every cell of the grid a panel takes."""
    for column in range(place["x"], place["x"] + place["w"]):
        for line in range(place["y"], place["y"] + place["h"]):
            yield column, line


def used_names(expression: str) -> set[str]:
    return set(re.findall(r"[a-z_:]*\bdrorch_[a-z0-9_]+(?::[a-z0-9_]+)?", re.sub(r'"[^"]*"', '""', expression)))


def test_the_rules_are_valid_and_each_alert_fires_and_stays_silent() -> None:
    found = tool("promtool", "check", "rules", RULES)
    assert f"{len(rules())} rules found" in found
    tests = sorted((RULES.parent / "tests").glob("*.yml"))
    tool("promtool", "test", "rules", *tests)
    tried = [
        (check["alertname"], bool(check["exp_alerts"]))
        for file in tests
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for check in test.get("alert_rule_test", ())
    ]
    alerts = [rule["alert"] for rule in rules() if "alert" in rule]
    assert len(alerts) >= 18
    assert {(alert, fires) for alert in alerts for fires in (True, False)} == set(tried)


def test_rules_and_dashboards_ask_only_for_series_that_exist() -> None:
    known = series_names() | {rule["record"] for rule in rules() if "record" in rule}
    asked = [(str(rule.get("alert") or rule.get("record")), rule["expr"]) for rule in rules()] + list(panels())
    assert len(asked) > 60
    unknown = {place: used_names(expression) - known for place, expression in asked}
    assert {place: names for place, names in unknown.items() if names} == {}


def known_labels(expression: str) -> set[str]:
    """Labels the series of an expression can have; those of a recorded one are those of its families."""
    found = {"job", "instance"}
    for name in used_names(expression) | set(re.findall(r"\bup\b", expression)):
        for declared in DECLARED:
            if name == declared.name or re.fullmatch(f"{declared.name}_(total|bucket|count|sum)", name):
                found |= {*declared.labels, *({"le"} if declared.type is FamilyType.HISTOGRAM else ())}
        for rule in rules():
            if rule.get("record") == name:
                found |= known_labels(rule["expr"])
    return found


def used_labels(expression: str, legend: str) -> set[str]:
    """Labels that an expression selects, groups or joins by, and those its legend shows."""
    selected = re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    listed = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", expression)
    named = [label.strip() for labels in listed for label in labels.split(",") if label.strip()]
    return {*selected, *named, *re.findall(r"{{\s*([a-z_]+)\s*}}", legend)}


def test_dashboards_use_only_labels_that_their_series_have() -> None:
    """A legend of a label that is not there shows nothing; a selector of one chooses nothing, or everything."""
    wrong = {
        f"{file.name} {panel['title']}": missing
        for file in DASHBOARDS
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
        if (missing := used_labels(target["expr"], target["legendFormat"]) - known_labels(target["expr"]))
    }
    assert wrong == {}


def test_every_family_of_remote_access_schedule_and_actions_is_on_a_dashboard() -> None:
    shown = {name for _, expression in panels() for name in used_names(expression)}
    asked = ("drorch_remote_access_", "drorch_collector_", "drorch_schedule_", "drorch_corrective_")
    assert {name for name in series_names() if name.startswith(asked)} - shown == set()


def test_every_family_is_documented_and_every_alert_has_its_paragraph() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    missing = [declared.name for declared in DECLARED if f"`{declared.name}" not in text]
    assert missing == []
    headings = {line.strip("# ").lower() for line in text.splitlines() if line.startswith("#")}
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook"] == f"docs/metrics.md#{rule['alert'].lower()}"  # type: ignore[index]
            assert rule["alert"].lower() in headings


def test_the_dashboards_are_whole(tmp_path: Path) -> None:
    assert len(DASHBOARDS) == 5
    boards = [json.loads(file.read_text(encoding="utf-8")) for file in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards)
    for board in boards:
        assert board["templating"]["list"][0]["name"] == "DS_PROMETHEUS"
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        for panel in board["panels"]:
            assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        places = [place for panel in board["panels"] for place in cells(panel["gridPos"])]
        assert len(places) == len(set(places)), f"panels of {board['title']} overlap"
    made = [
        {"record": f"panel:n{number}:x", "expr": _VARIABLE.sub("x", expression)}
        for number, (_, expression) in enumerate(panels())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}), encoding="utf-8")
    tool("promtool", "check", "rules", file)


def test_the_wiring_is_valid() -> None:
    tool("promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus" / "scrape.yml")
    assert "2 receivers" in tool("amtool", "check-config", DEPLOY / "alertmanager" / "alertmanager.yml")
    scrapes = yaml.safe_load((DEPLOY / "prometheus" / "scrape.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert {scrape.get("metrics_path", "/metrics") for scrape in scrapes} == set(Page)


@pytest.mark.parametrize("page", list(Page))
def test_prometheus_own_linter_has_nothing_to_say(recorded: State, page: Page) -> None:
    assert tool("promtool", "check", "metrics", given=text_of(recorded.exposition(), page)) == ""
