"""A small durable store of records with versions: accounts, tokens, sessions, answers that may be asked for again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from drorch.core.errors import Refused


class Stale(Refused):
    """Somebody else changed the thing since it was read, or it is there already. Nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record. ``data`` is plain JSON; ``version`` counts its changes from 1."""

    kind: str
    key: str
    version: int
    owner: str = ""
    data: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


class Records(Protocol):
    """Records by kind and key. Every change is on disk before it returns; safe for threads and processes."""

    def get(self, kind: str, key: str) -> Record | None:
        """The record, or None."""
        ...

    def of(self, kind: str, owner: str | None = None) -> tuple[Record, ...]:
        """All of a kind (and owner), by key."""
        ...

    def put(
        self,
        kind: str,
        key: str,
        data: Mapping[str, object],
        *,
        owner: str = "",
        expected: int | None = None,
        until: datetime | None = None,
    ) -> Record:
        """Write it. ``expected``: the version that was read, 0 when it must not be there; Stale when it does not fit.

        ``until``: from then on `purge` removes it.
        """
        ...

    def drop(self, kind: str, key: str) -> bool:
        """Remove it; whether it was there. Of several callers at once one gets True."""
        ...

    def drop_all(self, kind: str, owner: str) -> int:
        """Remove all of an owner; how many."""
        ...

    def purge(self, now: datetime) -> int:
        """Remove what has expired; how many."""
        ...
