"""A server's world with runs in it, and people who visit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.testing.evidence import recorded_run
from drorch.testing.web import PASSWORD, WebScene
from tests.console.stage import failed_run, small_world

Visit = Callable[..., TestClient]


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    """The small catalog, one recorded failover, one failover with a failed step."""
    home, catalog = small_world(tmp_path)
    made = WebScene(home=home, catalog=catalog, year=Path("year.yaml"))
    recorded_run(home, made.journal)
    failed_run(home, made.journal, made.clock)
    return made


@pytest.fixture
def visit(scene: WebScene) -> Iterator[Visit]:
    """A browser without scripts in which somebody with these roles is logged in."""
    opened: list[TestClient] = []

    def make(*roles: Role, login: str = "ada", language: str = "en") -> TestClient:
        client = TestClient(scene.app, base_url="http://127.0.0.1", headers={"Accept-Language": language})
        client.__enter__()
        opened.append(client)
        if roles:
            if scene.context.accounts.find(login) is None:
                scene.person(login, *roles)
            answer = client.post("/login", data={"login": login, "password": PASSWORD}, follow_redirects=False)
            assert answer.status_code == 303, answer.text
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


def csrf_of(page: str) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]
