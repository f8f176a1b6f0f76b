"""A small HTTP server for scrapes: two pages, GET and HEAD, a bearer token, few threads, short patience."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import stat
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from drorch.core.errors import Broken, InputInvalid, NotFound
from drorch.metrics.collector import Exposition
from drorch.metrics.render import negotiate
from drorch.metrics.snapshot import Page

MAX_AT_ONCE = 8
PATIENCE_S = 10.0
"""Longest silence of a client in the middle of a request."""
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 4096


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Where to listen; port 0 takes a free one."""

    address: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Listen:
        """From ``127.0.0.1:9464`` or ``[::1]:9464``. InputInvalid for anything else, also for names."""
        host, _, port = text.rpartition(":")
        try:
            address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
            number = int(port) if port.isdecimal() else -1
        except ValueError:
            number = -1
        if not 0 <= number <= 65535:
            raise InputInvalid(
                f"{text!r} is not an address to listen on",
                where="--listen",
                next_step="give an IP address and a port, like 127.0.0.1:9464",
            )
        return cls(address=str(address), port=number)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.address).is_loopback


def read_token(path: Path) -> str:
    """The token in a file. NotFound when it is not there, InputInvalid when others may read it or it is unfit."""
    try:
        mode = path.stat().st_mode
        with path.open("rb") as stream:
            raw = stream.read(LONGEST_TOKEN + 1)
    except OSError as error:
        raise NotFound(
            f"the token cannot be read: {error.strerror}", where=str(path), next_step="name a file that you may read"
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputInvalid(
            "the token can be read by others than its owner",
            where=str(path),
            next_step=f"chmod 600 {path}; a token that others may have read is better replaced",
        )
    token = raw.decode("ascii", "replace").strip()
    if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise InputInvalid(
            f"the token has to be {SHORTEST_TOKEN} to {LONGEST_TOKEN} printable ASCII characters",
            where=str(path),
            next_step=f"make one: openssl rand -hex 32 > {path}",
        )
    return token


class MetricsServer(ThreadingHTTPServer):
    """Serves an exposition. ``serve_forever`` runs it, ``shutdown`` from another thread ends it."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, listen: Listen, exposition: Exposition, token: str | None) -> None:
        """Refuses to be reached from other machines without a token (InputInvalid). Broken: the port is taken."""
        if token is None and not listen.loopback:
            raise InputInvalid(
                f"{listen.address} can be reached from other machines and no token is asked for",
                where="--listen",
                next_step="give --token-file: the metrics say which applications cannot be recovered",
            )
        self.exposition = exposition
        self._token = None if token is None else _digest(token.encode())
        self._places = threading.BoundedSemaphore(MAX_AT_ONCE)
        if ":" in listen.address:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((listen.address, listen.port), _Handler)
        except OSError as error:
            raise Broken(
                f"cannot listen on {listen.address} port {listen.port}: {error.strerror}",
                where="--listen",
                next_step="choose another port, or end what listens there",
            ) from error

    def admits(self, authorization: str) -> bool:
        """Whether the header carries the token; takes the same time for every wrong one."""
        if self._token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(_digest(given.strip().encode("utf-8", "replace")), self._token)
        return right and scheme.lower() == "bearer"

    def process_request(self, request: Any, client_address: Any) -> None:
        """One thread per connection, at most `MAX_AT_ONCE`; more are closed at once."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that goes away or says nothing is its own affair; anything else is a fault, said in one line."""
        error = sys.exception()
        if not isinstance(error, OSError):
            sys.stderr.write(f"drorch: a scrape could not be answered: {type(error).__name__}: {error}\n")


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    server_version = "drorch"
    sys_version = ""
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """A page, 401 without the token, 404 for anything else."""
        if not self.server.admits(self.headers.get("Authorization", "")):
            self._say(HTTPStatus.UNAUTHORIZED, headers=[("WWW-Authenticate", "Bearer")])
            return
        path = urlsplit(self.path).path
        if path not in set(Page):
            self._say(HTTPStatus.NOT_FOUND)
            return
        wanted = negotiate(self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", ""))
        answer = self.server.exposition.answer(Page(path), wanted)
        headers = [("Content-Type", answer.content_type), ("Vary", "Accept, Accept-Encoding")]
        if answer.gzip:
            headers.append(("Content-Encoding", "gzip"))
        self._say(HTTPStatus.OK, answer.body, headers)

    do_HEAD = do_GET  # noqa: N815 - the name the base class asks for

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Also for what the base class refuses: the status and nothing more."""
        self._say(HTTPStatus(code))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the base class has
        """Scrapes are not logged: they come every few seconds and say nothing new."""

    def _say(self, status: HTTPStatus, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _digest(token: bytes) -> bytes:
    # Digests have one length, so that comparing them says nothing about the token's.
    return hashlib.sha256(token).digest()
