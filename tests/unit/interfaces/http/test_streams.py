"""Streams: every event once and in order, for many watchers, from wherever each of them was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.core.errors import InputInvalid
from drorch.interfaces.http.streams import Streams, after_of
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.recorder import Recorder
from drorch.testing.clock import HandClock
from drorch.testing.fakes import MemoryJournal
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import created, done
from drorch.testing.web import WebScene

PLAN = make_plan([playbook_step("a/x")], kind=Kind.SWITCHOVER)
RUN = "r1"


@dataclass(kw_only=True)
class Watched:
    """A run that goes on while it is watched."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: HandClock = field(default_factory=HandClock)
    closing: Flag = field(default_factory=Flag)

    def __post_init__(self) -> None:
        self.recorder = Recorder.create(self.journal, self.clock, PLAN, RUN, created(PLAN))

    def streams(self) -> Streams:
        return Streams(self.journal, self.clock, poll_s=0.005, beat_s=0.05, at_once=1000, closing=self.closing)

    async def write(self, pairs: int) -> None:
        for _ in range(pairs):
            self.recorder.record(ev.Paused(person="Ana", reason="r"), ev.Resumed(person="Ana", reason="r"))
            await asyncio.sleep(0.001)


def numbers(text: bytes) -> list[int]:
    return [int(line.rpartition(b":")[2]) for line in text.splitlines() if line.startswith(b"id: ")]


async def watch(streams: Streams, after: int, until: int, slow_s: float = 0) -> list[int]:
    found: list[int] = []
    async for piece in streams.follow(RUN, after):
        found += numbers(piece or b"")
        if found and found[-1] >= until:
            break
        if slow_s:
            await asyncio.sleep(slow_s)
    return found


def run(body: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(body, 30))


def test_two_hundred_watchers_each_see_every_event_once_and_in_order() -> None:
    watched = Watched()

    async def all_of_them() -> list[list[int]]:
        streams = watched.streams()
        watchers = [
            asyncio.create_task(watch(streams, number % 3, 301, slow_s=0.01 if number % 10 == 0 else 0))
            for number in range(200)
        ]
        await watched.write(150)
        return await asyncio.gather(*watchers)

    found = run(all_of_them())
    assert len(found) == 200
    for number, seen in enumerate(found):
        assert seen == list(range(number % 3 + 1, 302))


def test_a_watcher_that_comes_back_misses_and_doubles_nothing() -> None:
    watched = Watched()

    async def comes_and_goes() -> list[int]:
        found: list[int] = []
        writer = asyncio.create_task(watched.write(100))
        while not found or found[-1] < 201:
            streams = watched.streams()  # another server each time
            async for piece in streams.follow(RUN, found[-1] if found else 0):
                seen = numbers(piece or b"")
                found += seen
                if seen:
                    break
        await writer
        return found

    assert run(comes_and_goes()) == list(range(1, 202))


def test_between_events_there_are_beats_and_questions_of_right() -> None:
    watched = Watched()

    async def quiet() -> list[bytes | None]:
        found: list[bytes | None] = []
        async for piece in watched.streams().follow(RUN, 1):
            found.append(piece)
            if len(found) == 5:
                break
        return found

    found = run(quiet())
    assert found[1] is None
    assert found[2] is not None
    assert found[2].startswith(b"event: beat\ndata: ")
    assert json.loads(found[2].partition(b"data: ")[2])["events"] == 1


def test_a_server_that_ends_ends_its_streams() -> None:
    watched = Watched()

    async def ends() -> int:
        pieces = 0
        async for _ in watched.streams().follow(RUN, 0):
            pieces += 1
            watched.closing.set()
        return pieces

    assert run(ends()) >= 1


@pytest.mark.parametrize("said", ["r2:1", "r1:", "r1:-1", "r1:x", "1", "r1:²", "r1:" + "9" * 20])
def test_the_id_of_something_else_is_refused(said: str) -> None:
    with pytest.raises(InputInvalid):
        after_of(said, RUN)


def test_an_id_is_understood() -> None:
    assert after_of("r1:17", RUN) == 17
    assert after_of(None, RUN) == 0


def test_over_http_a_stream_needs_an_account_and_a_run(scene: WebScene, client: TestClient) -> None:
    header = scene.header("vera", Role.VIEWER)
    run_id = scene.run(RUN, PLAN, ev.RunStarted(), *done("a/x"))
    url = f"/api/v1/runs/{run_id}/stream"
    assert client.get(url).status_code == 401
    assert client.get("/api/v1/runs/r9/stream", headers=header).status_code == 404
    assert client.get(url, headers={**header, "Last-Event-ID": "r9:1"}).status_code == 422
    scene.settings.closing.set()  # or the test would watch for ever
    answer = client.get(url, headers={**header, "Last-Event-ID": "r1:1"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
