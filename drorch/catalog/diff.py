"""What changed from one catalog to another, entry by entry and field by field."""

from __future__ import annotations

from collections.abc import Iterator

from drorch.catalog.model import Catalog
from drorch.core.codec import plain
from drorch.core.diff import Change, changed_entries, changed_fields

_ENTRIES = ("sites", "departments", "groups", "applications")
_WHOLE = ("provenance",)
"""A provenance is one statement (kind and source): its parts are not shown as changes of their own."""


def diff_catalogs(old: Catalog, new: Catalog) -> tuple[Change, ...]:
    """Changes from ``old`` to ``new``; empty exactly when both have the same entries in whatever order.

    The order of a list inside a field (dependencies, probes) counts, the order of entries does not.
    """
    return tuple(_changes(plain(old), plain(new)))


def _changes(old: dict[str, list[dict[str, object]]], new: dict[str, list[dict[str, object]]]) -> Iterator[Change]:
    head = [{name: data[name] for name in data if name not in (*_ENTRIES, "content_id")} for data in (old, new)]
    yield from changed_fields("catalog", *head)
    for kind in _ENTRIES:
        before, after = ({str(entry["id"]): entry for entry in data[kind]} for data in (old, new))
        yield from changed_entries(f"{kind}.", before, after, whole=_WHOLE)
