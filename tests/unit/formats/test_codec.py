"""The converter: what is written is read back equal, and every field that is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NewType, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.access.ports import GatewayReading, LicenceReading, LoginReading, PoolReading
from drorch.actions.events import ActionBody
from drorch.callout.log import CalloutBody
from drorch.catalog.model import Catalog
from drorch.core.clock import Instant
from drorch.core.codec import LEFT_OUT, LOCAL, MICROSECONDS, UNWRITTEN, from_text, plain, read, to_text
from drorch.core.errors import InputInvalid
from drorch.core.frozen import frozen
from drorch.evidence.baseline import Baseline
from drorch.evidence.model import CanaryWrite, Sample
from drorch.evidence.protection import ProtectionSample
from drorch.evidence.record.model import Report
from drorch.plan.model import Act, Plan, Step
from drorch.report.after_action.model import AfterAction
from drorch.run.events import Body
from drorch.run.ports import PlaybookResult
from drorch.schedules.events import Body as ScheduleBody
from drorch.year.log import YearBody

from .examples import bare, filled

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
Number = NewType("Number", int)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Round:
    radius: float
    shape: Literal["round"] = "round"


@dataclass(frozen=True, kw_only=True)
class Flat:
    sides: tuple[int, ...]
    shape: Literal["flat", "plane"] = "flat"


@dataclass(frozen=True, kw_only=True)
class Everything:
    text: str
    number: int
    named: Number
    share: float
    flag: bool
    colour: Colour
    day: date
    at: datetime
    instant: Instant
    file: Path
    pair: tuple[str, int]
    files: tuple[Path, ...]
    shapes: tuple[Round | Flat, ...]
    colours: frozenset[Colour]
    by_colour: Mapping[Colour, int | None]
    facts: Mapping[str, object]
    maybe: Round | Flat | None
    here: datetime = field(metadata=LOCAL)
    seconds: float = field(default=0.0, metadata=MICROSECONDS)
    rare: str = field(default="", metadata=LEFT_OUT)
    own: int = field(default=0, compare=False, metadata=UNWRITTEN)


ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-4)), timezone(timedelta(hours=5, minutes=45))])
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001
SHAPES = st.builds(Round, radius=st.floats(allow_nan=False)) | st.builds(
    Flat, sides=st.lists(st.integers()).map(tuple), shape=st.sampled_from(["flat", "plane"])
)
VALUES = st.builds(
    Everything,
    text=TEXT,
    number=st.integers(),
    named=st.integers().map(Number),
    share=st.floats(allow_nan=False),
    flag=st.booleans(),
    colour=st.sampled_from(Colour),
    day=st.dates(),
    at=MOMENTS,
    instant=st.builds(
        Instant,
        mono=st.floats(0, 1e7).map(lambda mono: round(mono, 6)),
        wall=MOMENTS.map(lambda at: at.astimezone(UTC)),
    ),
    file=st.sampled_from([Path("/a/b"), Path("c")]),
    pair=st.tuples(TEXT, st.integers()),
    files=st.lists(st.sampled_from([Path("/a/b"), Path("c")]), max_size=2).map(tuple),
    shapes=st.lists(SHAPES, max_size=2).map(tuple),
    colours=st.frozensets(st.sampled_from(Colour)),
    by_colour=st.dictionaries(st.sampled_from(Colour), st.none() | st.integers()).map(MappingProxyType),
    facts=st.dictionaries(TEXT, PLAIN, max_size=3).map(frozen),
    maybe=st.none() | SHAPES,
    here=st.datetimes(),
    seconds=st.floats(0, 1e6).map(lambda seconds: round(seconds, 6)),
    rare=TEXT,
)


def again(kind: Any, value: Any) -> Any:
    return read(kind, json.loads(json.dumps(plain(value))), where="here", next_step="go on")


@given(VALUES)
def test_what_is_written_is_read_back_equal(value: Everything) -> None:
    found = again(Everything, value)
    assert found == value
    assert plain(found) == plain(value)
    assert hash(found.shapes) == hash(value.shapes)
    with pytest.raises(TypeError):
        found.facts["new"] = 1


UNIONS = (Body, Act, YearBody, ActionBody, CalloutBody, ScheduleBody)
KINDS = (
    *(kind for union in UNIONS for kind in get_args(union)),
    *(Step, Plan, Sample, CanaryWrite, ProtectionSample, Baseline, PlaybookResult, AfterAction, Report),
    *(GatewayReading, PoolReading, LicenceReading, LoginReading),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_that_is_kept_is_read_back_equal(kind: type[Any]) -> None:
    for value in (filled(kind), bare(kind)):
        assert plain(again(kind, value)) == plain(value)
        assert again(kind, again(kind, value)) == again(kind, value)


@pytest.mark.parametrize("union", UNIONS[1:], ids=["act", "year", "action", "call-out", "schedule"])
def test_members_of_a_union_are_told_apart(union: Any) -> None:
    for kind in get_args(union):
        assert type(again(union, filled(kind))) is kind
    with pytest.raises(InputInvalid, match=r"expected (what|act) to be one of .*found str 'nonsense'"):
        read(union, {"what": "nonsense", "act": "nonsense"}, where="here", next_step=None)


def test_what_only_this_process_knows_is_neither_written_nor_read() -> None:
    catalog = filled(Catalog)
    assert {"lines", "source"}.isdisjoint(plain(catalog))
    assert again(Catalog, catalog) == catalog
    with pytest.raises(InputInvalid, match="unknown field 'lines'"):
        read(Catalog, {**plain(catalog), "lines": {}}, where="here", next_step=None)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if fields(kind)], ids=lambda kind: kind.__name__)
def test_a_wrong_value_in_each_field_is_named_and_all_at_once(kind: type[Any]) -> None:
    data = plain(filled(kind))
    wrong = [name for name, hint in get_type_hints(kind).items() if name in data and hint is not object]
    with pytest.raises(InputInvalid) as caught:
        read(kind, {name: {"never": object} for name in wrong}, where="here", next_step="mend it")
    told = caught.value.what
    named = {name for name in wrong if f"{name}:" in told or f"{name}." in told or f"{name}[" in told}
    open_mappings = {name for name in wrong if get_type_hints(kind)[name] == Mapping[str, object]}
    assert named == set(wrong) - open_mappings
    assert (caught.value.where, caught.value.next_step) == ("here", "mend it")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_unknown_field_and_each_missing_one_are_named(kind: type[Any]) -> None:
    with pytest.raises(InputInvalid, match="unknown field 'a surplus'"):
        read(kind, {**plain(filled(kind)), "a surplus": 1}, where=None, next_step=None)
    needed = [item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING]
    if needed:
        with pytest.raises(InputInvalid) as caught:
            read(kind, {}, where=None, next_step=None)
        assert caught.value.what == "; ".join(f"{name}: the field is missing" for name in needed)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("text", 3, "text: expected text, found int '3'"),
        ("number", True, "number: expected a whole number, found bool 'True'"),
        ("number", 1.0, "number: expected a whole number, found float '1.0'"),
        ("named", "1", "named: expected a whole number, found str '1'"),
        ("share", "1.5", "share: expected a number, found str '1.5'"),
        ("share", True, "share: expected a number, found bool 'True'"),
        ("flag", 1, "flag: expected true or false, found int '1'"),
        ("colour", "green", "colour: expected one of red, blue, found str 'green'"),
        ("colour", None, "colour: expected one of red, blue, found nothing"),
        ("day", "2026-02-30", "day: day is out of range for month"),
        ("at", "2026-01-01T00:00:00", "at: expected an instant with its time zone"),
        ("here", "2026-01-01T00:00:00Z", "here: expected a local time without a time zone"),
        ("instant", {"mono": 1.0}, "instant.wall: the field is missing"),
        ("pair", ["a"], "pair: "),
        ("pair", ["a", "b"], "pair[1]: expected a whole number"),
        ("shapes", "flat", "shapes: expected a list"),
        ("shapes", [{"shape": "round", "radius": 1}, {"shape": "flat", "sides": [1, None]}], "shapes[1].sides[1]: "),
        ("shapes", [{"radius": 1}], "shapes[0]: expected shape to be one of round, flat, plane, found nothing"),
        ("colours", ["red", "green"], "colours[1]: expected one of"),
        ("by_colour", {"green": 1}, "by_colour['green']: expected one of"),
        ("by_colour", {"red": "1"}, "by_colour['red']: expected a whole number"),
        ("by_colour", [], "by_colour: expected an object"),
        ("facts", [], "facts: expected an object"),
        ("maybe", 3, "maybe: expected an object"),
    ],
)
def test_nothing_is_coerced(name: str, value: object, told: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        read(Everything, {**plain(filled(Everything)), name: value}, where="f", next_step="n")
    assert told in caught.value.what


def test_a_whole_number_stands_for_a_number_and_is_written_as_one() -> None:
    found = read(Round, {"radius": 3, "shape": "round"}, where=None, next_step=None)
    assert plain(found) == {"radius": 3.0, "shape": "round"}
    assert to_text(Round(radius=3)) == to_text(found)


@pytest.mark.parametrize(
    ("text", "where", "told"),
    [
        ("{", "f", "not JSON"),
        ('{\n "radius": ,\n}', "f:2", "not JSON"),
        (b"\xff", "f", "not UTF-8 at byte 0"),
        ('{"radius": 1, "radius": 2}', "f", "field 'radius' is there 2 times"),
        ('{"radius": NaN}', "f", "NaN is not a number that JSON has"),
        ("[" * 100_000, "f", "nested too deeply"),
        ("[]", "f", "expected an object, found list '[]'"),
    ],
)
def test_a_text_that_is_no_value_is_refused_with_its_place(text: str | bytes, where: str, told: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        from_text(Round, text, where="f", next_step="n")
    assert told in caught.value.what
    assert caught.value.where == where


def test_a_time_without_a_zone_is_never_written() -> None:
    value = filled(Everything, at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="without a time zone"):
        plain(value)
