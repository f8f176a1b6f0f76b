"""What changed from one thing to another, entry by entry and field by field, on their plain JSON form. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

Data = Mapping[str, object]


class ChangeKind(StrEnum):
    """What happened to an entry or a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change. ``old`` and ``new`` are plain JSON data: durations in seconds, dates as ISO text."""

    kind: ChangeKind
    subject: str
    """What it is about: ``applications.umoja``, ``step umoja/start``; ``catalog`` or ``plan`` for the whole."""
    field: str | None = None
    """``rto.seconds``; None when the whole entry was added or removed."""
    old: object = None
    new: object = None


def changed_fields(
    subject: str, old: Data, new: Data, *, whole: Collection[str] = (), above: str = ""
) -> Iterator[Change]:
    """Fields that differ, in the order of ``old``. What lies under a field of ``whole`` is not taken apart."""
    for name in dict.fromkeys((*old, *new)):
        before, after, field = old.get(name), new.get(name), f"{above}{name}"
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict) and above.removesuffix(".") not in whole:
            yield from changed_fields(subject, before, after, whole=whole, above=f"{field}.")
        else:
            yield Change(kind=ChangeKind.CHANGED, subject=subject, field=field, old=before, new=after)


def changed_entries(
    prefix: str, old: Mapping[str, Data], new: Mapping[str, Data], *, whole: Collection[str] = ()
) -> Iterator[Change]:
    """Entries that were removed, added or changed, by their names, in the order of ``old``, then of ``new``."""
    for name in dict.fromkeys((*old, *new)):
        subject = f"{prefix}{name}"
        if name not in new:
            yield Change(kind=ChangeKind.REMOVED, subject=subject, old=old[name])
        elif name not in old:
            yield Change(kind=ChangeKind.ADDED, subject=subject, new=new[name])
        else:
            yield from changed_fields(subject, old[name], new[name], whole=whole)
