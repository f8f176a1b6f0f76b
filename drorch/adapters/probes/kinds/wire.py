"""One HTTP/1.1 request over one fresh connection, as cheap as it gets (see docs/adr/0001-probe-client.md).

A fresh connection is what a new user has: a service that closed its listener and kept old connections is down.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

MAX_ANSWER_BYTES = 1_000_000


class WireError(Exception):
    """The answer is not HTTP/1.1 as we know it, or it broke off."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: bytes


def request_bytes(method: str, path: str, host: str, body: bytes = b"") -> bytes:
    """A request that asks the server to close behind it."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    if method != "GET":
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode("ascii") + b"\r\n" + body


async def exchange(address: str, port: int, request: bytes, timeout_s: float) -> Answer:
    """Send ``request``, return the answer. TimeoutError, OSError or WireError when there is none."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Answer] = loop.create_future()
    transport: asyncio.Transport | None = None
    try:
        async with asyncio.timeout(timeout_s):
            transport, _ = await loop.create_connection(lambda: _Exchange(request, done), address, port)
            return await done
    finally:
        if transport is not None:
            transport.abort()


class _Exchange(asyncio.Protocol):
    """Gathers one answer into ``done``."""

    def __init__(self, request: bytes, done: asyncio.Future[Answer]) -> None:
        self._request = request
        self._done = done
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "TCP gives a stream transport"
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._done.done():
            self._try(at_end=False)

    def connection_lost(self, error: Exception | None) -> None:
        if self._done.done():
            return
        if error is not None:
            self._done.set_exception(error)
        else:
            self._try(at_end=True)

    def _try(self, *, at_end: bool) -> None:
        try:
            answer = parse(self._received, at_end=at_end)
        except WireError as error:
            self._done.set_exception(error)
            return
        if answer is not None:
            self._done.set_result(answer)


def parse(received: bytes, *, at_end: bool) -> Answer | None:
    """The answer in ``received``, None when more is to come. WireError when it cannot become one."""
    if len(received) > MAX_ANSWER_BYTES:
        raise WireError("the answer is too long")
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        if at_end or (len(received) >= 5 and not received.startswith(b"HTTP/")):
            raise WireError("broke off" if received.startswith(b"HTTP/") or not received else "not HTTP")
        return None
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise WireError("not HTTP/1.1")
    length = _length(lines[1:])
    if length is None:
        return Answer(status=int(words[1]), body=body) if at_end else None
    if len(body) >= length:
        return Answer(status=int(words[1]), body=body[:length])
    if at_end:
        raise WireError(f"broke off after {len(body)} of {length} bytes")
    return None


def _length(headers: list[bytes]) -> int | None:
    for header in headers:
        name, _, value = header.partition(b":")
        if name.lower() == b"transfer-encoding":
            raise WireError("chunked answers are not read here")
        if name.lower() == b"content-length":
            if not value.strip().isdigit():
                raise WireError("Content-Length is not a number")
            return int(value)
    return None
