"""The rooms of drorch: the drawn tree is the present one, imports only point down, no circle, no crowded folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import house


def test_the_tree_in_the_architecture_is_the_present_one() -> None:
    now, drawn = house.tree(), house.on_page()
    assert house.without_sizes(drawn) == house.without_sizes(now), "make tree"
    for size, was in zip(house.sizes(now), house.sizes(drawn), strict=True):
        assert size == pytest.approx(was, rel=0.25, abs=0.3), "sizes have drifted: make tree"


def test_no_arrow_up_no_circle_no_crowded_folder() -> None:
    assert house.wrong() == []


def test_a_circle_is_found_however_long_it_is() -> None:
    assert house.circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [("a", "b", "c")]
    assert house.circles({"a": ["b"], "b": ["c"], "c": [], "d": ["a"]}) == []


def test_every_room_has_its_place() -> None:
    rooms = {path.parent.name for path in house.PACKAGE.glob("*/__init__.py")}
    assert rooms == {*house.floors(), "testing"}
