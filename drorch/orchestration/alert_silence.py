"""Silence alerts about applications that a planned run moves, from its first act to its end, and not longer.

Only a switchover and a failback take services away on purpose. A drill leaves production alone and a failover is the
very thing people have to hear of: neither is ever silenced. A silence has an end of its own, so that a driver that is
killed cannot leave one for long; that it cannot be arranged never keeps a run from going on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from drorch.core.clock import Clock
from drorch.core.errors import DrorchError
from drorch.orchestration.ports import Silences
from drorch.plan.model import Kind
from drorch.run.events import Event, RunEnded, RunStarted, StepStarted, UndoStarted
from drorch.run.state import RunState

LOG = logging.getLogger(__name__)
SILENCED = frozenset({Kind.SWITCHOVER, Kind.FAILBACK})
LASTS = timedelta(minutes=15)
"""Longest silence that a killed driver leaves."""
RENEWED_EVERY_S = 300.0


class _Silence:
    """The silence of one run."""

    def __init__(self, silences: Silences, clock: Clock, run: str, state: RunState) -> None:
        self._silences, self._clock = silences, clock
        self._mark = f"drorch {run}"
        self._applications = sorted(scope.application for scope in state.plan.scope)
        created = state.head.created
        self._why = f"{state.plan.kind} {run}" + (f", operator {created.operator}" if created else "")
        self._over = threading.Event()
        self._renewing: threading.Thread | None = None

    def begin(self) -> None:
        """Before the first act, and again and again until `leave`. Harmless when it has begun."""
        if self._renewing is not None:
            return
        self._ensure()
        self._over.clear()
        self._renewing = threading.Thread(target=self._renew, name="silence", daemon=True)
        self._renewing.start()

    def leave(self) -> None:
        """Renew it no more. What stands ends by itself."""
        self._over.set()
        if self._renewing is not None:
            self._renewing.join()
            self._renewing = None

    def lift(self) -> None:
        """People are called again from now on."""
        self.leave()
        self._try(lambda: self._silences.lift(self._mark))

    def _renew(self) -> None:
        while not self._over.wait(RENEWED_EVERY_S):
            self._ensure()

    def _ensure(self) -> None:
        now = self._clock.now().wall
        self._try(
            lambda: self._silences.ensure(self._mark, self._applications, starts=now, until=now + LASTS, why=self._why)
        )

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except DrorchError as error:
            LOG.warning("%s: alerts could not be silenced or called back: %s", self._mark, error)


@contextmanager
def quiet(
    silences: Silences | None, clock: Clock, run: str, state: RunState, on_event: Callable[[Event], None]
) -> Iterator[Callable[[Event], None]]:
    """Silence the run's applications while it moves them. The callable has to see every event once it is durable."""
    if silences is None or state.plan.kind not in SILENCED:
        yield on_event
        return
    silence = _Silence(silences, clock, run, state)

    def see(event: Event) -> None:
        if isinstance(
            event.body, RunStarted | StepStarted | UndoStarted
        ):  # a decision may take up a run that had ended
            silence.begin()
        elif isinstance(event.body, RunEnded):
            silence.lift()
        on_event(event)

    if state.head.started_at is not None and state.ended is None:
        silence.begin()
    try:
        yield see
    finally:
        silence.leave()
