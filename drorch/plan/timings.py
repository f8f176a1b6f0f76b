"""How long each kind of step may take and is expected to take, in seconds.

Expectations are for a standby that is up to date; they order the ready steps and give the critical path. Limits are
generous: a limit that is hit makes a step fail, and on a bad day everything is slower.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """``timeout_s``: when the step counts as failed. ``estimate_s``: how long it is expected to take."""

    timeout_s: float
    estimate_s: float


WITNESS = Timing(timeout_s=60, estimate_s=2)
NAMES = Timing(timeout_s=30, estimate_s=1)
REPLICATION = Timing(timeout_s=60, estimate_s=1)
READY = Timing(timeout_s=60, estimate_s=2)
FENCE = Timing(timeout_s=90, estimate_s=2)
RECOVER = Timing(timeout_s=120, estimate_s=3)
HANDOVER = Timing(timeout_s=180, estimate_s=5)
RETURN = Timing(timeout_s=600, estimate_s=8)
DRILL_COPY = Timing(timeout_s=300, estimate_s=5)
DRILL_CLEAN_UP = Timing(timeout_s=120, estimate_s=2)
START = Timing(timeout_s=90, estimate_s=2)
STOP = Timing(timeout_s=60, estimate_s=1)
VALIDATE = Timing(timeout_s=60, estimate_s=1)

MANUAL_S = 12 * 3600.0
"""When what a person has to do by hand counts as failed where the catalog gives no deadline: no wait is for ever."""

LARGEST_LAG_S = 10.0
"""A standby further behind than this is not handed over to, whatever the recovery point objective allows."""
SMALLEST_LAG_S = 1.0
"""Below this, the measurement of the lag itself is what is measured."""
