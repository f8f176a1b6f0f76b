"""Nobody fills the audit log from outside: of strangers' requests only the first of a minute have their own lines."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.app.audit import AuditLog, Entry
from drorch.core.errors import StoreAway
from drorch.core.stream import Append, Record
from drorch.interfaces.http.security import strangers
from drorch.interfaces.http.security.strangers import LINES, WINDOW_S, Strangers
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore
from drorch.testing.web import WebScene

API = "/api/v1"


class Away(MemoryStore):
    """Does not take what is written while it is away."""

    away = False

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        if self.away:
            raise StoreAway("the store does not answer")
        return super().write(*appends)


def entry(address: str = "192.0.2.1") -> Entry:
    return Entry(act="GET /x", subject="/x", outcome="denied", status=401, address=address)


def test_a_flood_of_strangers_is_some_lines_and_a_count(scene: WebScene, client: TestClient) -> None:
    for number in range(60):
        assert client.get(f"{API}/runs").status_code == 401
        assert client.post(f"{API}/session", json={"wrong": number}).status_code == 422
        assert client.post("/no/such/page").status_code in (401, 404, 405)
    assert len(scene.context.audit.read()) == LINES
    scene.clock.advance(WINDOW_S)
    assert client.get(f"{API}/health").status_code == 200
    log = scene.context.audit.read()
    assert len(log) == LINES + 1
    assert str(log[-1]["detail"]).startswith(f"{180 - LINES} more requests of nobody known")
    assert scene.context.audit.first_break() is None
    client.get(f"{API}/runs")
    assert len(scene.context.audit.read()) == LINES + 2, "a new minute has lines again"


def test_who_is_known_and_who_guesses_a_password_is_always_written_down(scene: WebScene, client: TestClient) -> None:
    viewer = scene.header("vera", Role.VIEWER)
    for _ in range(LINES + 5):
        client.get(f"{API}/runs")
    before = len(scene.context.audit.read())
    for _ in range(LINES + 5):
        assert client.get(f"{API}/users", headers=viewer).status_code == 403
    guess = {"login": "vera", "password": "wrong but long enough"}
    assert client.post(f"{API}/session", json=guess).status_code == 401
    log = scene.context.audit.read()
    assert len(log) == before + LINES + 5 + 1
    assert log[-1]["login"] == "vera"


def test_addresses_are_counted_apart_and_the_oldest_is_told_for_a_new_one(
    scene: WebScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "REMEMBERED", 2)
    log = AuditLog(scene.store, scene.clock)
    seen = Strangers(log, scene.clock)
    for _ in range(LINES + 3):
        seen.note(entry("2001:db8::1"))
        seen.note(entry("2001:db8::2"))  # the same network
    assert len(log.read()) == LINES
    seen.note(entry("192.0.2.1"))
    seen.note(entry("192.0.2.2"))
    last = log.read()[-2:]
    assert [line["address"] for line in last] == ["2001:db8::/64", "192.0.2.2"]
    assert str(last[0]["detail"]).startswith(f"{LINES + 6} more")
    seen.tell(every=True)
    assert not seen.waiting


def test_a_count_that_cannot_be_written_is_kept(scene: WebScene) -> None:
    clock, store = HandClock(), Away()
    log = AuditLog(store, clock)
    seen = Strangers(log, clock)
    for _ in range(LINES + 1):
        seen.note(entry())
    store.away = True
    with pytest.raises(StoreAway):
        seen.tell(every=True)
    store.away = False
    seen.tell(every=True)
    assert "1 more requests" in str(log.read()[-1]["detail"])
