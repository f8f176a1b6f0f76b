"""The plain loop: sleep to the next instant, or to the next look, on any clock. For one look, an end, and tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from drorch.core.clock import Clock
from drorch.schedules.keeper import Keeper

LOOK_EVERY_S = 10.0


def keep_until(
    keeper: Keeper,
    clock: Clock,
    until: datetime,
    *,
    look_every_s: float = LOOK_EVERY_S,
    on_look: Callable[[], None] = lambda: None,
) -> None:
    """Look at every nominal instant and every ``look_every_s`` seconds between, until ``until`` (inclusive)."""
    while True:
        on_look()
        keeper.tick()
        now = clock.now().wall
        if now >= until:
            return
        pause_s = min(look_every_s, (until - now).total_seconds())
        coming = keeper.next_time()
        if coming is not None:
            pause_s = min(pause_s, max(0.0, (coming - now).total_seconds()))
        clock.sleep(max(pause_s, 0.001))
