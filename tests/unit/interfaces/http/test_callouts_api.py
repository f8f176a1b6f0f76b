"""Call-out exercises over the API: shown without an address, stopped, recorded once."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from unit.callout.parts import Exercise

from drorch.app.accounts import Role
from drorch.testing.web import WebScene

API = "/api/v1/callouts"
WHY = {"reason": "because"}


@pytest.fixture
def exercise(scene: WebScene) -> Exercise:
    return Exercise(scene.home, store=scene.store, clock=scene.clock, answers={})


def test_who_was_reached_without_an_address(scene: WebScene, client: TestClient, exercise: Exercise) -> None:
    name = exercise.begin()
    vera = scene.header("vera", Role.VIEWER)
    shown = client.get(f"{API}/{name}", headers=vera)
    assert (shown.status_code, shown.json()["outcome"]) == (200, None)
    assert client.get(f"{API}/{name}", headers={**vera, "If-None-Match": shown.headers["etag"]}).status_code == 304
    exercise.callouts.drive(name)
    vera = scene.header("vera")
    after = client.get(f"{API}/{name}", headers=vera).json()
    assert after["outcome"] is not None
    assert after["messages"]["sent"] == len(exercise.sent) > 0
    text = client.get(f"{API}/{name}", headers=vera).text + client.get(API, headers=vera).text
    assert not any(address in text for _, address, _ in exercise.sent)
    (listed,) = client.get(API, headers=vera).json()["items"]
    assert (listed["id"], listed["outcome"]) == (name, after["outcome"])
    assert client.get(f"{API}/nothing", headers=vera).status_code == 404


def test_stopped_by_who_is_logged_in(scene: WebScene, client: TestClient, exercise: Exercise) -> None:
    name = exercise.begin()
    olga = scene.header("olga", Role.OPERATOR)
    assert client.post(f"{API}/{name}/stop", json=WHY, headers={**olga, "If-Match": '"old"'}).status_code == 412
    assert client.post(f"{API}/{name}/stop", json=WHY, headers=olga).json() == {"exercise": name, "again": False}
    assert client.get(f"{API}/{name}", headers=olga).json()["stopped_by"] == "Olga Person"
    exercise.callouts.drive(name)
    assert exercise.sent == []
    assert client.post(f"{API}/{name}/stop", json=WHY, headers=olga).status_code == 422, "it is over"


def test_recorded_once_and_not_while_it_goes_on(scene: WebScene, client: TestClient, exercise: Exercise) -> None:
    name = exercise.begin()
    pia = scene.header("pia", Role.PLANNER)
    assert client.post(f"{API}/{name}/record", json=WHY, headers=pia).status_code == 409
    exercise.callouts.drive(name)
    pia = scene.header("pia")
    made = client.post(f"{API}/{name}/record", json=WHY, headers=pia)
    assert made.status_code == 201, made.text
    assert {item["event"]["person"] for item in made.json()} == {"Pia Person"}
    again = client.post(f"{API}/{name}/record", json=WHY, headers=pia)
    assert (again.status_code, "already" in again.json()["detail"]) == (422, True)
