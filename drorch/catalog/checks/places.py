"""Where in the source a finding points to, shared by all checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Sourced(Protocol):
    """Anything loaded from text with the lines of its entries: the catalog, the programme of the year."""

    @property
    def source(self) -> str | None:
        """The file's name for messages; None when not loaded from text."""
        ...

    @property
    def lines(self) -> Mapping[str, int]:
        """Lines by key, counted from 1."""
        ...


def place(catalog: Sourced, key: str) -> str | None:
    """``file:line key`` of an entry or field such as ``applications.umoja.rto``; None when not loaded from text."""
    if catalog.source is None:
        return None
    near = key
    while near and near not in catalog.lines:
        near = near.rpartition(".")[0]
    line = catalog.lines.get(near)
    return f"{catalog.source}:{line} {key}" if line else f"{catalog.source} {key}"


def some(names: list[str], shown: int = 5) -> str:
    """The first few names and how many more there are."""
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")
