"""Around every request: the audit log, limits of what is sent, whose name is asked for, and headers of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drorch.app.audit import AuditLog, Entry
from drorch.core.errors import DrorchError
from drorch.interfaces.http.problems import MEDIA_TYPE, HttpProblem, Problem, problem_of
from drorch.interfaces.http.security.authorize import SAFE, address_of
from drorch.interfaces.http.security.principal import principal_of
from drorch.interfaces.http.security.strangers import Strangers

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_BODY = 1_000_000
MAX_UPLOADS: Mapping[str, int] = {
    "/evidence": 64 * 1024 * 1024,
    "/catalog/check": 16_000_000,
    "/catalog/diff": 16_000_000,
    "/catalog/import": 16_000_000,
    "/year/records": 16_000_000,
    "/claim": 16_000_000,
    "/resolve": 64 * 1024 * 1024,
}
"""Larger bodies, by the end of the path, and only for somebody who brings a cookie or a token."""


class SecurityHeaders:
    """Adds what an answer does not set itself."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = {**HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class KnownHosts:
    """Answers only to its own names: a stranger's name that points here would make its page our origin."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and self._hosts:
            name = Headers(scope=scope).get("host", "").lower()
            bare = name.rsplit(":", 1)[0] if not name.endswith("]") else name
            if bare not in self._hosts:
                error = HttpProblem(421, "this server has not that name", next_step="see --name of 'drorch serve'")
                await _send_problem(send, problem_of(error))
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Reads the whole body first, and refuses one that is too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        limit = _limit(scope)
        length = Headers(scope=scope).get("content-length", "0")
        whole: bytes | None = b""
        if not length.isdecimal() or int(length) > limit:
            whole = None
        else:
            whole = await _read(receive, limit)
        if whole is None:
            error = HttpProblem(
                413, f"the request is longer than {limit} bytes", next_step="send less", headers={"Connection": "close"}
            )
            Request(scope).state.problem = problem_of(error)
            await _send_problem(send, problem_of(error))
            return
        body: bytes = whole
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


def _limit(scope: Scope) -> int:
    headers = Headers(scope=scope)
    if headers.get("authorization") is None and headers.get("cookie") is None:
        return MAX_BODY
    ends = (limit for end, limit in MAX_UPLOADS.items() if scope["path"].endswith(end))
    return next(ends, MAX_BODY)


async def _read(receive: Receive, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send_problem(send: Send, problem: Problem) -> None:
    body = json.dumps(problem.model_dump(exclude_none=True)).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Auditing:
    """Writes every change and every denied request down, before its answer leaves. Of strangers' see `Strangers`."""

    def __init__(self, app: ASGIApp, *, log: AuditLog, strangers: Strangers) -> None:
        self._app, self._log, self._strangers = app, log, strangers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        Request(scope).state.problem = None  # makes the state that routes and this share

        if self._strangers.waiting:
            with suppress(DrorchError):  # said again with the next request; a full disk must not stop reading
                await run_in_threadpool(self._strangers.tell)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, int(message["status"]))
            await send(message)

        await self._app(scope, receive, noting)

    async def _note(self, scope: Scope, status: int) -> None:
        denied = status in (401, 403, 429)
        if scope["method"] in SAFE and not denied:
            return
        request = Request(scope)
        principal, problem = principal_of(request), getattr(request.state, "problem", None)
        path = getattr(scope.get("route"), "path", scope["path"])
        entry = Entry(
            act=f"{scope['method']} {path}",
            subject=str(scope["path"]),
            outcome="denied" if denied else "done" if status < 400 else "failed",
            status=status,
            person=principal.name if principal else "",
            login=principal.login if principal else str(getattr(request.state, "tried_login", "")),
            via=principal.via if principal else "",
            address=address_of(request),
            detail=problem.detail if isinstance(problem, Problem) else str(getattr(request.state, "noted", "")),
        )
        guessed = status == 401 and bool(entry.login)  # how often a password may be tried is limited already
        if principal is None and status >= 400 and not guessed:
            await run_in_threadpool(self._strangers.note, entry)
        else:
            await run_in_threadpool(self._log.append, entry)
