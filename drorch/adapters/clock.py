"""The machine's clock, and random run ids."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

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


class SystemIds(IdSource):
    """Run ids: UTC time to the second and four random hex digits, so that they sort by start."""

    def new_run_id(self) -> str:
        """For example ``20261123-115137-9f3c``."""
        return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
