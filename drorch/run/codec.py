"""Bodies of events as JSON and back, strictly: an unknown kind, field or type is an error, never a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, cast

from drorch.core.codec import kinds, plain, read, reader
from drorch.core.errors import InputInvalid
from drorch.run.events import JOURNAL_SCHEMA, Body, Event, RunCreated, kind_of

__all__ = ["body_from_json", "body_to_json", "event_to_json", "kind_of"]

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
    """Plain data of a whole event, for people's programs."""
    return {
        "run": event.run,
        "seq": event.seq,
        "at": plain(event.at),
        "kind": kind_of(event.body),
        "body": plain(event.body),
        "chain": event.chain,
    }
