"""An event's own text: what is hashed and stored is what was encoded once, and a changed copy never inherits it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.core.errors import DrorchError
from drorch.core.ids import canonical_json
from drorch.run.chain import GENESIS, chain_of, chain_value, first_break
from drorch.run.codec import decode, encode, event_to_json
from drorch.run.events import Event, Paused, StepSucceeded
from drorch.testing.plans import failover_plan
from drorch.testing.runs import created, events_of, start

TRICKY = 'said ,"kind":"x","chain":"sha256:0" and },"run": é ✓ \\ "'


def tricky() -> tuple[Event, ...]:
    """Events whose texts and facts look like parts of an event."""
    nested = {"kind": "k", "chain": "sha256:1", "run": {"kind": TRICKY}, "deep": [{"a": None, "b": 1.5, "c": True}]}
    return events_of(
        created(failover_plan()),
        Paused(person=TRICKY, reason=TRICKY),
        start("g0/recover"),
        StepSucceeded(step="g0/recover", attempt=1, facts=nested),
    )


def test_text_put_together_is_the_canonical_one() -> None:
    for event in tricky():
        assert encode(event) == canonical_json(event_to_json(event))
        assert encode(decode(encode(event))) == encode(event)


def test_chain_of_the_text_is_the_chain_of_the_data() -> None:
    previous = GENESIS
    for event in tricky():
        assert chain_value(previous, event) == chain_of(previous, event_to_json(event)) == event.chain
        previous = event.chain


def test_changed_copy_has_another_text_and_breaks_the_chain() -> None:
    events = list(tricky())
    events[1] = replace(events[1], body=Paused(person="somebody else", reason=TRICKY))
    assert "somebody else" in encode(events[1])
    broken = first_break(events)
    assert broken is not None
    assert broken.seq == 2


@pytest.mark.parametrize("seq", [1, 2, 3, 4])
def test_any_changed_sign_of_a_stored_text_breaks_the_chain(seq: int) -> None:
    events = list(tricky())
    text = encode(events[seq - 1])
    changed = 0
    for place, sign in enumerate(text):
        other = text[:place] + ("8" if sign == "7" else "7") + text[place + 1 :]
        try:
            read = decode(other)
        except DrorchError:  # no event any more: noticed before the chain is asked
            continue
        changed += 1
        broken = first_break([*events[: seq - 1], read, *events[seq:]])
        assert broken is not None, f"{place}: {sign!r}"
    assert changed > 100


def test_a_second_value_for_a_key_does_not_hide_behind_the_first() -> None:
    events = list(tricky())
    doubled = encode(events[1]).replace('"body":', '"body":{"person":"x","reason":"y"},"body":', 1)
    events[1] = decode(doubled)
    assert first_break(events) is not None
    assert chain_value(events[0].chain, events[1]) != events[1].chain


def test_text_behind_an_event_is_refused() -> None:
    with pytest.raises(DrorchError, match="not JSON"):
        decode(encode(tricky()[0]) + " {}")
