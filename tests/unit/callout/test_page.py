"""The page behind a link: looking acknowledges nothing, the button does, and only while it may."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from drorch.callout.ack_page import AckPage, asgi_app
from drorch.callout.exercises import Exercises
from drorch.testing.streams import MemoryStore

from .parts import Exercise


@pytest.fixture
def link(tmp_path: Path) -> tuple[Exercise, str]:
    """An exercise under way, in which the head was called; and the path of the head's link."""
    exercise = Exercise(tmp_path)
    name = exercise.begin()

    # One look of the driver sends the first message; it is ended by the test through the clock.
    class Enough(BaseException):
        pass

    sleep = exercise.clock.sleep

    def once(seconds: float) -> None:
        raise Enough

    exercise.clock.sleep = once  # type: ignore[method-assign]
    with pytest.raises(Enough):
        exercise.callouts.drive(name)
    exercise.clock.sleep = sleep  # type: ignore[method-assign]
    return exercise, exercise.sent[0][2].link.removeprefix("http://127.0.0.1:8480")


def acknowledged(exercise: Exercise) -> bool:
    return exercise.callouts.state(None)[1].calls["head"].acknowledged_at is not None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_does_not_acknowledge(link: tuple[Exercise, str], method: str) -> None:
    exercise, path = link
    answer = exercise.page.answer(method, path)
    assert answer.status == 200
    assert '<form method="post">' in answer.html
    assert "EXERCISE" in answer.html
    assert not acknowledged(exercise)


def test_pressing_the_button_does_once(link: tuple[Exercise, str]) -> None:
    exercise, path = link
    exercise.clock.advance(42)
    assert "Thank you" in exercise.page.answer("POST", path).html
    assert acknowledged(exercise)
    before = len(exercise.callouts.state(None)[2])
    assert "have acknowledged" in exercise.page.answer("POST", path).html
    assert len(exercise.callouts.state(None)[2]) == before
    assert exercise.callouts.result(None).departments[0].people[0].seconds == 42.0


def test_two_at_once_write_one_acknowledgement(link: tuple[Exercise, str]) -> None:
    exercise, path = link
    threads = [threading.Thread(target=exercise.page.answer, args=("POST", path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = exercise.callouts.state(None)[2]
    assert sum(event.body.what == "acknowledged" for event in events) == 1


def test_a_link_that_came_too_late_does_not_count(link: tuple[Exercise, str]) -> None:
    exercise, path = link
    exercise.clock.advance(20 * 60)
    assert exercise.page.answer("POST", path).status == 410
    assert not acknowledged(exercise)


@pytest.mark.parametrize("change", [
    lambda path: path[:-1] + ("0" if path[-1] != "0" else "1"),
    lambda path: path.replace("20130304", "20120304"),
    lambda path: "/callout/../year.jsonl",
    lambda path: "/",
    lambda path: path + "/x",
])  # fmt: skip
def test_every_wrong_link_has_the_same_answer(link: tuple[Exercise, str], change: Any) -> None:
    exercise, path = link
    answers = {exercise.page.answer(method, change(path)).html for method in ("GET", "POST")}
    assert len(answers) == 1
    assert "not known" in answers.pop()
    assert exercise.page.answer("GET", change(path)).status == 404
    assert not acknowledged(exercise)


def test_other_methods_are_refused(link: tuple[Exercise, str]) -> None:
    exercise, path = link
    assert exercise.page.answer("DELETE", path).status == 405


def test_a_damaged_log_says_nothing_of_itself(link: tuple[Exercise, str]) -> None:
    exercise, path = link
    (name,) = exercise.callouts.exercises.ids()
    cast(MemoryStore, exercise.store).edit(f"callout/{name}", 1, "departments", "nonsense")
    answer = AckPage(Exercises(exercise.store), exercise.clock).answer("POST", path)
    assert answer.status == 503
    assert "nonsense" not in answer.html
    assert "record" not in answer.html


def test_over_asgi_with_its_headers(link: tuple[Exercise, str]) -> None:
    exercise, path = link

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=asgi_app(exercise.page))
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return [
                await client.head(path),
                await client.get(path),
                await client.post(path, content=b"x" * 10_000),
                await client.post(path),
            ]

    head, get, large, done = asyncio.run(ask())
    assert (head.status_code, head.content) == (200, b"")
    assert get.headers["cache-control"] == "no-store"
    assert get.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in get.headers["content-security-policy"]
    assert large.status_code == 413
    assert (done.status_code, acknowledged(exercise)) == (200, True)
