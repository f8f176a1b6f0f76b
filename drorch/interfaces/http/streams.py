"""The events of a run as they are written, as server-sent events; taken up again with ``Last-Event-ID``.

One task per watched run reads the journal, whoever many watch; each event is put into words once. A watcher only holds
the number of the last event it has sent, so that a slow one loses nothing and holds nobody up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event as Flag

from starlette.concurrency import run_in_threadpool

from drorch.core.clock import Clock
from drorch.core.errors import DrorchError, InputInvalid
from drorch.interfaces.http.problems import HttpProblem
from drorch.run.codec import event_to_json
from drorch.run.events import Event
from drorch.run.ports import Journal

RETRY_MS = 1000
AT_MOST = 500
"""Events in one piece: what a slow reader has not taken must not fill the memory."""


def event_id(run: str, seq: int) -> str:
    """The ``id`` of an event in a stream."""
    return f"{run}:{seq}"


def after_of(last_event_id: str | None, run: str) -> int:
    """How far a watcher has read. InputInvalid for the id of another run, or none."""
    if not last_event_id:
        return 0
    of, _, number = last_event_id.rpartition(":")
    if of != run or not number.isascii() or not number.isdecimal() or len(number) > 12:
        raise InputInvalid(
            "is not the id of an event of this run", where="Last-Event-ID", next_step="leave it away to see all events"
        )
    return int(number)


@dataclass(kw_only=True)
class _Feed:
    """What is known of one watched run: the event with number ``n`` is ``pieces[n - 1]``."""

    pieces: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    watchers: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    failed: bool = False

    def wake(self) -> None:
        """Let all watchers look."""
        old, self.news = self.news, asyncio.Event()
        old.set()


class Streams:
    """Every open stream of a server. Used from its event loop only."""

    def __init__(self, journal: Journal, clock: Clock, *, poll_s: float, beat_s: float, at_once: int, closing: Flag):
        self._journal, self._clock, self._closing = journal, clock, closing
        self._poll_s, self._beat_s, self._at_once = poll_s, beat_s, at_once
        self._feeds: dict[str, _Feed] = {}

    async def follow(self, run: str, after: int) -> AsyncIterator[bytes | None]:
        """Pieces of the stream. None is a good moment to look whether the watcher still has the right to see it.

        Ends when the server does, or when the journal cannot be read: the watcher then comes back with the id of the
        last event it has.
        """
        yield f"retry: {RETRY_MS}\n\n".encode()
        looked = self._clock.now().mono
        async for feed, begin, end in self._slices(run, after, self._beat_s):
            now = self._clock.now().mono
            if begin == end or now - looked >= self._beat_s:
                looked = now
                yield None
            yield b"".join(feed.pieces[begin:end]) if begin < end else self._beat(len(feed.pieces))

    async def events(self, run: str, after: int, beat_s: float) -> AsyncIterator[tuple[Event, ...]]:
        """The events themselves, for other words than those of the API; an empty tuple after ``beat_s`` silent ones.

        As `follow`: one reader of the journal, however many watch.
        """
        async for feed, begin, end in self._slices(run, after, beat_s):
            yield tuple(feed.events[begin:end])

    async def _slices(self, run: str, after: int, beat_s: float) -> AsyncIterator[tuple[_Feed, int, int]]:
        async with self._watching(run) as feed:
            sent = after
            while not (self._closing.is_set() or feed.failed):
                news = feed.news
                while sent < len(feed.pieces):
                    begin, sent = sent, min(sent + AT_MOST, len(feed.pieces))
                    yield feed, begin, sent
                if news.is_set():
                    continue
                try:
                    await asyncio.wait_for(news.wait(), beat_s)
                except TimeoutError:
                    yield feed, sent, sent

    def refuse_too_many(self) -> None:
        """HttpProblem 503 when too many streams are open."""
        if sum(feed.watchers for feed in self._feeds.values()) >= self._at_once:
            raise HttpProblem(503, "too many open streams", next_step="close some", headers={"Retry-After": "10"})

    @asynccontextmanager
    async def _watching(self, run: str) -> AsyncIterator[_Feed]:
        feed = self._feeds.get(run)
        if feed is None or feed.failed:
            feed = self._feeds[run] = _Feed()
            try:
                await self._read(run, feed)
            except DrorchError:
                # The answer has begun: it can only end. Whoever watches comes back.
                feed.failed = True
            feed.task = asyncio.create_task(self._keep_reading(run, feed))
        feed.watchers += 1
        try:
            yield feed
        finally:
            feed.watchers -= 1
            if feed.watchers == 0:
                if feed.task is not None:
                    feed.task.cancel()
                if self._feeds.get(run) is feed:
                    del self._feeds[run]

    async def _keep_reading(self, run: str, feed: _Feed) -> None:
        try:
            while not self._closing.is_set():
                await asyncio.sleep(self._poll_s)
                await self._read(run, feed)
        except DrorchError:
            feed.failed = True
        finally:
            feed.wake()

    async def _read(self, run: str, feed: _Feed) -> None:
        events = await run_in_threadpool(self._journal.read, run, len(feed.pieces))
        if events:
            feed.pieces += [_piece(event) for event in events]
            feed.events += events
            feed.wake()

    def _beat(self, seq: int) -> bytes:
        data = json.dumps({"at": self._clock.now().wall_text, "events": seq})
        return f"event: beat\ndata: {data}\n\n".encode()


def _piece(event: Event) -> bytes:
    data = json.dumps(event_to_json(event), separators=(",", ":"), ensure_ascii=False)
    return f"id: {event_id(event.run, event.seq)}\ndata: {data}\n\n".encode("utf-8", "replace")
