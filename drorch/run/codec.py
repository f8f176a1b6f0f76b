"""Events as JSON and back, strictly: an unknown kind, field or type is an error, never a guess."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, cast

from drorch.core.clock import Instant
from drorch.core.codec import kinds, plain, read, reader
from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json
from drorch.run.events import JOURNAL_SCHEMA, Body, Event, RunCreated, kind_of

__all__ = ["body_from_json", "body_to_json", "decode", "encode", "event_from_json", "event_to_json", "kind_of"]

_SCAN: Final = json.JSONDecoder().raw_decode
_NEXT: Final = "use the drorch version that wrote this journal, or restore the journal from its copy"


def body_to_json(body: Body) -> dict[str, object]:
    """Plain data of a body, without its kind."""
    return cast(dict[str, object], plain(body))


def body_from_json(kind: str, data: object, where: str | None = None) -> Body:
    """Inverse of :func:`body_to_json`; InputInvalid on anything unexpected."""
    try:
        body = _readers()[kind](data)
    except Exception:  # whatever it was is said by the way that looks for everything that is wrong
        known = kinds(Body)
        if kind not in known:
            raise InputInvalid(f"unknown kind of event {kind!r}", where=where, next_step=_NEXT) from None
        body = read(known[kind], data, where=f"{where}: {kind}" if where else kind, next_step=_NEXT)
    if isinstance(body, RunCreated) and body.schema != JOURNAL_SCHEMA:
        problem = f"the journal has schema {body.schema}, this drorch reads schema {JOURNAL_SCHEMA}"
        raise InputInvalid(problem, where=where, next_step=_NEXT)
    return cast(Body, body)


@cache
def _readers() -> Mapping[str, Callable[[Any], Any]]:
    return MappingProxyType({word: reader(member) for word, member in kinds(Body).items()})


def event_to_json(event: Event) -> dict[str, object]:
    """Plain data of a whole event."""
    return {
        "run": event.run,
        "seq": event.seq,
        "at": plain(event.at),
        "kind": kind_of(event.body),
        "body": plain(event.body),
        "chain": event.chain,
    }


@dataclass(slots=True, kw_only=True)
class _Head:
    """An event without its body. Not frozen: it lives for a moment only, and is made for every event that is read."""

    run: str
    seq: int
    at: Instant
    kind: str
    chain: str


def event_from_json(data: object, where: str | None = None) -> Event:
    """Inverse of :func:`event_to_json`; InputInvalid on anything unexpected."""
    return _event(dict(data) if isinstance(data, dict) else data, where, None)


def _event(data: object, where: str | None, line: str | None) -> Event:
    if not isinstance(data, dict) or "body" not in data:
        raise InputInvalid("an event has exactly run, seq, at, kind, body and chain", where=where, next_step=_NEXT)
    body = data.pop("body")
    try:
        head = _head()(data)
    except Exception:  # whatever it was is said by the way that looks for everything that is wrong
        head = read(_Head, data, where=where, next_step=_NEXT)
    return Event(
        run=head.run,
        seq=head.seq,
        at=head.at,
        body=body_from_json(head.kind, body, where),
        chain=head.chain,
        written=None if line is None else _around(line, head.chain),
    )


@cache
def _head() -> Callable[[Any], _Head]:
    return reader(_Head)


def _around(line: str, chain: str) -> tuple[str, str] | None:
    # Behind the chain stand kind, run and seq only, so its last mention is the event's own. A line that is not
    # canonical is kept as it stands: its chain will not hold, as it should.
    front, found, behind = line.rpartition(f',"chain":"{chain}"')
    return (front, behind) if found else None


def encode(event: Event) -> str:
    """One line of canonical JSON."""
    front, behind = event.text
    return f'{front},"chain":{canonical_json(event.chain)}{behind}'


def decode(line: str, where: str | None = None) -> Event:
    """Inverse of :func:`encode`."""
    try:
        data, end = _SCAN(line)
        if end != len(line):
            raise ValueError(f"something stands behind it at column {end + 1}")
    except ValueError as wrong:
        raise InputInvalid(f"an event that is not JSON: {wrong}", where=where, next_step=_NEXT) from None
    return _event(data, where, line)
