"""The console's own socket."""

from __future__ import annotations

import asyncio
import socket

import pytest

from drorch.core.errors import Broken
from drorch.interfaces.serving.server import Place, listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_is_not_held_back_until_its_head_is_acknowledged(host: str) -> None:
    """Without this every answer to a browser that keeps its connection takes 40 ms more."""
    asyncio.run(_no_delay(host))


async def _no_delay(host: str) -> None:
    made: asyncio.Future[asyncio.BaseTransport] = asyncio.get_running_loop().create_future()

    class Taking(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(transport)

    try:
        listening = listen(Place(host=host, port=0))
    except Broken:
        if host == "::1":
            pytest.skip("NOT CHECKED: no IPv6 on this machine")
        raise
    server = await asyncio.get_running_loop().create_server(Taking, sock=listening)
    async with server:
        _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        transport = await asyncio.wait_for(made, 10)
        try:
            accepted = transport.get_extra_info("socket")
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        finally:
            writer.close()
            transport.close()
