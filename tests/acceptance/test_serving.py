"""The real server as a process: killed and started again while a run goes on, and what it refuses to do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from stores import journal_at

from drorch.adapters.clock import SystemClock
from drorch.app import composition
from drorch.app.accounts import Account, Accounts, Role
from drorch.app.audit import AuditLog
from drorch.core.files import write_whole
from drorch.core.state_folder import run_folder
from drorch.interfaces.http.security.strangers import LINES
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.recorder import Recorder
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import created
from drorch.testing.services import free_port
from tests.acceptance.conftest import SAMPLE_CATALOG

PLAN = make_plan([playbook_step("a/x")], kind=Kind.SWITCHOVER)
RUN = "20130301-030000-abcd"
PAIRS = 60


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """``drorch serve`` over this state folder; killed at the end when it still lives."""
    said = home / "said.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "drorch", "serve", "--catalog", str(SAMPLE_CATALOG), *words],
            env={**os.environ, "DRORCH_HOME": str(home)},
            stdout=out,
            stderr=out,
        )
    try:
        yield process, said
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def until_it_answers(base: str, deadline_s: float = 30) -> None:
    until = time.monotonic() + deadline_s
    while True:
        try:
            if httpx.get(f"{base}/api/v1/health", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < until, "the server did not answer"
        time.sleep(0.1)


def reader_of(home: Path) -> dict[str, str]:
    """A header of somebody who may read."""
    home.mkdir(exist_ok=True)
    accounts = Accounts(composition.records(home), SystemClock(), composition.hasher())
    accounts.add(Account(login="vera", person="Vera Viewer", roles=frozenset({Role.VIEWER})))
    _, text = accounts.issue("vera", label="test", roles=[Role.VIEWER], days=1, by="test")
    return {"Authorization": f"Bearer {text}"}


class Watcher(threading.Thread):
    """Reads a stream as a browser does: comes back with the id of the last event it has."""

    def __init__(self, url: str, header: dict[str, str], until: int) -> None:
        super().__init__(daemon=True)
        self._url, self._header, self._until = url, header, until
        self.seen: list[str] = []
        self.connections = 0

    def run(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and not self.done:
            last = {"Last-Event-ID": self.seen[-1]} if self.seen else {}
            try:
                with httpx.stream(
                    "GET", self._url, headers={**self._header, **last}, timeout=5, trust_env=False
                ) as answer:
                    self.connections += 1
                    for line in answer.iter_lines():
                        if line.startswith("id: "):
                            self.seen.append(line.removeprefix("id: "))
                            if self.done:
                                return
            except httpx.HTTPError:
                time.sleep(0.1)

    @property
    def done(self) -> bool:
        return bool(self.seen) and int(self.seen[-1].rpartition(":")[2]) >= self._until


@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_a_run_costs_no_watcher_an_event(tmp_path: Path) -> None:
    header = reader_of(tmp_path)
    port = free_port("127.0.0.1")
    base = f"http://127.0.0.1:{port}"
    write_whole(run_folder(tmp_path, RUN, must_exist=False).plan, plan_to_text(PLAN))
    last = 1 + 2 * PAIRS
    with journal_at(tmp_path) as journal:
        recorder = Recorder.create(journal, SystemClock(), PLAN, RUN, created(PLAN))
        watchers = [Watcher(f"{base}/api/v1/runs/{RUN}/stream", header, last) for _ in range(5)]

        def go_on(pairs: int) -> None:
            for _ in range(pairs):
                recorder.record(ev.Paused(person="Ana", reason="r"), ev.Resumed(person="Ana", reason="r"))
                time.sleep(0.01)

        with serving(tmp_path, "--port", str(port)) as (process, _):
            until_it_answers(base)
            for watcher in watchers:
                watcher.start()
            go_on(PAIRS // 3)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
        go_on(PAIRS // 3)  # the run does not need the server
        with serving(tmp_path, "--port", str(port)) as (process, _):
            until_it_answers(base)
            go_on(PAIRS // 3)
            for watcher in watchers:
                watcher.join(60)
            process.send_signal(signal.SIGTERM)
            process.wait(15)
    expected = [f"{RUN}:{number}" for number in range(1, last + 1)]
    for watcher in watchers:
        assert watcher.seen == expected
        assert watcher.connections >= 2


@pytest.mark.slow
def test_a_server_that_is_asked_to_end_does_so_with_streams_open(tmp_path: Path) -> None:
    header = reader_of(tmp_path)
    port = free_port("127.0.0.1")
    base = f"http://127.0.0.1:{port}"
    write_whole(run_folder(tmp_path, RUN, must_exist=False).plan, plan_to_text(PLAN))
    with journal_at(tmp_path) as journal:
        Recorder.create(journal, SystemClock(), PLAN, RUN, created(PLAN))
    with serving(tmp_path, "--port", str(port)) as (process, _):
        until_it_answers(base)
        url = f"{base}/api/v1/runs/{RUN}/stream"
        with httpx.stream("GET", url, headers=header, timeout=20, trust_env=False) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry:")
            process.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
        assert process.wait(15) in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_a_flood_of_strangers_is_told_before_the_server_ends(tmp_path: Path) -> None:
    port = free_port("127.0.0.1")
    base = f"http://127.0.0.1:{port}"
    with serving(tmp_path, "--port", str(port)) as (process, _):
        until_it_answers(base)
        with httpx.Client(trust_env=False) as client:
            for _ in range(LINES + 7):
                assert client.get(f"{base}/api/v1/runs").status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) in (0, -signal.SIGTERM)
    log = AuditLog(composition.event_store(tmp_path), SystemClock())
    assert len(log.read()) == LINES + 1
    assert str(log.read()[-1]["detail"]).startswith("7 more requests")
    assert log.first_break() is None


@pytest.mark.slow
def test_the_first_start_prints_a_link_that_makes_one_admin(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0") as (_, said):
        found = None
        until = time.monotonic() + 30
        while found is None and time.monotonic() < until:
            found = re.search(r"(http://127\.0\.0\.1:\d+)/first\?code=(\S+)", said.read_text(encoding="utf-8"))
            time.sleep(0.1)
        assert found is not None
        base, code = found[1], found[2]
        until_it_answers(base)
        body = {"code": code, "login": "root", "person": "Rita Root", "password": "correct horse battery"}
        url = f"{base}/api/v1/session/first-admin"
        assert httpx.post(url, json=body, trust_env=False).json()["roles"] == ["admin"]
        assert httpx.post(url, json={**body, "login": "two"}, trust_env=False).status_code == 409
        assert (tmp_path / "store.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "0.0.0.0"), "in the clear"),
        (("--host", "::"), "in the clear"),
        (("--host", "localhost"), "is no IP address"),
        (("--host", "0.0.0.0", "--behind-proxy"), "by which name"),
        (("--tls-certificate", "nowhere.pem"), "needs its key"),
        (("--tls-certificate", "nowhere.pem", "--tls-key", "nowhere.key"), "is not a file"),
        (("--oidc", "nowhere.yaml"), "cannot be read"),
    ],
)
def test_it_refuses_to_listen_where_that_would_not_be_safe(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with serving(tmp_path, *words) as (process, out):
        assert process.wait(30) == 2
        assert said in out.read_text(encoding="utf-8")
        assert "Traceback" not in out.read_text(encoding="utf-8")
