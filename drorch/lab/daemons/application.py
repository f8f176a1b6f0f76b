"""One instance of an application at a site: a listener, its data, and a heartbeat."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from drorch.lab.daemons.data import ApplicationData, DataError
from drorch.lab.daemons.http_server import Listener, Request, Response, answer, refusal
from drorch.lab.topology import SITE_ADDRESSES, LabApplication, Topology
from drorch.lab.truth import TruthLog

BEAT_S = 1.0
RETRY_S = 0.05
FIRST_WRITE_S = 1.5
FORWARD_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Started:
    """The answer to a start or stop request."""

    changed: bool
    state: str
    writable: bool


class Instance:
    """The application at one site; ``drill`` for the isolated copy beside it."""

    def __init__(
        self, *, topology: Topology, application: LabApplication, site: str, drill: bool, truth: TruthLog
    ) -> None:
        self.application = application
        self.site = site
        self.drill = drill
        self.stuck = False
        self._topology = topology
        self._truth = truth
        node = topology.node(application.group, site)
        self.data = ApplicationData(
            schema=application.schema,
            pgpass_file=str(topology.pgpass_file),
            application_name=f"{application.id}@{site}",
            address=node.address,
            port=node.drill_port if drill else node.port,
        )
        port = application.drill_port if drill else application.port
        self._listener = Listener(SITE_ADDRESSES[site], port, self._handle)
        self._alive: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._doubt = asyncio.Event()

    @property
    def state(self) -> str:
        """``started`` or ``stopped``."""
        return "started" if self._listener.is_open else "stopped"

    async def start(self) -> Started:
        """Open the listener and try a write. OSError when the port is taken."""
        changed = await self._listener.open()
        if changed:
            self._log("app-listening")
            self._writable.clear()
            self._alive = asyncio.create_task(self._live())
        else:
            self._doubt.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._writable.wait(), FIRST_WRITE_S)
        return Started(changed=changed, state=self.state, writable=self._writable.is_set())

    async def stop(self, *, killed: bool = False) -> Started:
        """Close the listener, every connection and the way to the data."""
        changed = self._listener.close()
        if changed:
            self._log("app-killed" if killed else "app-closed")
        if self._alive is not None:
            self._alive.cancel()
            with suppress(asyncio.CancelledError):
                await self._alive
            self._alive = None
        self._writable.clear()
        await self.data.close()
        return Started(changed=changed, state=self.state, writable=False)

    async def _live(self) -> None:
        """Write to the schema about once a second; as soon as possible after a failure."""
        while True:
            try:
                address = await self.data.beat(self.site)
            except DataError as error:
                if self._writable.is_set():
                    self._writable.clear()
                    self._log("app-unwritable", detail=error.kind)
                await asyncio.sleep(RETRY_S)
                continue
            if not self._writable.is_set():
                self._writable.set()
                self._log("app-writable", data_address=address)
            self._doubt.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), BEAT_S)

    def _log(self, what: str, **facts: str | int) -> None:
        self._truth.write(what, mono=None, application=self.application.id, drill=self.drill, **facts)

    def _handle(self, request: Request) -> Response | asyncio.Future[Response]:
        if request.path == "/whoami" and request.method == "GET":
            return answer({"application": self.application.id, "site": self.site, "drill": self.drill})
        return asyncio.ensure_future(self._handle_slowly(request))

    async def _handle_slowly(self, request: Request) -> Response:
        try:
            match request.method, request.path:
                case "POST", "/transaction":
                    return await self._transact(str(request.json().get("token", "")))
                case "POST", "/canary":
                    return await self._write_canary(int(str(request.json().get("number"))))
                case "GET", "/canary":
                    return answer({"numbers": await self.data.canaries()})
                case _, path if path.startswith("/via/"):
                    return await self._forward(request)
                case _:
                    return refusal(404, "unknown", f"{request.method} {request.path}")
        except DataError as error:
            self._doubt.set()
            return refusal(503, error.kind, str(error))

    async def _transact(self, token: str) -> Response:
        proof = await self.data.transact(token)
        return answer(
            {
                "application": self.application.id,
                "site": self.site,
                "drill": self.drill,
                "token": token,
                "data_address": proof.address,
                "data_port": proof.port,
                "in_recovery": proof.in_recovery,
            }
        )

    async def _write_canary(self, number: int) -> Response:
        await self.data.write_canary(number)
        self._log("canary-committed", number=number)
        return answer({"number": number, "acknowledged": True})

    async def _forward(self, request: Request) -> Response:
        """What a remote desktop does: from this gateway to the application, whose own site serves it."""
        target_id, _, rest = request.path.removeprefix("/via/").partition("/")
        target = self._topology.by_id.get(target_id)
        if target is None or target.via != self.application.id:
            return refusal(404, "unknown", f"{target_id} is not reached through {self.application.id}")
        try:
            async with asyncio.timeout(FORWARD_S):
                return await _ask(SITE_ADDRESSES[target.sites[0]], target.port, request, "/" + rest)
        except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError) as error:
            return refusal(504, "unreachable", f"{target_id}: {error or type(error).__name__}")


async def _ask(address: str, port: int, request: Request, path: str) -> Response:
    """Pass a request on over a connection of its own."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        head = f"{request.method} {path} HTTP/1.1\r\ncontent-length: {len(request.body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode("latin-1") + request.body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        return Response(status=status, body=await reader.read())
    finally:
        writer.close()
