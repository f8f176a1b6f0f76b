"""Calls that give control back at their deadline, whatever the database does.

A stopped server (SIGSTOP, a lost site) keeps its connections open and answers nothing: neither its own timeouts nor
keepalives end the wait. So each call runs in a thread that can be left alone, and its connection is cut.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection

from drorch.core.errors import StoreAway

T = TypeVar("T")
_IDLE = 4
"""So many threads are kept for the next calls."""
IDLE_S = 10.0
"""A thread without work ends after this: a store that nobody closed keeps nothing alive."""


class Abandoned(Exception):
    """Nobody waits for this call any more: it must not go on."""


class Held:
    """What a call under way holds, so that another thread can cut it off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self.abandoned = False

    def take(self, connection: Connection) -> None:
        """Remember the connection in use. Abandoned when nobody waits any more."""
        with self._lock:
            self._connection = connection
            if self.abandoned:
                raise Abandoned

    def release(self) -> None:
        """The work is done; there is nothing to cut any more."""
        with self._lock:
            self._connection = None

    def abandon(self) -> None:
        """Let the call end with an error as soon as it can."""
        with self._lock:
            self.abandoned = True
            if self._connection is not None:
                cut(self._connection)


def cut(connection: Connection) -> None:
    """End whatever waits on this connection, in any thread: close its socket, or interrupt SQLite."""
    with suppress(Exception):  # it may be closing at this very moment: then it is what we want
        driver: Any = connection.connection.dbapi_connection
        if hasattr(driver, "interrupt"):
            driver.interrupt()
            return
        with socket.socket(fileno=os.dup(driver.pgconn.socket)) as same:
            same.shutdown(socket.SHUT_RDWR)


class Bounded:
    """Runs calls, each in one of its threads, and comes back at the latest after ``deadline_s``."""

    def __init__(self, deadline_s: float, where: str) -> None:
        self.deadline_s, self._where = deadline_s, where
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[Callable[[], None] | None]] = []
        self._closed = False

    def call(self, work: Callable[[Held], T], limit_s: float | None = None) -> T:
        """What ``work`` returns or raises. StoreAway at the deadline, or at ``limit_s``."""
        limit_s = self.deadline_s if limit_s is None else limit_s
        held, answer = Held(), Future[T]()

        def serve() -> None:
            try:
                answer.set_result(work(held))
            except BaseException as error:  # the caller gets it, whatever it is
                answer.set_exception(error)

        self._thread().put(serve)
        try:
            return answer.result(limit_s)
        except Late:
            held.abandon()
            raise self.late(limit_s) from None

    def late(self, limit_s: float) -> StoreAway:
        """What is said at a deadline."""
        return StoreAway(
            f"the store did not answer within {limit_s:g} s",
            where=self._where,
            next_step="look at its server, its disk and the network; what is under way goes on, try again",
        )

    def close(self) -> None:
        """End the threads that wait for work."""
        with self._lock:
            self._closed = True
            for waiting in self._idle:
                waiting.put(None)
            self._idle.clear()

    def _thread(self) -> queue.SimpleQueue[Callable[[], None] | None]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        # A daemon: the interpreter must be able to end while a call hangs.
        threading.Thread(target=self._serve, args=(jobs,), name="drorch-store", daemon=True).start()
        return jobs

    def _serve(self, jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while (job := self._next(jobs)) is not None:
            job()
            del job
            with self._lock:
                if self._closed or len(self._idle) >= _IDLE:
                    return
                self._idle.append(jobs)

    def _next(self, jobs: queue.SimpleQueue[Callable[[], None] | None]) -> Callable[[], None] | None:
        try:
            return jobs.get(timeout=IDLE_S)
        except queue.Empty:
            with self._lock:
                if jobs in self._idle:
                    self._idle.remove(jobs)
                    return None
            # Somebody took this thread just now.
            return jobs.get()
