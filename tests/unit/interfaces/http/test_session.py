"""Log in and out; forged, foreign and too many requests; the first admin."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.app.audit import AuditLog
from drorch.core.stream import EventStore, Record
from drorch.interfaces.http.security.signin import offer_first_admin
from drorch.testing.streams import MemoryStore
from drorch.testing.web import PASSWORD, WebScene

API = "/api/v1"


class Forged(MemoryStore):
    """Another store's records, the first of those denied told as done."""

    def __init__(self, store: EventStore) -> None:
        super().__init__()
        self._store = store

    def read(self, stream: str, after: int = 0, limit: int | None = None) -> tuple[Record, ...]:
        records = self._store.read(stream, after, limit)
        return tuple(one._replace(kind="done") if one.seq == 2 else one for one in records)


def log_in(client: TestClient, login: str, password: str = PASSWORD, **more: object) -> object:
    return client.post(f"{API}/session", json={"login": login, "password": password}, **more)  # type: ignore[arg-type]


def test_a_session_begins_is_known_and_ends(scene: WebScene, client: TestClient) -> None:
    scene.person("ada", Role.OPERATOR)
    assert client.get(f"{API}/session").status_code == 401
    answer = client.post(f"{API}/session", json={"login": "ada", "password": PASSWORD})
    assert answer.status_code == 201
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    me = client.get(f"{API}/session").json()
    assert (me["person"], me["roles"], me["via"]) == ("Ada Person", ["operator"], "session")
    token = {"X-CSRF-Token": me["csrf_token"]}
    assert client.delete(f"{API}/session", headers=token).status_code == 204
    assert client.get(f"{API}/session").status_code == 401


def test_a_change_with_a_cookie_needs_the_sessions_token(scene: WebScene, client: TestClient) -> None:
    scene.person("ada", Role.OPERATOR)
    me = client.post(f"{API}/session", json={"login": "ada", "password": PASSWORD}).json()
    assert client.delete(f"{API}/session").status_code == 403
    assert client.delete(f"{API}/session", headers={"X-CSRF-Token": "x" * 32}).status_code == 403
    right = {"X-CSRF-Token": me["csrf_token"]}
    for foreign in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.delete(f"{API}/session", headers={**right, **foreign}).status_code == 403
    assert client.delete(f"{API}/session", headers={**right, "Origin": "http://127.0.0.1"}).status_code == 204


def test_a_log_in_from_a_foreign_page_is_refused(scene: WebScene, client: TestClient) -> None:
    scene.person("ada", Role.OPERATOR)
    answer = client.post(
        f"{API}/session", json={"login": "ada", "password": PASSWORD}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("seconds", [3601, 12 * 3600 + 1])
def test_a_session_ends_by_itself(scene: WebScene, client: TestClient, seconds: int) -> None:
    scene.person("ada", Role.OPERATOR)
    log_in(client, "ada")
    passed = 0
    while passed < seconds:
        step = seconds if seconds < 4000 else 1800
        scene.clock.advance(step)
        passed += step
        status = client.get(f"{API}/session").status_code
        assert status == (401 if passed >= seconds else 200)


def test_a_disabled_account_is_out_at_once(scene: WebScene, client: TestClient) -> None:
    from dataclasses import replace

    scene.person("root", Role.ADMIN)
    ada = scene.person("ada", Role.OPERATOR)
    header = scene.header("ada")
    log_in(client, "ada")
    scene.context.accounts.change(replace(ada, disabled=True))
    assert client.get(f"{API}/session").status_code == 401
    client.cookies.clear()
    assert client.get(f"{API}/session", headers=header).status_code == 401


def test_strangers_are_slowed_and_lock_nobody_out_of_break_glass(scene: WebScene, client: TestClient) -> None:
    scene.person("glass", Role.ADMIN, break_glass=True)
    tries = [client.post(f"{API}/session", json={"login": "glass", "password": "wrong"}) for _ in range(12)]
    assert [answer.status_code for answer in tries] == [401] * 10 + [429] * 2
    assert int(tries[-1].headers["retry-after"]) > 0
    # The right password does not help the address that guessed, but anybody else comes in.
    assert client.post(f"{API}/session", json={"login": "glass", "password": PASSWORD}).status_code == 429
    with TestClient(scene.app, base_url="http://127.0.0.1", client=("10.0.0.9", 1)) as other:
        assert other.post(f"{API}/session", json={"login": "glass", "password": PASSWORD}).status_code == 201
    scene.clock.advance(301)
    assert client.post(f"{API}/session", json={"login": "glass", "password": PASSWORD}).status_code == 201


def test_the_first_admin_is_made_once_with_the_code(scene: WebScene, client: TestClient) -> None:
    code = offer_first_admin(scene.records, scene.context.accounts, scene.clock)
    body = {"code": code, "login": "root", "person": "Rita Root", "password": PASSWORD}
    assert client.post(f"{API}/session/first-admin", json={**body, "code": "x"}).status_code == 409
    assert client.post(f"{API}/session/first-admin", json={**body, "password": "short"}).status_code == 422
    assert client.post(f"{API}/session/first-admin", json=body).json()["roles"] == ["admin"]
    client.cookies.clear()
    assert client.post(f"{API}/session/first-admin", json={**body, "login": "two"}).status_code == 409
    assert offer_first_admin(scene.records, scene.context.accounts, scene.clock) is None


def test_the_first_code_ends_after_an_hour(scene: WebScene, client: TestClient) -> None:
    code = offer_first_admin(scene.records, scene.context.accounts, scene.clock)
    scene.clock.advance(3601)
    body = {"code": code, "login": "root", "person": "Rita Root", "password": PASSWORD}
    assert client.post(f"{API}/session/first-admin", json=body).status_code == 409


def test_everything_that_was_changed_or_denied_is_in_the_audit_log(scene: WebScene, client: TestClient) -> None:
    scene.person("ada", Role.OPERATOR)
    client.get(f"{API}/session")
    client.post(f"{API}/session", json={"login": "ada", "password": "a wrong secret"})
    client.post(f"{API}/session", json={"login": "ada", "password": PASSWORD})
    client.get(f"{API}/session")
    client.delete(f"{API}/session")
    log = scene.context.audit.read()
    assert [(entry["act"], entry["outcome"], entry["login"]) for entry in log] == [
        ("GET /api/v1/session", "denied", ""),
        ("POST /api/v1/session", "denied", "ada"),
        ("POST /api/v1/session", "done", "ada"),
        ("DELETE /api/v1/session", "denied", "ada"),
    ]
    text = str(scene.store.read("audit"))
    assert "a wrong secret" not in text
    assert PASSWORD not in text
    assert scene.context.audit.first_break() is None
    assert AuditLog(Forged(scene.store), scene.clock).first_break() == 2
