"""Threads that are used again: starting one for each of 10,000 steps takes longer than everything else about a step."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Workers:
    """As many daemon threads as there is work at the same time. One that hangs keeps nobody from ending the process."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0

    def start(self, work: Callable[[], None]) -> None:
        """Let ``work`` be done at once, beside everything else. It must not raise."""
        with self._lock:
            used_again = self._idle > 0
            if used_again:
                self._idle -= 1
            else:
                self._threads += 1
        self._work.put(work)
        if not used_again:
            threading.Thread(target=self._serve, name="drorch-step", daemon=True).start()

    def close(self) -> None:
        """Let each thread end as soon as its present work is done; does not wait for that."""
        with self._lock:
            ending, self._threads, self._idle = self._threads, 0, 0
        for _ in range(ending):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            with self._lock:
                self._idle += 1
