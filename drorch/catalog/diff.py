"""What changed from one catalog to another, entry by entry and field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drorch.catalog.codec import Entry, entry_to_json
from drorch.catalog.model import Catalog


class ChangeKind(StrEnum):
    """What happened to an entry or a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change. ``old``/``new`` are plain JSON data as in ``catalog.codec``: durations in seconds, dates ISO."""

    kind: ChangeKind
    entry: str
    """``applications.umoja``; ``catalog`` for what belongs to the catalog as a whole."""
    field: str | None = None
    """``rto.seconds``; None when the whole entry was added or removed."""
    old: object = None
    new: object = None

    def to_json(self) -> dict[str, object]:
        """Plain data for ``--json``."""
        return {
            "kind": self.kind.value,
            "entry": self.entry,
            "field": self.field,
            "old": self.old,
            "new": self.new,
        }


def diff_catalogs(old: Catalog, new: Catalog) -> tuple[Change, ...]:
    """Changes from ``old`` to ``new``; empty exactly when both have the same entries in whatever order.

    The order of a list inside a field (dependencies, probes) counts, the order of entries does not.
    """
    return tuple(_changes(old, new))


def _changes(old: Catalog, new: Catalog) -> Iterator[Change]:
    yield from _fields("catalog", _head(old), _head(new))
    for kind in ("sites", "departments", "groups", "applications"):
        before, after = _by_id(getattr(old, kind)), _by_id(getattr(new, kind))
        for entry_id in [*before, *(item for item in after if item not in before)]:
            name = f"{kind}.{entry_id}"
            if entry_id not in after:
                yield Change(kind=ChangeKind.REMOVED, entry=name, old=before[entry_id])
            elif entry_id not in before:
                yield Change(kind=ChangeKind.ADDED, entry=name, new=after[entry_id])
            else:
                yield from _fields(name, before[entry_id], after[entry_id])


def _head(catalog: Catalog) -> dict[str, object]:
    totals = catalog.totals
    return {
        "schema": catalog.schema,
        "title": catalog.title,
        "note": catalog.note,
        "totals": {
            "applications": totals.applications,
            "enterprise": totals.enterprise,
            "departmental": totals.departmental,
        },
    }


def _by_id(entries: Sequence[Entry]) -> dict[str, dict[str, object]]:
    return {entry.id: entry_to_json(entry) for entry in entries}


def _fields(entry: str, old: Mapping[str, object], new: Mapping[str, object], above: str = "") -> Iterator[Change]:
    for name in [*old, *(item for item in new if item not in old)]:
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        # A provenance is one statement (kind and source): its parts are not shown as changes of their own.
        if isinstance(before, dict) and isinstance(after, dict) and above != "provenance.":
            yield from _fields(entry, before, after, f"{above}{name}.")
        else:
            yield Change(kind=ChangeKind.CHANGED, entry=entry, field=f"{above}{name}", old=before, new=after)
