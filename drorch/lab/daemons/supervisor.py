"""Speaks to the servers of the lab over their Unix sockets."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

from drorch.core.errors import Broken


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, target: str, body: object = None, *, timeout_s: float = 10) -> object:
    """The JSON answer. Broken when nobody answers within ``timeout_s`` seconds or the answer is an error."""
    connection = _UnixConnection(path, timeout_s)
    try:
        connection.request(method, target, body=None if body is None else json.dumps(body))
        response = connection.getresponse()
        data: object = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Broken(f"no answer: {error}", where=str(path), next_step="see 'drorch lab status'") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise Broken(f"{method} {target} answered {response.status}: {data}", where=str(path))
    return data
