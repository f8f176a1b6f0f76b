"""Ports the use cases need besides those of a run (`drorch.run.ports`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.ids import IdSource
from drorch.core.patient import Wait
from drorch.core.state_folder import WatchFolder
from drorch.estate.model import Estate
from drorch.evidence.baseline import Baseline
from drorch.evidence.model import CanaryWrite, Sample
from drorch.plan.model import Plan
from drorch.run.ports import Executor, Journal, Observer, OperatorInbox


class Watching(Protocol):
    """Starts, reads and stops watcher processes. They outlive this process."""

    def start(self, folder: Path, *, catalog: Catalog, estate: Estate, plan: Plan, max_s: float) -> None:
        """Start a watcher over the plan's applications. Starting one that runs does nothing."""
        ...

    def running(self, folder: Path) -> bool:
        """Whether its process lives."""
        ...

    def stop(self, folder: Path) -> None:
        """End it and wait until its files are complete."""
        ...

    def samples(self, folder: Path) -> tuple[Sample, ...]:
        """All samples so far, in the order they were written."""
        ...

    def canaries(self, folder: Path) -> tuple[CanaryWrite, ...]:
        """All canary writes so far."""
        ...

    def present(self, estate: Estate, applications: Sequence[str]) -> Mapping[str, tuple[int, ...] | None]:
        """Canary numbers each application holds now, duplicates kept; None where it could not be asked."""
        ...


class DriverProcesses(Protocol):
    """Drivers of runs as processes of their own, which outlive whoever started them (a scheduler, the web console).

    The journal decides who drives: a second driver of a run, however it came about, ends without acting.
    """

    def start(self, home: Path, run: str) -> bool:
        """Let a detached process do what ``drorch run attach RUN`` does, over the state folder ``home``.

        False, with nothing started, when one that was started here lives. Broken when none can be started.
        """
        ...

    def alive(self, home: Path, run: str) -> bool:
        """Whether a driver that was started by this port, by any process of this machine, lives."""
        ...

    def leave(self, home: Path, run: str) -> None:
        """The calling process drives the run no more, though it may live on for a moment: another one may be started.

        To be called before the last look for what people asked: who asks later then finds no driver, and starts one.
        """
        ...

    def enter(self, home: Path, run: str) -> bool:
        """The calling process goes on driving, after all; False when another one was started meanwhile."""
        ...

    def said(self, home: Path, run: str) -> str:
        """The end of what its drivers wrote (at most some lines), for people; empty when nothing was."""
        ...


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything a use case needs, put together by the composition."""

    home: Path
    clock: Clock
    ids: IdSource
    journal: Journal
    inbox: OperatorInbox
    watching: Watching
    waits: Callable[[], Sequence[Wait]] = tuple
    """What a driver waited for the store since it was asked last, for the record."""
    boot: str = ""
    """This start of the machine (`evidence.boots`); empty: not known."""


class Silences(Protocol):
    """Keeps people from being called for what a planned run does. Methods raise Broken when that cannot be arranged."""

    def ensure(self, mark: str, applications: Sequence[str], *, starts: datetime, until: datetime, why: str) -> None:
        """See to it that alerts of these applications are silent until ``until``.

        ``mark`` names the run: asked again with the same mark and applications the silence is prolonged, never doubled,
        also by another process. Alerts of drorch itself are never silenced.
        """
        ...

    def lift(self, mark: str) -> int:
        """End every silence of this mark; how many there were."""
        ...


class RunningExecutor(Executor, Protocol):
    """An executor that is opened for a while; leaving it ends no playbook."""

    def __enter__(self) -> Self:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of what only this process needs."""
        ...


class PartsOfEstate(Protocol):
    """Adapters that need to know where things answer."""

    def executor(self, estate: Estate) -> RunningExecutor:
        """Runs playbooks against the estate's inventory."""
        ...

    def observer(self, estate: Estate, watch: WatchFolder, catalog: Catalog) -> Observer:
        """Looks at the estate's services, with the samples of a watch."""
        ...

    def snapshot(self, estate: Estate, catalog: Catalog, applications: Sequence[str]) -> Baseline:
        """What stands where at this moment. Never raises for what it observes."""
        ...

    def protection_meter(self, estate: Estate, groups: Sequence[str], file: Path) -> AbstractContextManager[object]:
        """Appends a look at the protection of each group to ``file`` every second, until it is left."""
        ...

    def silences(self, estate: Estate) -> Silences | None:
        """Where planned runs are silenced; None where the estate names nothing."""
        ...
