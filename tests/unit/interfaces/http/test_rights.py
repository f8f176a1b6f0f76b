"""The table of rights, made from the routes themselves: what each role may, what nobody may, and what docs say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.core.errors import Broken
from drorch.interfaces.console import routes as console
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.rules import Guarded, require
from drorch.interfaces.serving.application import create_app
from drorch.testing.web import WebScene

DOCS = Path(__file__).parents[4] / "docs" / "security.md"
OPEN = {
    "GET /api/v1/health",
    "GET /api/v1/ready",
    "POST /api/v1/session",
    "POST /api/v1/session/first-admin",
}
"""Public routes of the API: a new one is thought about twice."""


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "x", path)


def api(scene: WebScene) -> list[Guarded]:
    return [line for line in scene.app.state.rights if line.path.startswith("/api/")]


def test_nobody_known_gets_past_any_route_that_is_not_public(scene: WebScene, client: TestClient) -> None:
    for line in scene.app.state.rights:
        answer = client.request(line.method, filled(line.path), json={}, follow_redirects=False)
        if not line.rule.public:
            refused = answer.status_code == 401 or (answer.status_code == 303 and not line.path.startswith("/api/"))
            assert refused, (line, answer.status_code)
    assert {f"{line.method} {line.path}" for line in api(scene) if line.rule.public} == OPEN


@pytest.mark.parametrize("role", Role)
def test_each_role_gets_past_exactly_its_routes(scene: WebScene, client: TestClient, role: Role) -> None:
    header = scene.header("somebody", role)
    looked = 0
    for line in api(scene):
        if line.path.endswith("/stream"):
            continue  # asked in test_streams
        answer = client.request(line.method, filled(line.path), json={}, headers=header)
        may = line.rule.public or role in line.rule.roles
        denied = answer.status_code == 403 and "has not the role" in answer.json()["detail"]
        assert denied is not may, (role, line, answer.status_code, answer.text)
        looked += 1
    assert looked > 50


def test_an_admin_gives_roles_and_acts_on_no_run(scene: WebScene) -> None:
    for line in api(scene):
        if line.method != "GET" and Role.ADMIN in line.rule.roles:
            assert "/runs" not in line.path


def test_only_people_change_runs_who_have_the_role_for_it(scene: WebScene) -> None:
    changing = {line.path: line.rule.roles for line in api(scene) if line.method == "POST" and "/runs" in line.path}
    assert changing["/api/v1/runs/{run}/approve"] == {Role.APPROVER}
    assert changing["/api/v1/runs/{run}/stop"] == {Role.OPERATOR}
    assert all(roles <= {Role.OPERATOR, Role.APPROVER} for roles in changing.values())


def test_a_route_without_a_rule_stops_the_server_from_starting(
    scene: WebScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(context: WebContext) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/open-door", lambda: "come in")
        return router

    monkeypatch.setattr(console, "router", forgetful)
    with pytest.raises(Broken, match="/open-door has 0 rules"):
        create_app(scene.context, scene.settings)


def test_a_route_with_two_rules_stops_it_as_well(scene: WebScene, monkeypatch: pytest.MonkeyPatch) -> None:
    def undecided(context: WebContext) -> APIRouter:
        router = APIRouter(dependencies=[require(Role.ADMIN)])
        router.add_api_route("/door", lambda: "come in", dependencies=[require()])
        return router

    monkeypatch.setattr(console, "router", undecided)
    with pytest.raises(Broken, match="has 2 rules"):
        create_app(scene.context, scene.settings)


def test_the_table_in_the_docs_is_the_table_of_the_routes(scene: WebScene) -> None:
    said = DOCS.read_text(encoding="utf-8")
    for line in api(scene):
        who = "everybody" if line.rule.public else ", ".join(sorted(line.rule.roles)) or "?"
        who = "any account" if line.rule.roles == frozenset(Role) else who
        row = f"| {line.method} | `{line.path.removeprefix('/api/v1')}` | {who} |"
        assert row in said, row
