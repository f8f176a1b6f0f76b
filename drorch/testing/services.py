"""Real little servers on the loopback: applications over HTTP and authoritative name servers, all in one thread.

They answer what a test tells them to, also wrong things. Used by tests only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from drorch.estate.model import ApplicationNames, DatabaseNode, Endpoint, Estate, NameServer

SITES = {"nyc": "127.10.0.1", "piscataway": "127.20.0.1", "brindisi": "127.30.0.1", "valencia": "127.40.0.1"}
ZONE = "apps.drorch.test"
Answerer = Callable[[str, str, Mapping[str, Any]], tuple[int, object] | None]
"""Method, path and JSON body to status and JSON answer; None closes the connection without one."""


@dataclass(kw_only=True)
class FakeApplication:
    """Answers as an application at ``site`` does, with ``changes`` laid over each answer of a transaction."""

    application: str
    site: str
    data_address: str
    data_port: int = 5432
    drill: bool = False
    changes: dict[str, object] = field(default_factory=dict)
    refusal: tuple[int, object] | None = None
    canaries: list[int] = field(default_factory=list)

    def __call__(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, object] | None:
        """The application's side of the contract in docs/architecture.md."""
        path = path.removeprefix(f"/via/{self.application}")
        who = {"application": self.application, "site": self.site, "drill": self.drill}
        if (method, path) == ("GET", "/whoami"):
            return 200, {**who, **{key: value for key, value in self.changes.items() if key in who}}
        if (method, path) == ("GET", "/canary"):
            return 200, {"numbers": self.canaries}
        if self.refusal is not None:
            return self.refusal
        if (method, path) == ("POST", "/canary"):
            self.canaries.append(body["number"])
            return 200, {"number": body["number"], "acknowledged": True}
        if (method, path) == ("POST", "/transaction"):
            data = {"data_address": self.data_address, "data_port": self.data_port, "in_recovery": False}
            return 200, {**who, **data, "token": body["token"], **self.changes}
        return 404, {"error": "unknown"}


class Services:
    """A context manager: an event loop in a thread that carries listeners and two name servers."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-services")
        self._listeners: dict[tuple[str, int], asyncio.Server] = {}
        self.names: dict[str, dict[str, str]] = {"piscataway": {}, "valencia": {}}
        """Per name server: name to address."""
        self.name_servers: tuple[NameServer, ...] = ()
        self._datagrams: list[asyncio.DatagramTransport] = []

    def __enter__(self) -> Services:
        self._thread.start()
        self.name_servers = tuple(self._do(self._name_server(site)) for site in self.names)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def open(self, address: str, port: int, answerer: Answerer) -> None:
        """Listen."""
        self._listeners[address, port] = self._do(_listen(address, port, answerer))

    def close(self, address: str, port: int) -> None:
        """Stop listening; returns when nobody can connect any more."""
        self._do(_close(self._listeners.pop((address, port))))

    def point(self, name: str, site: str, *, at: str | None = None) -> None:
        """Let the name point to the site, at all name servers or at one."""
        for server in [at] if at else self.names:
            self.names[server][name] = SITES[site]

    def silence(self, site: str) -> None:
        """Kill the name server of a site."""
        index = list(self.names).index(site)
        self._loop.call_soon_threadsafe(self._datagrams[index].close)

    async def _name_server(self, site: str) -> NameServer:
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _NameServer(self.names[site]), local_addr=(SITES[site], 0)
        )
        self._datagrams.append(transport)
        return NameServer(
            site=site, endpoint=Endpoint(address=SITES[site], port=transport.get_extra_info("sockname")[1])
        )

    async def _end(self) -> None:
        for server in self._listeners.values():
            await _close(server)
        for transport in self._datagrams:
            transport.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def estate(self, applications: Mapping[str, ApplicationNames], databases: tuple[DatabaseNode, ...] = ()) -> Estate:
        """An estate in which ``applications`` are reached through these name servers."""
        return Estate(
            schema=1,
            name="test",
            zone=ZONE,
            inventory="inventory.yml",
            name_servers=self.name_servers,
            sites=SITES,
            databases=databases,
            applications=applications,
            database_name="drorch",
            database_user="drorch",
            pgpass_file="pgpass",
            ssh={},
            ansible_env={},
        )


def names_of(application: str, port: int, drill_port: int, via: str | None = None) -> ApplicationNames:
    """The names of an application as the lab gives them."""
    return ApplicationNames(
        name=f"{application}.{ZONE}",
        port=port,
        drill_name=f"{application}.drill.{ZONE}",
        drill_port=drill_port,
        via=via,
    )


def free_port(*addresses: str) -> int:
    """A TCP port that is free at every one of ``addresses``."""
    for _ in range(100):
        with socket.socket() as first:
            first.bind((addresses[0], 0))
            port = int(first.getsockname()[1])
            if all(_is_free(address, port) for address in addresses[1:]):
                return port
    raise OSError("no port is free at all addresses")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as tried, suppress(OSError):
        tried.bind((address, port))
        return True
    return False


async def _listen(address: str, port: int, answerer: Answerer) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
            length = next((int(row.split(":")[1]) for row in head.lower().split("\r\n") if "content-length" in row), 0)
            body = json.loads(await reader.readexactly(length)) if length else {}
            answer = answerer(method, path, body)
            if answer is not None:
                content = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
                writer.write(f"HTTP/1.1 {answer[0]} X\r\nContent-Length: {len(content)}\r\n".encode())
                writer.write(b"Connection: close\r\n\r\n" + content)
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, address, port)


async def _close(server: asyncio.Server) -> None:
    server.close()
    await asyncio.sleep(0)


class _NameServer(asyncio.DatagramProtocol):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        name = query.question[0].name
        address = self._names.get(name.to_text(omit_final_dot=True))
        if address is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(name, 1, "IN", "A", address))
        self._transport.sendto(answer.to_wire(), addr)
