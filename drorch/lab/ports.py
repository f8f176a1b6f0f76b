"""Free ports: whole blocks below the range the kernel hands out to clients, the same numbers on every site address.

A block is held by a guard (a listener on its first port) while the lab starts, so that two labs that start at the same
moment get different ports.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from drorch.core.errors import Broken

FIRST, LAST, BLOCK = 20_000, 32_700, 100


def _bind(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    opened = socket.socket(socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        if kind is socket.SOCK_STREAM:
            opened.listen(1)
    except OSError:
        opened.close()
        raise
    return opened


def _is_free(addresses: Iterable[str], port: int) -> bool:
    for address in addresses:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                _bind(address, port, kind).close()
            except OSError:
                return False
    return True


@contextmanager
def free_ports(count: int, addresses: tuple[str, ...], seed: int | None = None) -> Iterator[list[int]]:
    """``count`` port numbers, each free for TCP and UDP on every address, guarded until the context ends.

    Raises Broken when there are none, or when the addresses do not exist on this machine.
    """
    for address in addresses:
        try:
            _bind(address, 0, socket.SOCK_STREAM).close()
        except OSError as error:
            raise Broken(
                f"{address} cannot be used: {error.strerror}",
                next_step=f"give the loopback interface this address (macOS: ifconfig lo0 alias {address})",
            ) from error
    blocks = list(range(FIRST, LAST - BLOCK, BLOCK))
    start = random.Random(seed).randrange(len(blocks))
    found: list[int] = []
    with ExitStack() as guards:
        for base in blocks[start:] + blocks[:start]:
            with suppress(OSError):
                guard = _bind(addresses[0], base, socket.SOCK_STREAM)
                guards.callback(guard.close)
                ports = range(base + 1, base + BLOCK)
                if all(_is_free(addresses, port) for port in ports):
                    found.extend(ports)
            if len(found) >= count:
                yield found[:count]
                return
    raise Broken(
        f"no {count} free ports between {FIRST} and {LAST}", next_step="end other labs with 'drorch lab down', repeat"
    )
