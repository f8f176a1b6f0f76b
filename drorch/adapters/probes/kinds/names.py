"""Asks every authoritative server for one name, over one UDP socket per server.

Cheap because a question is built once per name and an answer that is byte for byte known (but for its id) is not
parsed again; both by dnspython.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import cast

import dns.exception
import dns.message

from drorch.adapters.probes.kinds.dns import address_in, make_query
from drorch.estate.model import NameServer

RETRY_AFTER_S = 0.3
"""A datagram may get lost; one more is sent after this."""
KNOWN_ANSWERS = 4096
EXPLAINED_S = 0.1
"""A server whose silence is explained (its site is lost) gets so long to answer all the same."""
Reply = tuple[str | None, str]
"""The one address, or None and why there is none."""


class NameClient:
    """Questions to all servers of a zone. Belongs to the event loop it was opened in."""

    def __init__(self, channels: Mapping[str, _Channel]) -> None:
        self._channels = channels
        self._questions: dict[str, bytes] = {}

    @classmethod
    async def open(cls, servers: Sequence[NameServer]) -> NameClient:
        """One socket per server."""
        loop = asyncio.get_running_loop()
        channels = {}
        for server in servers:
            remote = (server.endpoint.address, server.endpoint.port)
            _, channels[server.site] = await loop.create_datagram_endpoint(_Channel, remote_addr=remote)
        return cls(channels)

    def left_out(self, lost: Mapping[str, float]) -> frozenset[str]:
        """Servers of ``lost`` sites (site to when that was witnessed) that nobody has heard since."""
        return frozenset(site for site in self._channels.keys() & lost if self._channels[site].heard_at < lost[site])

    async def ask(self, name: str, timeout_s: float, *, explained: frozenset[str] = frozenset()) -> dict[str, Reply]:
        """Every server's reply, by the server's site. Never raises for what a server does.

        The servers of the sites ``explained`` are asked too, and not waited for long.
        """
        question = self._questions.get(name)
        if question is None:
            question = self._questions[name] = make_query(name).to_wire()[2:]
        asked = [
            channel.ask(question, min(timeout_s, EXPLAINED_S) if site in explained else timeout_s)
            for site, channel in self._channels.items()
        ]
        return dict(zip(self._channels, await asyncio.gather(*asked), strict=True))

    def close(self) -> None:
        """Close the sockets."""
        for channel in self._channels.values():
            channel.close()


class _Channel(asyncio.DatagramProtocol):
    """The socket to one server."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._known: dict[tuple[bytes, bytes], Reply] = {}
        self.heard_at = -math.inf
        """When anything came from there last, seconds of the monotonic clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # not its subclass before Python 3.12

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        self.heard_at = time.monotonic()
        waiting = self._waiting.get(data[:2])
        if waiting is not None and not waiting.done():
            waiting.set_result(data[2:])

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there (told by ICMP): whoever waits is sent to its second try, which ends in time."""

    async def ask(self, question: bytes, timeout_s: float) -> Reply:
        for wait_s in (min(RETRY_AFTER_S, timeout_s / 2), timeout_s - min(RETRY_AFTER_S, timeout_s / 2)):
            body = await self._once(question, wait_s)
            if body is not None:
                return self._reply(body, question)
        return None, "no answer"

    async def _once(self, question: bytes, wait_s: float) -> bytes | None:
        ident = secrets.token_bytes(2)
        while ident in self._waiting:
            ident = secrets.token_bytes(2)
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = waiting
        try:
            if self._transport is None or self._transport.is_closing():
                return None
            self._transport.sendto(ident + question)
            async with asyncio.timeout(wait_s):
                return await waiting
        except (TimeoutError, OSError):
            return None
        finally:
            del self._waiting[ident]

    def _reply(self, body: bytes, question: bytes) -> Reply:
        reply = self._known.get((question, body))
        if reply is None:
            reply = _parsed(body, question)
            if len(self._known) >= KNOWN_ANSWERS:
                self._known.clear()
            self._known[question, body] = reply
        return reply

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _parsed(body: bytes, question: bytes) -> Reply:
    """Parse an answer that lacks its id; it must be the answer to this question."""
    try:
        answer = dns.message.from_wire(b"\0\0" + body)
        asked = dns.message.from_wire(b"\0\0" + question)
    except (dns.exception.DNSException, ValueError) as error:
        return None, f"not a DNS answer: {type(error).__name__}"
    if not asked.is_response(answer):
        return None, "an answer to another question"
    return address_in(answer)
