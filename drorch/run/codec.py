"""Bodies of events as JSON and back, strictly: an unknown kind, field or type is an error, never a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final, get_args

from drorch.core.errors import InputInvalid
from drorch.run.events import JOURNAL_SCHEMA, AfterDeadline, Body, Event, RunCreated, RunOutcome

_NEXT = "use the drorch version that wrote this journal, or restore the journal from its copy"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number")
    return float(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("a list of texts")
    return tuple(_text(item) for item in value)


def _facts(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("an object")
    return MappingProxyType(value)


def _outcome(value: object) -> RunOutcome:
    try:
        return RunOutcome(_text(value))
    except ValueError:
        raise TypeError("one of " + ", ".join(RunOutcome)) from None


def _after_deadline(value: object) -> AfterDeadline:
    try:
        return AfterDeadline(_text(value))
    except ValueError:
        raise TypeError("one of " + ", ".join(AfterDeadline)) from None


_READERS: Final[Mapping[str, Callable[[object], object]]] = MappingProxyType(
    {
        "str": _text,
        "str | None": _optional_text,
        "int": _whole,
        "float": _number,
        "tuple[str, ...]": _texts,
        "Mapping[str, object]": _facts,
        "RunOutcome": _outcome,
        "AfterDeadline": _after_deadline,
    }
)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


_KINDS: Final[Mapping[str, type[Any]]] = MappingProxyType({_kebab(body.__name__): body for body in get_args(Body)})
_NAMES: Final[Mapping[type[Any], str]] = MappingProxyType({body: name for name, body in _KINDS.items()})
_FIELDS: Final[Mapping[str, Mapping[str, Callable[[object], object]]]] = MappingProxyType(
    {
        name: MappingProxyType({item.name: _READERS[str(item.type)] for item in fields(body)})
        for name, body in _KINDS.items()
    }
)


def kind_of(body: Body) -> str:
    """The stable name of a body's kind: ``step-started``."""
    return _NAMES[type(body)]


def body_to_json(body: Body) -> dict[str, object]:
    """Plain data of a body, without its kind."""
    return {name: _plain(getattr(body, name)) for name in _FIELDS[kind_of(body)]}


def body_from_json(kind: str, data: object, where: str | None = None) -> Body:
    """Inverse of :func:`body_to_json`; InputInvalid on anything unexpected."""
    if kind not in _KINDS:
        raise InputInvalid(f"unknown kind of event {kind!r}", where=where, next_step=_NEXT)
    readers = _FIELDS[kind]
    if not isinstance(data, dict) or data.keys() != readers.keys():
        expected = ", ".join(readers) or "nothing"
        raise InputInvalid(f"a {kind} event has exactly the fields: {expected}", where=where, next_step=_NEXT)
    values: dict[str, object] = {}
    for name, read in readers.items():
        try:
            values[name] = read(data[name])
        except TypeError as wrong:
            problem = f"{name} of a {kind} event is {wrong}, not {data[name]!r}"
            raise InputInvalid(problem, where=where, next_step=_NEXT) from None
    body: Body = _KINDS[kind](**values)
    if isinstance(body, RunCreated) and body.schema != JOURNAL_SCHEMA:
        problem = f"the journal has schema {body.schema}, this drorch reads schema {JOURNAL_SCHEMA}"
        raise InputInvalid(problem, where=where, next_step=_NEXT)
    return body


def event_to_json(event: Event) -> dict[str, object]:
    """Plain data of a whole event, for people's programs."""
    return {
        "run": event.run,
        "seq": event.seq,
        "at": event.at.to_json(),
        "kind": kind_of(event.body),
        "body": body_to_json(event.body),
        "chain": event.chain,
    }


_SIMPLE = frozenset({str, int, float, bool, type(None)})


def _plain(value: object) -> object:
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
