"""The use cases of runs over fakes at the ports only: real plans, journal, driver, records, on a clock set by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from drorch.catalog.model import Catalog
from drorch.core.state_folder import WatchFolder
from drorch.estate.model import Estate
from drorch.evidence.baseline import Baseline
from drorch.evidence.model import CanaryWrite, Sample
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import Parts, RunningExecutor
from drorch.orchestration.service import Service
from drorch.plan.model import Plan
from drorch.run.events import Event
from drorch.run.journal import RunJournal
from drorch.testing.clock import HandClock
from drorch.testing.fakes import FakeExecutor, FakeObserver, MemoryInbox

WATCHED_S = 5
"""Every watch shows so many seconds of good samples, the last now."""


class WatchingOnPaper:
    """See the port `drorch.orchestration.ports.Watching`: everything answers, from its primary site."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._watched: dict[Path, tuple[Plan, Catalog]] = {}
        self._running: set[Path] = set()

    def start(self, folder: Path, *, catalog: Catalog, estate: Estate, plan: Plan, max_s: float) -> None:  # noqa: ARG002
        """See the port."""
        self._watched[folder] = plan, catalog
        self._running.add(folder)

    def running(self, folder: Path) -> bool:
        """See the port."""
        return folder in self._running

    def stop(self, folder: Path) -> None:
        """See the port."""
        self._running.discard(folder)

    def samples(self, folder: Path) -> tuple[Sample, ...]:
        """See the port."""
        return tuple(self._samples(folder))

    def canaries(self, folder: Path) -> tuple[CanaryWrite, ...]:
        """See the port."""
        return tuple(
            CanaryWrite(
                application=item.application,
                number=item.slot,
                started=item.started,
                ended=item.ended,
                acknowledged=True,
            )
            for item in self._samples(folder)
        )

    def present(self, estate: Estate, applications: Sequence[str]) -> Mapping[str, tuple[int, ...] | None]:  # noqa: ARG002
        """See the port."""
        return {application: tuple(range(WATCHED_S)) for application in applications}

    def _samples(self, folder: Path) -> Iterator[Sample]:
        if folder not in self._watched:
            return
        plan, now = self._watched[folder][0], self._clock.now()
        for slot in range(WATCHED_S):
            for scope in plan.scope:
                started = now.mono - WATCHED_S + slot
                yield Sample(
                    application=scope.application,
                    slot=slot,
                    started=started,
                    ended=started + 0.1,
                    wall=now.wall.isoformat(),
                    good=True,
                    full=True,
                    served_by=scope.from_site,
                    data_site=scope.from_site,
                    names={},
                    reason=None,
                )


class _Opened(FakeExecutor):
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is let go of."""


@dataclass
class EstateOnPaper:
    """See the port `drorch.orchestration.ports.PartsOfEstate`: one executor for all, nothing is ever different."""

    clock: HandClock
    fake: _Opened = field(init=False)
    sees: FakeObserver = field(default_factory=FakeObserver)

    def __post_init__(self) -> None:
        self.fake = _Opened(self.clock)

    def executor(self, estate: Estate) -> RunningExecutor:  # noqa: ARG002
        """See the port."""
        return self.fake

    def observer(self, estate: Estate, watch: WatchFolder, catalog: Catalog) -> FakeObserver:  # noqa: ARG002
        """See the port."""
        return self.sees

    def snapshot(self, estate: Estate, catalog: Catalog, applications: Sequence[str]) -> Baseline:  # noqa: ARG002
        """See the port."""
        return Baseline(taken=self.clock.now(), databases=(), names=(), services=())

    def silences(self, estate: Estate) -> None:  # noqa: ARG002
        """See the port: the estate names no Alertmanager."""
        return

    @contextmanager
    def protection_meter(self, estate: Estate, groups: Sequence[str], file: Path) -> Iterator[None]:  # noqa: ARG002
        """See the port."""
        yield


class _Numbered:
    def __init__(self) -> None:
        self._next = 0

    def new_run_id(self) -> str:
        """``run-1``, ``run-2``, …"""
        self._next += 1
        return f"run-{self._next}"


class PaperWorld:
    """One state folder with everything that works on it."""

    def __init__(self, home: Path, clock: HandClock, journal: RunJournal) -> None:
        self.clock, self.estate = clock, EstateOnPaper(clock)
        self.parts = Parts(
            home=home,
            clock=clock,
            ids=_Numbered(),
            journal=journal,
            inbox=MemoryInbox(journal.store),
            watching=WatchingOnPaper(clock),
        )
        self.service = Service(self.parts, self.estate)
        self.operations = Operations(self.parts, lambda _: False)

    def drive(self, run: str, on_event: Callable[[Event], None] = lambda _: None) -> None:
        """What ``drorch run attach`` does, to its end; what ``on_event`` raises is the death of the driver."""
        opened = self.service.open(run)
        if self.service.concluded(opened) is not None:
            return
        self.service.start_watch(opened)
        self.service.drive(opened, on_event)
        self.service.conclude(opened)
