"""Events survive writing and reading; a changed journal is noticed and the place is named."""

import json
from dataclasses import replace
from datetime import UTC
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.core.clock import Instant
from drorch.core.errors import Broken, InputInvalid
from drorch.core.ids import canonical_json
from drorch.core.stream import Draft, first_break, line_of, record_of
from drorch.run import events as ev
from drorch.run.codec import body_from_json, body_to_json, event_to_json, kind_of
from drorch.run.journal import RunJournal
from drorch.testing.clock import HandClock
from drorch.testing.fakes import MemoryJournal
from drorch.testing.plans import failover_plan
from drorch.testing.runs import RUN, created, events_of
from drorch.testing.streams import MemoryStore

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
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
"""A person's name stands in a column of its own, and PostgreSQL keeps no NUL there; facts may have it."""
FACTS = st.dictionaries(TEXT, JSON, max_size=3)
NUMBERS = st.integers(0, 10**6)


def bodies() -> st.SearchStrategy[ev.Body]:
    """Every kind of body with arbitrary values (the schema number is fixed)."""
    by_type = {"str": TEXT, "int": NUMBERS, "float": st.floats(0, 1e9),
               "str | None": st.none() | TEXT, "Mapping[str, object]": FACTS,
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
    event = ev.Event(run="r", seq=1, at=replace(at, mono=round(at.mono, 6)), body=body)
    journal = MemoryJournal()
    (written,), (again,) = journal.append([event]), journal.read("r")
    assert event_to_json(again) == event_to_json(written) == {**event_to_json(event), "chain": again.chain}
    (record,) = journal.records("r")
    assert record.person in (getattr(body, "person", ""), getattr(body, "operator", ""))
    line = line_of(record, whole=True)
    assert line == canonical_json(json.loads(line))
    assert record_of(line, "here") == record
    assert first_break([record]) is None


@given(st.lists(bodies(), min_size=2, max_size=5), st.data())
def test_any_change_of_a_written_event_is_noticed_at_that_event(found: list[ev.Body], data: st.DataObject) -> None:
    records = MemoryJournal()
    records.append([replace(event, chain="") for event in events_of(*found)])
    kept = list(records.records(RUN))
    doubled = [kept[0], *kept]
    at = data.draw(st.integers(0, len(kept) - 1))
    kept[at] = kept[at]._replace(body=kept[at].body + " ")
    for changed, first in ((kept, at), (kept[:at] + kept[at + 1 :], at), (doubled, 1)):
        if at == len(kept) - 1 and len(changed) < len(kept):
            continue  # the last one is gone: nothing behind it shows that
        store = MemoryStore()
        store.replace_by_hand(f"run/{RUN}", *changed)
        with pytest.raises(Broken) as caught:
            RunJournal(store).read(RUN)
        assert caught.value.where == f"run/{RUN} record {first + 1}"


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("step-exploded", {}, "step-exploded"),
        ("step-started", {"step": "a/start", "attempt": "1", "ident": "x"}, "attempt"),
        ("step-started", {"step": "a/start", "attempt": True, "ident": "x"}, "attempt"),
        ("step-started", {"step": "a/start", "attempt": 1}, "ident: the field is missing"),
        ("step-started", {"step": "a/start", "attempt": 1, "ident": "x", "more": 1}, "unknown field 'more'"),
        ("step-started", [1], "expected an object"),
        ("store-waited", {"seconds": True, "reason": "r"}, "seconds"),
    ],
)
def test_what_is_not_an_event_is_refused_with_its_place(kind: str, body: object, said: str) -> None:
    store = MemoryStore()
    store.append(f"run/{RUN}", [Draft(at=HandClock().now().wall, kind=kind, body=canonical_json(body))])
    with pytest.raises(InputInvalid, match=said) as caught:
        RunJournal(store).read(RUN)
    assert str(caught.value.where).startswith(f"run/{RUN} record 1")
    assert caught.value.next_step


def test_a_journal_of_another_schema_is_refused() -> None:
    body = replace(created(failover_plan()), schema=99)
    with pytest.raises(InputInvalid, match="schema 99"):
        body_from_json(kind_of(body), {**body_to_json(body), "kind": "failover"})


def test_kinds_have_stable_names() -> None:
    assert [kind_of(body) for body in (ev.RunStarted(), ev.StopRequested(person="p", reason=""))] == [
        "run-started",
        "stop-requested",
    ]
