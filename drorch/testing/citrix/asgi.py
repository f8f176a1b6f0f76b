"""What every simulator shares: a request, an answer, and the faults that any HTTP service can have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Fault(StrEnum):
    """What can go wrong between any two systems."""

    RATE_LIMITED = "rate-limited"
    TRUNCATED = "truncated"
    """The promised length never comes."""
    CUT_JSON = "cut-json"
    """The right length, and half a document."""
    SLOW = "slow"
    """A byte now and then: every single read is fast enough, the whole is not."""
    SILENT = "silent"
    LOGIN_REDIRECT = "login-redirect"
    LOGIN_PAGE = "login-page"
    HUGE = "huge"
    BROKEN = "broken"
    FORBIDDEN = "forbidden"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A whole request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client: tuple[str, int]

    @property
    def form(self) -> Mapping[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def cookie(self, name: str) -> str | None:
        """A cookie by name."""
        found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        return found.value if found else None


@dataclass(frozen=True, kw_only=True)
class Response:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def reply(data: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """JSON."""
    return Response(status=status, body=json.dumps(data).encode(), headers=headers)


def markup(text: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """XML."""
    return Response(body=text.encode(), kind="text/xml; charset=utf-8", headers=headers)


@dataclass
class Switch:
    """A fault that is on: where (part of the path), and how often (None: always)."""

    fault: Fault
    path: str = ""
    times: int | None = None
    retry_after: str | None = "1"


@dataclass
class Simulator:
    """The base: keeps what was asked, and lets faults in between."""

    faults: list[Switch] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """``METHOD /path`` of every request so far."""
    in_flight: int = 0
    most_in_flight: int = 0

    def respond(self, request: Request) -> Response:
        """What the system answers."""
        raise NotImplementedError

    def break_with(self, fault: Fault, path: str = "", times: int | None = None, retry_after: str | None = "1") -> None:
        """Switch a fault on."""
        self.faults.append(Switch(fault=fault, path=path, times=times, retry_after=retry_after))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        request = await _whole(scope, receive)
        self.asked.append(f"{request.method} {request.path}")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            switch = self._switch(request.path)
            if switch is None:
                await _send(send, self.respond(request))
            else:
                await _faulty(send, switch, self.respond(request))
        finally:
            self.in_flight -= 1

    def _switch(self, path: str) -> Switch | None:
        for switch in self.faults:
            if switch.path in path and switch.times != 0:
                if switch.times is not None:
                    switch.times -= 1
                return switch
        return None


async def _whole(scope: Scope, receive: Receive) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        client=tuple(scope.get("client") or ("", 0)),
    )


async def _send(send: Send, response: Response, *, length: int | None = None) -> None:
    size = len(response.body) if length is None else length
    headers = [("content-type", response.kind), ("content-length", str(size)), *response.headers]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body})


async def _faulty(send: Send, switch: Switch, good: Response) -> None:
    page = b"<!DOCTYPE html><html><body><form action='/login'>Please log in</form></body></html>"
    if switch.fault is Fault.SILENT:
        await asyncio.sleep(5)
    elif switch.fault is Fault.SLOW:
        await _slowly(send, good)
    elif switch.fault is Fault.TRUNCATED:
        await _send(send, good, length=len(good.body) + 1000)
    elif switch.fault is Fault.HUGE:
        await _send(send, Response(body=b" " * 300_000))
    elif switch.fault is Fault.CUT_JSON:
        await _send(send, Response(body=good.body[: len(good.body) // 2], kind=good.kind))
    else:
        retry = (("retry-after", switch.retry_after),) if switch.retry_after is not None else ()
        answers = {
            Fault.RATE_LIMITED: Response(status=429, body=b"{}", headers=retry),
            Fault.LOGIN_REDIRECT: Response(
                status=302, headers=(("location", "/logon/LogonPoint/index.html?token=abc"),)
            ),
            Fault.LOGIN_PAGE: Response(body=page, kind="text/html"),
            Fault.BROKEN: Response(status=503, body=b"Service Unavailable", kind="text/plain"),
            Fault.FORBIDDEN: Response(status=403, body=b"{}"),
            Fault.MISSING: Response(status=404, body=b"{}"),
        }
        await _send(send, answers[switch.fault])


async def _slowly(send: Send, good: Response) -> None:
    headers = [("content-type", good.kind), ("content-length", str(len(good.body))), *good.headers]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": good.status, "headers": raw})
    for place in range(len(good.body)):
        await send({"type": "http.response.body", "body": good.body[place : place + 1], "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b""})
