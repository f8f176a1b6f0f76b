"""The event store of a state folder, as another process would open it: SQLite, or where $DRORCH_STORE says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drorch.adapters.store.events import DEADLINE_S, SqlStore
from drorch.app.settings import store_place
from drorch.run.journal import RunJournal


def store_at(home: Path, deadline_s: float = DEADLINE_S) -> SqlStore:
    """Opened; who asks closes it."""
    return SqlStore(store_place(home), deadline_s=deadline_s)


@contextmanager
def journal_at(home: Path) -> Iterator[RunJournal]:
    """The journals in it, for a while."""
    with store_at(home) as store:
        yield RunJournal(store)
