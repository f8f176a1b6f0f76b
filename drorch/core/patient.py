"""Waiting for an event store that is away: bounded, said while it lasts, and told afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from drorch.core.clock import Clock, Instant
from drorch.core.errors import StoreAway
from drorch.core.stream import Append, Checkpoint, EventStore, Record, Unsettled

T = TypeVar("T")
OnWait = Callable[[float, str], None]
"""Told the seconds waited so far, and why: for the operator's eyes, while it lasts."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A wait that is over, for the record of whoever waited."""

    since: Instant
    seconds: float
    why: str


class Patience:
    """How long to wait for a store that is away. ``limit_s``: the longest for one call; then StoreAway is raised."""

    def __init__(self, clock: Clock, *, limit_s: float, on_wait: OnWait, pause_s: float = 1.0) -> None:
        self._clock, self._limit_s, self._on_wait, self._pause_s = clock, limit_s, on_wait, pause_s
        self._lock = threading.Lock()
        self._waits: list[Wait] = []

    def call(self, once: Callable[[], T]) -> T:
        """What ``once`` returns, tried until the store is back. StoreAway at the limit.

        ``once`` is repeated after any StoreAway: it must find out itself what an unsettled write became.
        """
        began, why = self._clock.now(), ""
        while True:
            try:
                answer = once()
            except StoreAway as away:
                why = why or str(away.what)
                waited = self._clock.now().since(began)
                self._on_wait(waited, away.what)
                if waited + self._pause_s > self._limit_s:
                    raise
                self._clock.sleep(self._pause_s)
                continue
            if why:
                with self._lock:
                    self._waits.append(Wait(since=began, seconds=self._clock.now().since(began), why=why))
            return answer

    def take_waits(self) -> tuple[Wait, ...]:
        """Waits that are over and were not taken yet."""
        with self._lock:
            taken, self._waits = tuple(self._waits), []
        return taken


class PatientStore(EventStore):
    """A store whose calls wait while it is away. An append of unknown outcome is looked up, never repeated blindly."""

    def __init__(self, store: EventStore, patience: Patience) -> None:
        self._store, self.patience = store, patience

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        """See the port."""
        sent: list[Record] = []

        def once() -> tuple[tuple[Record, ...], ...]:
            if sent and self._store.holds(sent):
                return _by_append(appends, sent)
            sent.clear()
            try:
                return self._store.write(*appends)
            except Unsettled as unsettled:
                sent.extend(unsettled.records)
                raise

        return self.patience.call(once)

    def read(self, stream: str, after: int = 0, limit: int | None = None) -> tuple[Record, ...]:
        """See the port."""
        return self.patience.call(lambda: self._store.read(stream, after, limit))

    def tail(self, stream: str) -> Record | None:
        """See the port."""
        return self.patience.call(lambda: self._store.tail(stream))

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """See the port."""
        return self.patience.call(lambda: self._store.streams(prefix))

    def holds(self, records: Sequence[Record]) -> bool:
        """See the port."""
        return self.patience.call(lambda: self._store.holds(records))

    def put_blob(self, content: bytes) -> str:
        """See the port."""
        return self.patience.call(lambda: self._store.put_blob(content))

    def blob(self, blob_id: str) -> bytes:
        """See the port."""
        return self.patience.call(lambda: self._store.blob(blob_id))

    def has_blob(self, blob_id: str) -> bool:
        """See the port."""
        return self.patience.call(lambda: self._store.has_blob(blob_id))

    def blobs(self) -> tuple[str, ...]:
        """See the port."""
        return self.patience.call(self._store.blobs)

    def checkpoint(self, stream: str) -> Checkpoint | None:
        """See the port."""
        return self.patience.call(lambda: self._store.checkpoint(stream))

    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        self.patience.call(lambda: self._store.keep_checkpoint(checkpoint))

    def identity(self) -> str:
        """See the port."""
        return self._store.identity()

    def verify_place(self) -> None:
        """See the port."""
        self.patience.call(self._store.verify_place)

    def close(self) -> None:
        """See the port."""
        self._store.close()


def _by_append(appends: Sequence[Append], records: Sequence[Record]) -> tuple[tuple[Record, ...], ...]:
    left = iter(records)
    return tuple(tuple(next(left) for _ in append.drafts) for append in appends)
