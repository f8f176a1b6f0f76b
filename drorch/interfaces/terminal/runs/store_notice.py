"""What a person at the terminal of a driver is told while the event store is away."""

from __future__ import annotations

from datetime import timedelta

import typer

from drorch.app.composition import DRIVER_WAITS_S
from drorch.core.clock import Clock
from drorch.core.errors import StoreAway

AGAIN_S = 60.0
"""After so long it is said once more."""


class StoreNotice:
    """Told at each try (`core.patient.OnWait`); says it at the first one of a wait, and again now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_at: float | None = None

    def __call__(self, waited_s: float, why: str) -> None:
        """Say it, when it is new or was said long ago."""
        now = self._clock.now()
        began = now.mono - waited_s
        if self._said_at is not None and self._said_at >= began and now.mono - self._said_at < AGAIN_S:
            return
        self._said_at = now.mono
        since = now.wall - timedelta(seconds=waited_s)
        until = since + timedelta(seconds=DRIVER_WAITS_S)
        typer.echo(
            f"the event store does not answer since {since:%H:%M:%S} UTC ({why}); acts under way go on; "
            f"no new step starts; retrying until {until:%H:%M:%S} UTC",
            err=True,
        )


def still_away(away: StoreAway, run: str) -> StoreAway:
    """What a driver says that ends because the store did not come back."""
    return StoreAway(
        f"the event store did not come back within {DRIVER_WAITS_S / 60:.0f} minutes ({away.what}); "
        "this driver ends, acts under way go on",
        where=f"run {run}",
        next_step=f"when the store answers again: drorch run attach {run}",
    )
