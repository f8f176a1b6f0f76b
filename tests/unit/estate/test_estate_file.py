"""The estate file: whatever somebody writes in it, one sentence with its place, no traceback, no program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from drorch.core.errors import InputInvalid
from drorch.estate.files import estate_id, load_estate
from drorch.testing.evidence import write_estate


def written(tmp_path: Path, changes: Mapping[str, object]) -> Path:
    """The estate on paper with other values."""
    file = write_estate(tmp_path)
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "text",
    ["name: 2014-01-01", "name: 2014-13-45", "name: 2014-01-01 99:99:99", "2014-01-01: x", '"\\ud800": x', "- x"],
)
def test_odd_yaml_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, {})
    whole = file.read_text(encoding="utf-8")
    file.write_text(text if text == "- x" else whole.replace('"name": "paper"', text, 1), encoding="utf-8")
    with pytest.raises(InputInvalid) as refused:
        load_estate(file)
    assert str(file) in str(refused.value.where)
    assert refused.value.what


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": "{{ 1 }}"}, "the estate.name"),
        ({"sites": {"nyc": "{% raw %}"}}, "the estate.sites.nyc"),
        ({"ansible_env": {"X": "a {# b"}}, "the estate.ansible_env.X"),
    ],
)
def test_a_template_is_refused_with_its_place(tmp_path: Path, changes: Mapping[str, object], place: str) -> None:
    with pytest.raises(InputInvalid, match="template") as refused:
        load_estate(written(tmp_path, changes))
    assert str(refused.value.where).endswith(place)


def test_an_estate_has_the_id_of_what_it_says(tmp_path: Path) -> None:
    one = load_estate(written(tmp_path, {}))
    assert estate_id(one) == estate_id(load_estate(written(tmp_path, {})))
    room = {"nyc": {"applications": 3, "verified": "2013-01-01", "by": "Vera"}}
    for changes in ({"zone": "other"}, {"capacity": room}, {"sites": {}}):
        assert estate_id(one) != estate_id(load_estate(written(tmp_path, changes)))
