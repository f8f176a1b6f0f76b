"""An append-only log of what people say: one event a line, each fixing everything before it. Text both ways, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from drorch.core.codec import from_text, plain
from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json, content_hash

B = TypeVar("B")
_RESTORE = "the log was edited or damaged: restore it from a copy"


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[B]):
    """One line. ``at`` is UTC to the second; ``chain`` fixes this event and everything before it."""

    seq: int
    at: datetime
    person: str
    reason: str
    body: B
    chain: str = ""


class Chain(Generic[B]):
    """How the lines of one kind of log are written and read. ``entry`` is ``Entry[Union of the bodies]``."""

    def __init__(self, name: str, schema: int, entry: Any) -> None:
        self._kind: type[Entry[B]] = entry
        self.genesis = content_hash({"log": name, "schema": schema})

    def linked(self, before: str, entry: Entry[B]) -> Entry[B]:
        """The event with its chain value; ``before`` is that of the line above (``genesis`` for the first)."""
        data = {key: value for key, value in self.plain(entry).items() if key != "chain"}
        return replace(entry, chain=content_hash({"before": before, "event": data}))

    def line(self, entry: Entry[B]) -> str:
        """One line of JSON with its newline."""
        return canonical_json(self.plain(entry)) + "\n"

    def plain(self, entry: Entry[B]) -> dict[str, object]:
        """The event as plain JSON data."""
        return cast(dict[str, object], plain(entry))

    def read(self, text: str, where: str) -> tuple[Entry[B], ...]:
        """All events. InputInvalid with ``file:line`` for one that is not readable, not next, or was changed."""
        found: list[Entry[B]] = []
        before = self.genesis
        # Not splitlines: a text may hold other separators than the one that ends a line of the log.
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
            entry = self._entry(line, f"{where}:{number}")
            if entry.seq != number:
                what = f"event {entry.seq} where {number} is next"
                raise InputInvalid(what, where=f"{where}:{number}", next_step=_RESTORE)
            if self.linked(before, entry).chain != entry.chain:
                what = "this event, or one before it, was changed after it was written"
                raise InputInvalid(what, where=f"{where}:{number}", next_step=_RESTORE)
            found.append(entry)
            before = entry.chain
        return tuple(found)

    def _entry(self, line: str, where: str) -> Entry[B]:
        return from_text(self._kind, line, where=where, next_step=_RESTORE)


def to_the_second(instant: datetime) -> datetime:
    """The same instant in UTC, to the second."""
    return instant.astimezone(UTC).replace(microsecond=0)
