"""Every kind of event store, as another process would open it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contract.postgres import Postgres
from drorch.adapters.store.events import SqlStore
from drorch.core.patient import Patience, PatientStore
from drorch.core.stream import EventStore
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore

KINDS = ("memory", "patient", "sqlite", "postgresql")
NUMBERS = itertools.count(1)


@dataclass
class Kind:
    """One kind of store. ``open`` gives what another process would open."""

    name: str
    place: str
    """Path or URL; empty for the one in memory."""
    open: Callable[[], EventStore]
    opened: list[EventStore] = field(default_factory=list)


def new_database(server: Postgres) -> str:
    """The URL of a new, empty database, as people write it."""
    name, at = f"store_{next(NUMBERS)}", server.endpoint
    server.run("createdb", "-h", at.address, "-p", str(at.port), "-U", "drorch", name)
    return f"postgresql://drorch@{at.address}:{at.port}/{name}"


@contextmanager
def kind_of_store(name: str, folder: Path, server: Callable[[], Postgres]) -> Iterator[Kind]:
    """The kind with this name; what was opened is closed at the end."""
    if name in ("memory", "patient"):
        patience = Patience(HandClock(), limit_s=10.0, on_wait=lambda seconds, why: None)
        store: EventStore = MemoryStore() if name == "memory" else PatientStore(MemoryStore(), patience)
        yield Kind(name, "", lambda: store)
        return
    place = str(folder / "store.sqlite") if name == "sqlite" else new_database(server())
    opened: list[EventStore] = []

    def open_store() -> EventStore:
        opened.append(made := SqlStore(place))
        return made

    yield Kind(name, place, open_store, opened)
    for one in opened:
        one.close()
