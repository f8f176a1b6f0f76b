"""Accounts over the API: changed only as they were seen; one's own password and tokens."""

from __future__ import annotations

from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.testing.web import PASSWORD, WebScene

API = "/api/v1"
NEW = "another long password"


def test_an_account_is_changed_only_as_it_was_seen(scene: WebScene, client: TestClient) -> None:
    root = scene.header("root", Role.ADMIN)
    body = {"login": "ada", "person": "Ada P", "roles": ["viewer"]}
    assert client.post(f"{API}/users", json=body, headers=root).status_code == 201
    assert client.post(f"{API}/users", json=body, headers=root).status_code == 412
    seen = client.get(f"{API}/users/ada", headers=root).headers["etag"]
    change = {"roles": ["operator"]}
    assert client.patch(f"{API}/users/ada", json=change, headers=root).status_code == 428
    match = {**root, "If-Match": seen}
    assert client.patch(f"{API}/users/ada", json=change, headers=match).json()["roles"] == ["operator"]
    assert client.patch(f"{API}/users/ada", json={"disabled": True}, headers=match).status_code == 412
    assert client.get(f"{API}/users/ada", headers=root).json()["disabled"] is False


def test_ones_own_password_needs_the_present_one_and_ends_the_session(scene: WebScene, client: TestClient) -> None:
    scene.person("ada", Role.VIEWER)
    me = client.post(f"{API}/session", json={"login": "ada", "password": PASSWORD}).json()
    token = {"X-CSRF-Token": me["csrf_token"]}
    url = f"{API}/session/password"
    assert client.put(url, json={"present": "wrong", "password": NEW}, headers=token).status_code == 403
    assert client.put(url, json={"present": PASSWORD, "password": NEW}, headers=token).status_code == 204
    assert client.get(f"{API}/session").status_code == 401
    assert client.post(f"{API}/session", json={"login": "ada", "password": NEW}).status_code == 201


def test_who_took_over_a_session_cannot_guess_its_password(scene: WebScene, client: TestClient) -> None:
    scene.person("ada", Role.VIEWER)
    me = client.post(f"{API}/session", json={"login": "ada", "password": PASSWORD}).json()
    token = {"X-CSRF-Token": me["csrf_token"]}
    body = {"present": "wrong", "password": NEW}
    tries = [client.put(f"{API}/session/password", json=body, headers=token).status_code for _ in range(11)]
    assert tries == [403] * 10 + [429]


def test_a_token_makes_no_token_and_no_password(scene: WebScene, client: TestClient) -> None:
    header = scene.header("ada", Role.VIEWER)
    body = {"label": "more", "roles": ["viewer"], "days": 1}
    assert client.post(f"{API}/session/tokens", json=body, headers=header).status_code == 403
    body = {"present": PASSWORD, "password": NEW}
    assert client.put(f"{API}/session/password", json=body, headers=header).status_code == 403
    assert scene.context.accounts.checked("ada", PASSWORD) is not None


def test_a_token_never_has_more_than_its_account(scene: WebScene, client: TestClient) -> None:
    scene.person("root", Role.ADMIN)
    header = scene.header("ada", Role.VIEWER, Role.OPERATOR)
    account = scene.context.accounts.get("ada")
    from dataclasses import replace

    scene.context.accounts.change(replace(account, roles=frozenset({Role.VIEWER})))
    assert client.get(f"{API}/session", headers=header).json()["roles"] == ["viewer"]
