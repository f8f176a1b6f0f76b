"""The protection-gap meter: looks once a second whether a standby of each group streams, whatever other probes do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

import psycopg

from drorch.adapters.clock import boot_id
from drorch.core.codec import to_text
from drorch.estate.model import DatabaseNode, Estate
from drorch.evidence.protection import GRID_S, ProtectionSample

LOOK_S = 2
JOIN_S = 5.0
# One row: am I a standby, does a standby stream from me, do I receive? No words that would look like a write.
_ASK = b"""select pg_is_in_recovery(), exists (select from pg_stat_replication where state = 'streaming'),
exists (select from pg_stat_wal_receiver where status = 'streaming')"""
Answer = tuple[bool, bool, bool]


class ProtectionMeter:
    """A context manager: one thread per group appends its looks to ``file`` until the end. OSError from entering when
    the file cannot be written."""

    def __init__(self, estate: Estate, groups: Sequence[str], file: Path) -> None:
        self._estate = estate
        self._groups = tuple(groups)
        self._file = file
        self._boot = boot_id()
        self._lock = Lock()
        self._stop = Event()
        self._threads: list[Thread] = []

    def __enter__(self) -> ProtectionMeter:
        self._write("")
        for group in self._groups:
            thread = Thread(target=self._watch, args=(group,), name=f"protection-{group}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_S)

    def _watch(self, group: str) -> None:
        nodes = [_Node(self._estate, node) for node in self._estate.databases if node.group == group]
        slot, base = 0, time.monotonic()
        try:
            while True:
                started = time.monotonic()
                reason = _unprotected([(node.site, node.ask()) for node in nodes])
                look = ProtectionSample(
                    group=group,
                    started=started,
                    ended=time.monotonic(),
                    protected=not reason,
                    reason=reason,
                    boot=self._boot,
                )
                with suppress(OSError):  # a full disk: the time that is missing shows as not observed
                    self._write(to_text(look))
                slot = max(slot + 1, int((time.monotonic() - base) / GRID_S))
                if self._stop.wait(max(0.0, base + slot * GRID_S - time.monotonic())):
                    return
        finally:
            for node in nodes:
                node.close()

    def _write(self, line: str) -> None:
        with self._lock, self._file.open("a", encoding="utf-8") as stream:
            stream.write(line)


def _unprotected(answers: Sequence[tuple[str, Answer | None]]) -> str:
    """Why the group is not protected; empty when it is."""
    primaries = [(site, answer) for site, answer in answers if answer is not None and not answer[0]]
    if not primaries:
        return "no primary answers"
    if len(primaries) > 1:
        return f"two primaries answer: {' and '.join(site for site, _ in primaries)}"
    site, (_, sends, _) = primaries[0]
    standbys = [(other, answer) for other, answer in answers if other != site]
    if not any(answer is not None and answer[2] for _, answer in standbys):
        told = ", ".join(
            f"{other} {'does not answer' if answer is None else 'receives nothing'}" for other, answer in standbys
        )
        return told or "it has no standby"
    return "" if sends else f"{site} sends to nobody"


class _Node:
    """One database and the connection to it, opened anew when it was lost."""

    def __init__(self, estate: Estate, node: DatabaseNode) -> None:
        self.site = node.site
        self._estate = estate
        self._node = node
        self._opened: psycopg.Connection[Any] | None = None

    def ask(self) -> Answer | None:
        """Its answer; None when there is none in time."""
        try:
            if self._opened is None:
                self._opened = self._connect()
            row = self._opened.execute(_ASK).fetchone()
        except psycopg.Error:
            self.close()
            return None
        return None if row is None else (bool(row[0]), bool(row[1]), bool(row[2]))

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=self._node.endpoint.address,
            port=self._node.endpoint.port,
            dbname=self._estate.database_name,
            user=self._estate.database_user,
            passfile=self._estate.pgpass_file,
            connect_timeout=LOOK_S,
            tcp_user_timeout=LOOK_S * 1000,
            options=f"-c statement_timeout={LOOK_S * 1000}",
            application_name="drorch-protection",
            autocommit=True,
        )

    def close(self) -> None:
        """Give up the connection."""
        if self._opened is not None:
            with suppress(psycopg.Error):
                self._opened.close()
            self._opened = None
