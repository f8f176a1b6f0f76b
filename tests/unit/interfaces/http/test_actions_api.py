"""Corrective actions over the API: the person is who is logged in, and the owner verifies nothing."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from unit.actions.test_actions import FOUND, STEP, store

from drorch.app.accounts import Role
from drorch.testing.clock import HandClock
from drorch.testing.web import WebScene

API = "/api/v1/actions"
WHY = {"reason": "because"}


@pytest.fixture
def scene(scene: WebScene) -> WebScene:
    scene = WebScene(home=scene.home, catalog=scene.catalog, clock=HandClock(datetime(2026, 2, 15, 9, tzinfo=UTC)))
    store(scene.home, "problem-failover")
    return scene


def post(client: TestClient, header: dict[str, str], path: str, code: int = 200, **body: object) -> dict[str, Any]:
    answer = client.post(f"{API}{path}", json={**WHY, **body}, headers=header)
    assert answer.status_code == code, answer.text
    found: dict[str, Any] = answer.json()
    return found


def owned(client: TestClient, planner: dict[str, str], owner: str = "Olga Owner") -> str:
    made = post(client, planner, "/from-run", 201, run=FOUND, finding=STEP)
    (name,) = made["opened"]
    post(client, planner, f"/{name}/assign", owner=owner, organisation="oict", due="2026-03-31")
    post(client, planner, f"/{name}/update", action="give the listener its port back")
    return str(name)


def test_the_whole_way_to_closed_by_two_people(scene: WebScene, client: TestClient) -> None:
    planner = scene.header("pia", Role.PLANNER)
    owner = scene.header("olga", Role.OPERATOR, Role.PLANNER, person="Olga Owner")
    name = owned(client, planner)
    text = b"port 9443 opened"
    file = {"name": "change.txt", "content": base64.b64encode(text).decode()}
    claimed = post(client, owner, f"/{name}/claim", evidence=[file])
    assert (claimed["state"], claimed["evidence"][0]["sha256"]) == ("done", hashlib.sha256(text).hexdigest())
    store(scene.home, "ok-failover", "20260301-good", "2026-03-01")
    scene.clock.advance(20 * 86_400)
    planner, owner = scene.header("pia"), scene.header("olga")  # tokens of a day
    retest = {"retest": "20260301-good", "method": "the March failover"}
    refused = post(client, owner, f"/{name}/verify", 409, **retest)
    assert "may not verify" in refused["detail"]
    scene.broken_records["20260301-good"] = "its record is not what its journal says"
    assert "not what its journal says" in post(client, planner, f"/{name}/verify", 409, **retest)["detail"]
    scene.broken_records.clear()
    verified = post(client, planner, f"/{name}/verify", **retest)
    assert (verified["state"], verified["verifier"]) == ("verified", "Pia Person")
    post(client, planner, f"/{name}/update", root_cause="old port", similar_cases="none", plan_change="none needed")
    post(client, owner, f"/{name}/close", 409)
    assert post(client, planner, f"/{name}/close")["state"] == "closed"
    reader = scene.header("vera", Role.VIEWER)
    listed = client.get(API, headers=reader).json()
    assert (listed["items"], listed["total"]) == ([], 0)
    every = client.get(API, params={"every": "true"}, headers=reader).json()
    assert [item["id"] for item in every["items"]] == [name]
    assert [line["person"] for line in every["items"][0]["history"]][-1] == "Pia Person"
    register = client.get(f"{API}/register.csv", headers=reader)
    assert register.headers["content-type"].startswith("text/csv")
    assert register.text.splitlines()[1].startswith(f"{name},closed,")


def test_what_fails_again_is_never_shown_as_closed(scene: WebScene, client: TestClient) -> None:
    planner, owner = scene.header("pia", Role.PLANNER), scene.header("olga", Role.OPERATOR, person="Olga Owner")
    name = owned(client, planner)
    post(client, owner, f"/{name}/claim")
    store(scene.home, "ok-failover", "20260301-good", "2026-03-01")
    scene.clock.advance(20 * 86_400)
    planner = scene.header("pia")  # tokens of a day
    post(client, planner, f"/{name}/verify", retest="20260301-good", method="looked")
    store(scene.home, "problem-failover", "20260305-bad", "2026-03-05")
    shown = client.get(f"{API}/{name}", headers=planner).json()
    assert (shown["state"], shown["open"], shown["reopened"]) == ("re-opened", True, 1)


def test_pages_counts_and_import_once(scene: WebScene, client: TestClient) -> None:
    planner = scene.header("pia", Role.PLANNER)
    first = post(client, planner, "/from-run", 201, run=FOUND)
    assert len(first["opened"]) > 3
    assert post(client, planner, "/from-run", 201, run=FOUND) == {
        "run": FOUND, "opened": [], "known": len(first["opened"])
    }  # fmt: skip
    post(client, planner, "/from-run", 409, run=FOUND, finding=STEP)
    post(client, planner, "/from-run", 404, run=FOUND, finding="no/such")
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get(API, params={"limit": 2, **({"cursor": cursor} if cursor else {})}, headers=planner).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(first["opened"])
    assert sum(page["counts"]["open"].values()) == len(seen)


def test_it_is_changed_only_as_it_was_seen(scene: WebScene, client: TestClient) -> None:
    planner = scene.header("pia", Role.PLANNER)
    name = owned(client, planner)
    seen = client.get(f"{API}/{name}", headers=planner)
    etag = seen.headers["etag"]
    assert client.get(f"{API}/{name}", headers={**planner, "If-None-Match": etag}).status_code == 304
    match = {**planner, "If-Match": etag}
    post(client, match, f"/{name}/update", begin=True)
    before = scene.store.read("actions")
    post(client, match, f"/{name}/update", 412, root_cause="x")
    assert scene.store.read("actions") == before


def test_a_department_writes_about_its_own_actions_only(scene: WebScene, client: TestClient) -> None:
    name = owned(client, scene.header("pia", Role.PLANNER), owner="Omar Owner")
    stranger = scene.header("dora", Role.DEPARTMENT)
    assert "departments" in post(client, stranger, f"/{name}/update", 403, begin=True)["detail"]
    before = scene.store.read("actions")
    assert "departments" in post(client, stranger, f"/{name}/claim", 403)["detail"]
    assert scene.store.read("actions") == before
    own = scene.header("omar", Role.DEPARTMENT, person="omar  OWNER")
    assert post(client, own, f"/{name}/update", begin=True)["action"] == "give the listener its port back"
    assert post(client, own, f"/{name}/claim")["state"] == "done"


def test_by_hand_and_what_is_wrong_is_told(scene: WebScene, client: TestClient) -> None:
    planner = scene.header("pia", Role.PLANNER)
    body = {"title": "no runbook", "severity": "minor", "subjects": [{"kind": "application", "id": "payroll"}]}
    assert "retest" in post(client, planner, "", 422, **body)["detail"]
    made = client.post(API, json={**WHY, **body, "estate": "lab"}, headers=planner)
    assert (made.status_code, made.headers["location"]) == (201, f"{API}/{made.json()['id']}")
    assert made.json()["opened_by"] == "Pia Person"
    post(client, planner, "", 422, **body, estate="lab", by="Somebody Else")
    post(client, planner, "/ca-99/close", 404)
