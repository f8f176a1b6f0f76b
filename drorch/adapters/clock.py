"""The machine's clock, and random run ids."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from drorch.core.clock import Clock, Instant
from drorch.core.ids import IdSource


class SystemClock(Clock):
    """Wall and monotonic time of this machine."""

    def now(self) -> Instant:
        """The present instant."""
        return Instant(mono=time.monotonic(), wall=datetime.now(UTC))

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        time.sleep(max(0.0, seconds))


BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The id of this start of the machine: monotonic readings under two of them cannot be compared.

    Where the kernel does not tell it, a name of this process alone: then nothing two processes saw is comparable.
    """
    try:
        return BOOT_ID.read_text(encoding="ascii").strip() or f"unknown-{os.getpid()}"
    except (OSError, UnicodeDecodeError):
        return f"unknown-{os.getpid()}"


class SystemIds(IdSource):
    """Run ids: UTC time to the second and four random hex digits, so that they sort by start."""

    def new_run_id(self) -> str:
        """For example ``20261123-115137-9f3c``."""
        return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
