"""One process at a time: a lock that the kernel lets go when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drorch.core.errors import Broken, Refused


@contextmanager
def process_lock(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Whether this process holds the lock of the file ``path`` inside. ``wait``: until whoever holds it lets go.

    Broken when the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        what, next_step = f"the lock cannot be made: {error.strerror}", "free space or permissions, then repeat"
        raise Broken(what, where=str(path), next_step=next_step) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def alone(path: Path, busy: str, next_step: str) -> Iterator[None]:
    """Hold the lock. Refused with the words of ``busy`` while another process holds it."""
    with process_lock(path) as mine:
        if not mine:
            raise Refused(busy, where=str(path), next_step=next_step)
        yield
