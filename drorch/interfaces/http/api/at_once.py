"""What takes a processor or asks other machines is done for a few at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from drorch.interfaces.http.problems import HttpProblem


class AtOnce:
    """``many`` at a time; the next ones wait ``wait_s`` seconds for their turn."""

    def __init__(self, many: int, wait_s: float = 0.0) -> None:
        self._turns, self._wait_s = threading.BoundedSemaphore(many), wait_s

    @contextmanager
    def turn(self) -> Iterator[None]:
        """HttpProblem 429 when it does not come."""
        if not self._turns.acquire(timeout=self._wait_s):
            raise HttpProblem(429, "others are at it", next_step="wait some seconds", headers={"Retry-After": "5"})
        try:
            yield
        finally:
            self._turns.release()
