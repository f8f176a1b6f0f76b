"""The warm parent as its user sees it: started when needed, asked over a Unix socket, given up when it does not answer.

It outlives the orchestrator, ends itself when nobody has asked for a minute, and is shared by all processes that use
the same runs folder with the same settings.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from drorch.adapters.ansible.attempt import AttemptFolder
from drorch.core.ids import content_hash, short

_START_S = 10.0
_ANSWER_S = 20.0
"""Loading Ansible takes two seconds of processor time; on a busy machine many times that in wall time."""
_LOOK_S = 0.02
QUIT = "quit"
TAKEN = b"taken\n"


@contextmanager
def socket_address(folder: Path, name: str) -> Iterator[str]:
    """A short path of the socket ``name`` in ``folder``: the kernel takes no path over 107 bytes."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)


class WarmParent:
    """Client of the warm parent for one environment. Safe for several threads."""

    def __init__(self, state: Path, environment: Mapping[str, str]) -> None:
        self._state = state
        self._environment = dict(environment)
        settings = {"python": sys.executable, "environment": self._environment}
        self._name = f"warm-{short(content_hash(settings))}"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the parent unless it is there. Does not wait until it has loaded Ansible."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
            command = [sys.executable, "-I", "-m", "drorch.adapters.ansible.warm_server", str(self._state), self._name]
            with (self._state / "warm.log").open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    env=self._environment,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def launch(self, folder: AttemptFolder) -> bool:
        """Let a worker be forked for ``folder``. False: the parent does not work, start the worker another way.

        A late answer does no harm: a worker that finds the attempt taken ends without doing anything.
        """
        try:
            with self._connected() as connection:
                connection.sendall(json.dumps(str(folder.path)).encode() + b"\n")
                return connection.recv(len(TAKEN)) == TAKEN
        except OSError:
            return False

    def close(self) -> None:
        """Ask the parent to end, and wait for it when we started it."""
        with suppress(OSError), socket_address(self._state, self._name) as address, _connect(address) as connection:
            connection.sendall(json.dumps(QUIT).encode() + b"\n")
        if self._process is not None:
            try:
                self._process.wait(timeout=_ANSWER_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
        deadline = time.monotonic() + _START_S
        with socket_address(self._state, self._name) as address:
            while True:
                try:
                    connection = _connect(address)
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    self.start()
                    time.sleep(_LOOK_S)
            with connection:
                yield connection


def _connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_ANSWER_S)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
