"""A small HTTP/1.1 server over asyncio: keep-alive, JSON in and out, cheap enough for hundreds of listeners."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD, MAX_BODY = 8_192, 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked. ``body`` is the raw body."""

    method: str
    path: str
    body: bytes

    def json(self) -> dict[str, object]:
        """The body as a JSON object; ValueError when it is none."""
        data = json.loads(self.body or b"{}")
        if not isinstance(data, dict):
            raise ValueError("the body is a JSON object")
        return data


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What is answered; ``body`` is JSON already."""

    status: int
    body: bytes


def answer(data: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status=status, body=json.dumps(data).encode())


def refusal(status: int, error: str, detail: str = "") -> Response:
    """An error in the form every listener of the lab uses."""
    return answer({"error": error, "detail": detail}, status)


Handler = Callable[[Request], Response | Awaitable[Response]]


class HttpProtocol(asyncio.Protocol):
    """One connection. Requests are answered one after the other."""

    def __init__(self, handler: Handler, connections: set[asyncio.Transport]) -> None:
        self._handler = handler
        self._connections = connections
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._asks_no_more = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection, so that a stopped listener can end it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget it."""
        if self._transport is not None:
            self._connections.discard(self._transport)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Collect, and answer when a request is complete."""
        self._buffer += data
        if self._task is None:
            self._serve()

    def eof_received(self) -> bool:
        """The client asks nothing more: what is under way is answered, then the connection ends."""
        self._asks_no_more = True
        return self._task is not None

    def _serve(self) -> None:
        while self._transport is not None:
            try:
                request, keep = self._take()
            except ValueError as error:
                self._send(refusal(400, "bad request", str(error)), keep=False)
                return
            if request is None:
                if self._asks_no_more:
                    self._transport.close()
                return
            try:
                result = self._handler(request)
            except Exception as error:  # the listener outlives a faulty request
                result = refusal(500, "broken", repr(error))
            if isinstance(result, Response):
                self._send(result, keep=keep)
            else:
                self._task = asyncio.ensure_future(self._finish(result, keep))
                return

    async def _finish(self, result: Awaitable[Response], keep: bool) -> None:
        try:
            response = await result
        except ValueError as error:
            response = refusal(400, "bad request", str(error))
        except Exception as error:  # the listener outlives a faulty request
            response = refusal(500, "broken", repr(error))
        self._send(response, keep=keep)
        self._task = None
        self._serve()

    def _take(self) -> tuple[Request | None, bool]:
        """The next complete request and whether the connection stays open; ValueError when it is malformed."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ValueError("header too long")
            return None, True
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise ValueError("not an HTTP/1 request line")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY or "transfer-encoding" in headers:
            raise ValueError("a body has a content-length of at most 64 KiB")
        if len(self._buffer) < end + 4 + length:
            return None, True
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        keep = headers.get("connection", "").lower() != "close" and parts[2] != "HTTP/1.0"
        return Request(method=parts[0], path=parts[1].split("?", 1)[0], body=body), keep

    def _send(self, response: Response, *, keep: bool) -> None:
        if self._transport is None:
            return
        head = (
            f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(response.body)}\r\nconnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + response.body)
        if not keep:
            self._transport.close()


class Listener:
    """A TCP listener that is really open or really closed."""

    def __init__(self, address: str, port: int, handler: Handler) -> None:
        self._address, self._port, self._handler = address, port, handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    async def open(self) -> bool:
        """Accept connections from now on; False if it was open. OSError when the port is taken."""
        if self._server is not None:
            return False
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpProtocol(self._handler, self._connections), self._address, self._port, reuse_address=True
        )
        return True

    def close(self) -> bool:
        """Close the listener and every connection at once, without saying goodbye; False if it was closed."""
        if self._server is None:
            return False
        self._server.close()
        self._server = None
        for transport in list(self._connections):
            transport.abort()
        return True
