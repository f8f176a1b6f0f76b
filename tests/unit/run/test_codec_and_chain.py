"""Events survive writing and reading; a changed journal is noticed and the place is named."""

import json
from dataclasses import replace
from datetime import UTC
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.core.clock import Instant
from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json
from drorch.run import events as ev
from drorch.run.chain import GENESIS, chain_of, chain_value, first_break, link
from drorch.run.codec import decode, encode, event_from_json, event_to_json, kind_of
from drorch.testing.clock import HandClock
from drorch.testing.runs import events_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FACTS = st.dictionaries(TEXT, JSON, max_size=3)
NUMBERS = st.integers(0, 10**6)


def bodies() -> st.SearchStrategy[ev.Body]:
    """Every kind of body with arbitrary values (the schema number is fixed)."""
    by_type = {"str": TEXT, "int": NUMBERS, "str | None": st.none() | TEXT, "Mapping[str, object]": FACTS,
               "RunOutcome": st.sampled_from(ev.RunOutcome),
               "AfterDeadline": st.sampled_from(ev.AfterDeadline),
               "tuple[str, ...]": st.lists(TEXT, max_size=3).map(tuple)}  # fmt: skip
    kinds = []
    for kind in get_args(ev.Body):
        values = {name: by_type[field.type] for name, field in kind.__dataclass_fields__.items()}
        if kind is ev.RunCreated:
            values["schema"] = st.just(ev.JOURNAL_SCHEMA)
        kinds.append(st.builds(kind, **values))
    return st.one_of(kinds)


INSTANTS = st.builds(
    Instant,
    mono=st.floats(0, 1e7),
    wall=st.datetimes(timezones=st.just(UTC)),
)


@given(bodies(), INSTANTS)
def test_every_event_survives_the_round_trip(body: ev.Body, at: Instant) -> None:
    event = link(GENESIS, run="r", seq=1, at=at, body=body)
    again = decode(encode(event))
    assert again == event
    assert encode(again) == encode(event)
    assert first_break([again]) is None


@given(st.lists(bodies(), min_size=2, max_size=5), st.data())
def test_any_change_of_a_written_event_breaks_the_chain_at_that_event(
    found: list[ev.Body], data: st.DataObject
) -> None:
    events = events_of(*found)
    at = data.draw(st.integers(0, len(events) - 1))
    other = ev.Approved(plan_id="another", person="x", reason="")
    changed = list(events)
    changed[at] = replace(events[at], body=other)
    broken = first_break(changed)
    assert broken is not None
    assert broken.seq == at + 1


def test_a_missing_a_moved_and_a_foreign_event_are_named() -> None:
    events = events_of(*(ev.Paused(person="p", reason=str(number)) for number in range(4)))
    assert first_break(events) is None
    missing = first_break(events[:1] + events[2:])
    assert missing is not None
    assert missing.seq == 2
    moved = first_break((events[0], events[2], events[1], events[3]))
    assert moved is not None
    assert moved.seq == 2
    foreign = first_break((*events[:3], replace(events[3], run="other")))
    assert foreign is not None
    assert (foreign.seq, "other" in foreign.reason) == (4, True)


def good() -> dict[str, object]:
    """One event as data."""
    return event_to_json(events_of(ev.StepStarted(step="a/start", attempt=1, ident="a--start.1"))[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "step-exploded"}, "step-exploded"),
        ({"body": {"step": "a/start", "attempt": "1", "ident": "x"}}, "attempt"),
        ({"body": {"step": "a/start", "attempt": True, "ident": "x"}}, "attempt"),
        ({"body": {"step": "a/start", "attempt": 1}}, "exactly the fields"),
        ({"body": {"step": "a/start", "attempt": 1, "ident": "x", "more": 1}}, "exactly the fields"),
        ({"body": [1]}, "exactly the fields"),
        ({"at": "yesterday"}, "unreadable"),
        ({"at": {"mono": 1.0, "wall": "2013-03-01T00:00:00"}}, "time zone"),
        ({"seq": "1"}, "unreadable"),
        ({"surprise": 1}, "exactly run"),
    ],
)
def test_what_is_not_an_event_is_refused_with_its_place(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputInvalid, match=said) as caught:
        event_from_json({**good(), **change}, where="j event 1")
    assert caught.value.where == "j event 1"
    assert caught.value.next_step


def test_a_journal_of_another_schema_is_refused() -> None:
    body = ev.RunCreated(
        schema=ev.JOURNAL_SCHEMA,
        drorch_version="1",
        plan_id="p",
        catalog_id="c",
        estate_id="e",
        kind="drill",
        groups=("g",),
        operator="o",
        host="h",
    )
    data = json.loads(encode(events_of(body)[0]))
    data["body"]["schema"] = 99
    with pytest.raises(InputInvalid, match="schema 99"):
        event_from_json(data)


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "\x00"])
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(InputInvalid):
        decode(line)


def test_kinds_have_stable_names() -> None:
    assert [kind_of(body) for body in (ev.RunStarted(), ev.StopRequested(person="p", reason=""))] == [
        "run-started",
        "stop-requested",
    ]


def test_the_text_of_an_event_is_its_canonical_json_however_it_came_to_be() -> None:
    facts = {"z": [1, 2.5, None], "chain": "sha256:" + "0" * 64, "deep": {"ü": True, '"': "\\"}}
    for body in (ev.StepSucceeded(step="a/x", attempt=1, facts=facts), ev.RunStarted()):
        made = link(GENESIS, run='r"1', seq=3, at=HandClock().now(), body=body)
        assert encode(made) == canonical_json(event_to_json(made))
        read = decode(encode(made))
        assert read == made
        assert encode(read) == encode(made)
        assert chain_value(GENESIS, read) == made.chain == chain_of(GENESIS, event_to_json(made))


def test_a_changed_event_has_another_text_and_breaks_the_chain() -> None:
    made = link(GENESIS, run="r1", seq=1, at=HandClock().now(), body=ev.RunStarted())
    changed = replace(decode(encode(made)), body=ev.Paused(person="Ana", reason="r"))
    assert "Ana" in encode(changed)
    assert first_break([made]) is None
    assert first_break([changed]) is not None


def test_a_line_that_says_the_same_in_other_bytes_does_not_hold() -> None:
    made = link(GENESIS, run="r1", seq=1, at=HandClock().now(), body=ev.RunStarted())
    spaced = encode(made).replace('"seq":1', '"seq": 1')
    assert decode(spaced) == made
    assert first_break([decode(spaced)]) is not None
