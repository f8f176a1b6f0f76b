"""The record's JSON form: both ways, its published schema, and what is said about damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from drorch.core.codec import plain
from drorch.core.errors import InputInvalid
from drorch.evidence.record.codec import json_schema, report_from_json, report_from_text, report_to_text

from .scenarios import SCENARIOS, good_failover

PUBLISHED = Path(__file__).parents[4] / "docs" / "report.schema.json"


@pytest.mark.parametrize("name", SCENARIOS)
def test_json_both_ways(name: str) -> None:
    text = report_to_text(SCENARIOS[name]())
    assert report_to_text(report_from_text(text)) == text


@pytest.mark.parametrize("name", SCENARIOS)
def test_records_fit_the_published_schema(name: str) -> None:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(report_to_text(SCENARIOS[name]())))


def test_the_published_schema_is_the_one_of_the_model(regenerate_golden: bool) -> None:
    written = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if regenerate_golden:
        PUBLISHED.write_text(written, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == written
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_refuses_a_record_with_a_missing_and_an_unknown_field() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    missing, unknown = plain(good_failover()), plain(good_failover())
    del missing["totals"]
    unknown["extra"] = 1
    assert not validator.is_valid(missing)
    assert not validator.is_valid(unknown)


def damaged(path: str, value: object) -> dict[str, object]:
    data = json.loads(report_to_text(good_failover()))
    here = data
    *parents, last = path.split(".")
    for key in parents:
        here = here[int(key)] if key.isdigit() else here[key]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("schema", 99, "schema"),
        ("result.overall", "great", "result.overall"),
        ("totals.passed", "8", "totals.passed"),
        ("totals.passed", True, "totals.passed"),
        ("totals.passed", ..., "totals.passed"),
        ("applications.0.clocks", None, "applications[0].clocks"),
        ("applications.0.recovery_time.rto_s", [], "applications[0].recovery_time.rto_s"),
        ("steps", {}, "steps"),
        ("run.color", "red", "run"),
    ],
)
def test_a_damaged_record_is_refused_with_the_place(path: str, value: object, where: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        report_from_json(damaged(path, value), "runs/x/report.json")
    assert refused.value.where == "runs/x/report.json"
    assert refused.value.what.startswith(f"{where}: ")


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe\x00", "[" * 100_000, "7", "null"])
def test_what_is_no_record_is_refused_in_one_sentence(text: str | bytes) -> None:
    with pytest.raises(InputInvalid):
        report_from_text(text)
