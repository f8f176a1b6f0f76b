"""The hash chain over a run's events: a changed, missing or moved event breaks every value behind it.

``chain = sha256(previous chain + "\\n" + canonical JSON of {run, seq, at, kind, body})``; before the first event
stands `GENESIS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drorch.core.clock import Instant
from drorch.core.ids import canonical_json
from drorch.run.events import Body, Event, text_around_chain

GENESIS = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class ChainBreak:
    """The first place where a chain does not hold."""

    seq: int
    reason: str


def chain_value(previous: str, event: Event) -> str:
    """The chain value of ``event`` behind ``previous``; the event's own ``chain`` is not looked at."""
    return _hash(previous, *event.text)


def chain_of(previous: str, data: Mapping[str, object]) -> str:
    """:func:`chain_value` of an event given as plain data, also one of a kind that this drorch does not know."""
    content = {name: value for name, value in data.items() if name != "chain"}
    return _hash(previous, canonical_json(content))


def _hash(previous: str, *text: str) -> str:
    return "sha256:" + hashlib.sha256("".join((previous, "\n", *text)).encode()).hexdigest()


def link(previous: str, *, run: str, seq: int, at: Instant, body: Body) -> Event:
    """A new event chained to ``previous``. ``at`` is kept to the microsecond, as it is written."""
    at = Instant(mono=round(at.mono, 6), wall=at.wall)
    text = text_around_chain(run=run, seq=seq, at=at, body=body)
    return Event(run=run, seq=seq, at=at, body=body, chain=_hash(previous, *text), written=text)


def first_break(events: Iterable[Event]) -> ChainBreak | None:
    """Where the chain of a whole run (from its first event) breaks; None when it holds."""
    previous, run = GENESIS, None
    for expected, event in enumerate(events, start=1):
        run = event.run if run is None else run
        if event.seq != expected:
            return ChainBreak(seq=expected, reason=f"event {expected} is missing, found {event.seq}")
        if event.run != run:
            return ChainBreak(seq=expected, reason=f"event {expected} belongs to the run {event.run}")
        if event.chain != chain_value(previous, event):
            return ChainBreak(seq=expected, reason=f"event {expected} does not follow from the ones before it")
        previous = event.chain
    return None
