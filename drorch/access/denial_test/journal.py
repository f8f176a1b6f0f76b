"""The journal of a denial-of-access test: the stream ``access-test/<id>``, and its records as lines of a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json
from drorch.core.log import Entry, Log
from drorch.core.stream import GENESIS, EventStore, Record, first_break, stamp

PREFIX = "access-test/"
KINDS = frozenset(
    {"prepared", "signed", "started", "step", "logging-on", "logged-on", "sample", "unread", "held", "logged-off"}
    | {"stop-asked", "ended", "sealed"}
)


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened in a test."""

    kind: str
    body: Mapping[str, Any]


Journal = Log[Happening]
Event = Entry[Happening]


def open_journal(store: EventStore) -> Journal:
    """The journals of all tests, each by its id."""
    return Log(store, PREFIX, lambda happening: (happening.kind, happening.body), _happening)


def lines_of(records: Iterable[Record]) -> bytes:
    """The records as a file: of each what is hashed, and its hash, in a line."""
    return "".join(f"{_line(record)}\n" for record in records).encode()


def records_in(content: bytes, source: str) -> Sequence[Record]:
    """Inverse of `lines_of`. InputInvalid names the line that does not follow from those before it."""
    found: list[Record] = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            data = json.loads(line)
            body, at = canonical_json(data["body"]), datetime.fromisoformat(data["at"])
            prev = found[-1].hash if found else GENESIS
            found.append(Record(**{**data, "body": body, "at": at, "prev": prev}))
        except (ValueError, KeyError, TypeError):
            raise _changed(source, number) from None
    broken = first_break(found)
    if broken is not None:
        raise _changed(source, broken.seq)
    return found


def _line(record: Record) -> str:
    data = {name: value for name, value in record._asdict().items() if name != "prev"}
    return canonical_json({**data, "at": stamp(record.at), "body": json.loads(record.body)})


def _happening(kind: str, plain: object, where: str) -> Happening:
    if kind not in KINDS or not isinstance(plain, dict):
        what = f"{kind!r} is nothing that this drorch knows of a denial-of-access test"
        raise InputInvalid(what, where=where, next_step="use the drorch that wrote it")
    return Happening(kind=kind, body=plain)


def _changed(source: str, number: int) -> InputInvalid:
    what = "this event does not follow from the ones before it: the journal was changed"
    return InputInvalid(what, where=f"{source}:{number}", next_step="take it from its copy")
