"""One process at a time: a lock on a file of this machine. The kernel lets it go, also when the process is killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drorch.core.errors import Broken, Refused


@contextmanager
def alone(path: Path, busy: str, next_step: str) -> Iterator[None]:
    """Hold the lock. Refused with the words of ``busy`` while another process holds it, Broken without a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        what = f"the lock of a process cannot be made: {error.strerror}"
        raise Broken(what, where=str(path), next_step="free space or permissions, then repeat") from error
    with os.fdopen(descriptor, "r+b") as stream:
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(busy, where=str(path), next_step=next_step) from None
        yield
