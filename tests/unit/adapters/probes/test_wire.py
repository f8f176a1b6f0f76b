"""The cheap HTTP client reads whole answers, however they are cut, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.adapters.probes.kinds.wire import Answer, WireError, exchange, parse, request_bytes

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 4\r\n\r\nbody"


@settings(deadline=None, max_examples=60)
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
def test_a_part_is_no_answer_yet_and_broken_off_at_the_end(cut: int) -> None:
    assert parse(WHOLE[:cut], at_end=False) is None
    with pytest.raises(WireError):
        parse(WHOLE[:cut], at_end=True)


def test_a_whole_answer_is_read_and_what_follows_is_not() -> None:
    assert parse(WHOLE + b"more", at_end=False) == Answer(status=200, body=b"body")


def test_without_a_length_the_end_ends_the_body() -> None:
    text = b"HTTP/1.0 503 No\r\n\r\nsorry"
    assert parse(text, at_end=False) is None
    assert parse(text, at_end=True) == Answer(status=503, body=b"sorry")


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 xyz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 1_000_001,
    ],
)
def test_what_is_not_our_http_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        parse(text, at_end=False)


def test_a_request_asks_for_its_end_and_counts_its_body() -> None:
    request = request_bytes("POST", "/x", "mail.test", b"{}")
    assert request.startswith(b"POST /x HTTP/1.1\r\nHost: mail.test\r\nConnection: close\r\n")
    assert b"Content-Length: 2\r\n\r\n{}" in request


def test_a_server_that_hangs_is_given_up_in_time() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def talk() -> None:
        async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
            with pytest.raises(TimeoutError):
                await exchange("127.0.0.1", server.sockets[0].getsockname()[1], b"GET / HTTP/1.1\r\n\r\n", 0.05)

    asyncio.run(talk())
