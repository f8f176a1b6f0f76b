"""Links of call-out messages on the console's address: they work without a login and are in no audit log."""

from __future__ import annotations

from fastapi.testclient import TestClient
from unit.callout.parts import Exercise

from drorch.interfaces.serving.callout_links import PREFIX, with_links
from drorch.testing.web import WebScene


def test_a_link_is_answered_before_the_accounts_and_leaves_no_trace_of_its_token(scene: WebScene) -> None:
    exercise = Exercise(scene.home, store=scene.store, clock=scene.clock, answers={})
    scripted: list[str] = []

    def press(path: str) -> None:
        with TestClient(with_links(scene.app, scene.context), base_url="http://127.0.0.1") as client:
            assert client.get(path).status_code == 200
            assert "I was reached" in client.get(path).text
            assert client.post(path).status_code == 200
            assert client.get("/api/v1/runs").status_code == 401
            scripted.append(path)

    sleep = exercise.clock.sleep

    def press_and_sleep(seconds: float) -> None:
        for _, _, message in exercise.sent[len(scripted) :]:
            press(message.link.removeprefix("http://127.0.0.1:8480"))
        sleep(seconds)

    exercise.clock.sleep = press_and_sleep  # type: ignore[method-assign]
    exercise.callouts.drive(exercise.begin())
    assert exercise.callouts.result(None).departments[0].reached == 3
    written = [file.read_text() for file in scene.home.rglob("*") if file.is_file() and file.suffix != ".sqlite"]
    tokens = [path.rpartition("/")[2] for path in scripted]
    assert len(tokens) == 3
    assert not any(token in text for token in tokens for text in written)


def test_the_console_itself_has_nothing_there(scene: WebScene) -> None:
    assert not [route for route in scene.app.routes if getattr(route, "path", "").startswith(PREFIX)]
