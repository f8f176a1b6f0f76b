"""The server over real sockets: who is let in, what is answered, and what it refuses to be."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from drorch.core.errors import Broken, InputInvalid, NotFound
from drorch.metrics.collector import Exposition
from drorch.metrics.facts import MetricFacts
from drorch.metrics.server import MAX_AT_ONCE, Listen, MetricsServer, read_token
from drorch.metrics.snapshot import Snapshots

from .state import State

TOKEN = "correct-horse-battery-staple"
HERE = Listen(address="127.0.0.1", port=0)


@contextmanager
def serving(state: State, token: str | None = TOKEN) -> Iterator[int]:
    """The port of a running server."""
    with MetricsServer(HERE, state.exposition(), token) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def ask(
    port: int, path: str = "/metrics", method: str = "GET", **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_both_pages_with_the_token(recorded: State) -> None:
    with serving(recorded) as port:
        status, body, headers = ask(port, **BEARER)
        assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert b'drorch_runs_total{kind="failover",outcome="completed"} 1.0\n' in body
        assert b"drorch_app_" not in body
        status, body, headers = ask(port, "/metrics/applications?x=1", Accept_Encoding="gzip", **BEARER)
        assert (status, headers["Content-Encoding"]) == (200, "gzip")
        assert b'drorch_app_rto_target_seconds{app="umoja"} 14400.0\n' in gzip.decompress(body)
        status, body, headers = ask(port, Accept="application/openmetrics-text; version=1.0.0", **BEARER)
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert body.endswith(b"\n# EOF\n")
        status, body, headers = ask(port, method="HEAD", **BEARER)
        assert (status, body) == (200, b"")
        assert int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer \xe9\xe9"],
)
@pytest.mark.parametrize("path", ["/metrics", "/nothing"])
def test_without_the_token_nothing_is_said(state: State, authorization: str | None, path: str) -> None:
    with serving(state) as port:
        headers = {} if authorization is None else {"Authorization": authorization}
        status, body, answered = ask(port, path, **headers)
    assert (status, body, answered["WWW-Authenticate"]) == (401, b"", "Bearer")
    assert "Python" not in answered["Server"]


def test_other_paths_and_methods(state: State) -> None:
    with serving(state) as port:
        assert ask(port, "/nothing", **BEARER)[:2] == (404, b"")
        assert ask(port, "/metrics/", **BEARER)[:2] == (404, b"")
        assert ask(port, method="POST", **BEARER)[:2] == (501, b"")
        assert ask(port, Accept="x" * 70_000, **BEARER)[:2] == (431, b"")


def test_on_loopback_a_token_is_not_required(state: State) -> None:
    with serving(state, token=None) as port:
        assert ask(port)[0] == 200


def test_many_scrapes_at_once_read_the_journal_once(recorded: State) -> None:
    with serving(recorded, token=None) as port:
        ask(port)
        reads, answers = recorded.journal.reads, list[int]()
        threads = [threading.Thread(target=lambda: answers.append(ask(port)[0])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [200] * 4
    assert recorded.journal.reads == reads


def test_too_many_connections_are_closed_and_places_come_back(state: State) -> None:
    with serving(state, token=None) as port, ExitStack() as held:
        for _ in range(MAX_AT_ONCE):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one_more:
            assert one_more.recv(1) == b""
        held.close()
        for _ in range(1000):
            try:
                assert ask(port)[0] == 200
                break
            except (http.client.RemoteDisconnected, ConnectionResetError):
                continue
        else:
            pytest.fail("the places did not come back")


class Faulty:
    """A source with a fault in it."""

    def fingerprint(self) -> object:
        raise ValueError("a fault")

    def read(self) -> MetricFacts:
        raise AssertionError("never comes to this")


def test_a_fault_is_said_in_one_line_and_ends_nothing(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    with MetricsServer(HERE, Exposition(Snapshots(Faulty(), state.clock)), None) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            for _ in range(2):
                with pytest.raises(http.client.RemoteDisconnected):
                    ask(int(server.server_address[1]))
        finally:
            server.shutdown()
            thread.join()
    assert capsys.readouterr().err == "drorch: a scrape could not be answered: ValueError: a fault\n" * 2


def test_where_to_listen() -> None:
    assert Listen.parse("127.0.0.1:9464") == Listen(address="127.0.0.1", port=9464)
    assert Listen.parse("[::1]:0") == Listen(address="::1", port=0)
    for text in ("9464", "localhost:9464", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "", "127.0.0.1:1e3"):
        with pytest.raises(InputInvalid, match="not an address"):
            Listen.parse(text)


def test_never_open_to_others_without_a_token(state: State) -> None:
    with pytest.raises(InputInvalid, match="no token"):
        MetricsServer(Listen.parse("0.0.0.0:0"), state.exposition(), None)


def test_a_taken_port_is_said(state: State) -> None:
    with serving(state) as port, pytest.raises(Broken, match="cannot listen"):
        MetricsServer(Listen(address="127.0.0.1", port=port), state.exposition(), TOKEN)


def test_token_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(NotFound):
        read_token(file)
    file.write_text(TOKEN + "\n", encoding="ascii")
    file.chmod(0o640)
    with pytest.raises(InputInvalid, match="others"):
        read_token(file)
    file.chmod(0o600)
    assert read_token(file) == TOKEN
    for unfit in (b"short", b"with a \x00 inside of it", b"x" * 5000, "längere Wörter".encode() * 2):
        file.write_bytes(unfit)
        with pytest.raises(InputInvalid, match="has to be"):
            read_token(file)
