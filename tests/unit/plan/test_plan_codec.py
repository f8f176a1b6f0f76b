"""Plan to JSON and back, and every kind of bad plan file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash
from drorch.plan.build import build_plan
from drorch.plan.codec import MAX_BYTES, plan_from_json, plan_from_text, plan_id, plan_to_json, plan_to_text
from drorch.plan.model import Kind, Plan


@pytest.fixture(scope="module")
def plan(small: Catalog) -> Plan:
    return build_plan(small, kind=Kind.FAILOVER, playbooks_id="sha256:books", lose="nyc")


@pytest.mark.parametrize("kind", list(Kind))
def test_round_trip(small: Catalog, kind: Kind) -> None:
    one = build_plan(small, kind=kind, playbooks_id="sha256:books", lose="nyc")
    again = plan_from_text(plan_to_text(one).encode(), "plan.json")

    assert again == one
    assert plan_id(again) == plan_id(one)
    assert plan_to_text(again) == plan_to_text(one)


def test_the_hash_does_not_depend_on_how_numbers_are_written(plan: Plan) -> None:
    first = plan.steps[0]
    whole = replace(plan, steps=(replace(first, timeout_s=30, estimate_s=2), *plan.steps[1:]))
    broken = replace(plan, steps=(replace(first, timeout_s=30.0, estimate_s=2.0), *plan.steps[1:]))

    assert plan_id(whole) == plan_id(broken)


def changed(data: Any, path: str, value: object) -> None:
    *way, last = path.split(".")
    for part in way:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[int(last) if isinstance(data, list) else last] = value


@pytest.mark.parametrize(
    ("path", "value", "words", "place"),
    [
        ("schema", 99, "schema 99 is not known", "schema: "),
        ("schema", "1", "schema '1' is not known", "schema: "),
        ("kind", "falover", "one of drill, switchover", "kind: "),
        ("title", 3, "expected text", "title: "),
        ("steps", {}, "expected a list", "steps: "),
        ("steps.0", "x", "expected an object", "steps[0]: "),
        ("steps.0.needs", ["gone/start"], "'gone/start', which is not there", "steps[0]: "),
        ("steps.1.id", "nyc/witness", "2 times", "steps[0].id: "),
        ("steps.0.timeout_s", "60", "expected a number", "steps[0].timeout_s: "),
        ("steps.0.timeout_s", -1, "0 or more", "steps[0].timeout_s: "),
        ("steps.0.timeout_s", True, "expected a number", "steps[0].timeout_s: "),
        ("steps.0.changes_state", False, "unknown field 'changes_state'", "steps[0]: "),
        ("steps.0.timeout_s", 10**400, "", "steps[0].timeout_s: "),
        ("steps.1.act.hosts", ["{{ x }}"], "holds a template", "steps[1].act.hosts[0]: "),
        (
            "steps.1.act.variables",
            {"deep": [{"x": "a {# b"}]},
            "holds a template",
            "steps[1].act.variables.deep[0].x: ",
        ),
        ("title", "\ud800", "cannot be written", ""),
        ("steps.1.act.variables", {"x": float("inf")}, "cannot be written", ""),
        ("selection.groups", "nyc", "expected a list", "selection.groups: "),
        ("steps.0.act.act", "shell", "found str 'shell'", "steps[0].act: "),
        ("steps.0.act.command", "x", "unknown field 'command'", "steps[0].act: "),
        (
            "steps.0.undo",
            {"act": "names", "applications": [], "site": "x", "drill": False},
            "one of playbook",
            "steps[0].undo.act: ",
        ),
        ("steps.1.act.hosts", [1], "expected text", "steps[1].act.hosts[0]: "),
        ("steps.1.act.variables", [], "expected an object", "steps[1].act.variables: "),
        ("limits.total", 0, "1 or more", "limits.total: "),
        ("limits.total", 1.5, "whole number", "limits.total: "),
        ("extra", 1, "unknown field 'extra'", ""),
        ("title", "Another title", "was changed", "id: "),
        ("steps.1.act.hosts", ["db-elsewhere"], "was changed", "id: "),
    ],
)
def test_bad_or_tampered_content_names_the_place(plan: Plan, path: str, value: object, words: str, place: str) -> None:
    data = json.loads(plan_to_text(plan))
    changed(data, path, value)

    with pytest.raises(InputInvalid) as caught:
        plan_from_json(data, "f")
    assert words in caught.value.what
    assert place in caught.value.what
    assert caught.value.where == "f"
    assert caught.value.next_step


def test_everything_that_is_wrong_is_named_at_once(plan: Plan) -> None:
    data = json.loads(plan_to_text(plan))
    changed(data, "kind", "falover")
    changed(data, "steps.0.timeout_s", "60")
    changed(data, "steps.1.act.command", "x")

    with pytest.raises(InputInvalid) as caught:
        plan_from_json(data, "f")
    told = caught.value.what.split("; ")
    assert [line.partition(": ")[0] for line in told] == ["kind", "steps[0].timeout_s", "steps[1].act"]


def test_a_missing_field_is_named(plan: Plan) -> None:
    data = plan_to_json(plan)
    del data["limits"]

    with pytest.raises(InputInvalid, match="limits: the field is missing"):
        plan_from_json(data)


def test_a_changed_file_with_a_fresh_hash_is_another_plan(plan: Plan) -> None:
    data = json.loads(plan_to_text(plan))
    data["title"] = "Another title"
    data["id"] = content_hash({key: value for key, value in data.items() if key != "id"})

    assert plan_id(plan_from_json(data)) != plan_id(plan)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: b"", "not JSON"),
        (lambda text: text[: len(text) // 2], "not JSON"),
        (lambda text: b"\xff\xfe" + text, "not UTF-8 at byte 0"),
        (lambda text: b"\x00\x01\x02", "not JSON"),
        (lambda text: b"[]", "expected an object"),
        (lambda text: b"[" * 200_000, "nested too deeply"),
        (lambda text: b" " * (MAX_BYTES + 1), "more than a plan can have"),
        (lambda text: text.replace(b'"timeout_s": 60.0', b'"timeout_s": NaN', 1), "NaN"),
        (lambda text: text.replace(b'"kind"', b'"kind": "drill", "kind"', 1), "'kind' is there 2 times"),
    ],
)
def test_bad_files_give_one_clear_error(plan: Plan, spoil: Callable[[bytes], bytes], words: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        plan_from_text(spoil(plan_to_text(plan).encode()), "plan.json")
    assert words in caught.value.what
    assert str(caught.value.where).startswith("plan.json")
