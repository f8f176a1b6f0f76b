"""A state folder as drorch leaves it, and what is read from its metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from prometheus_client.parser import text_string_to_metric_families

from drorch.adapters.store.events import SqlStore
from drorch.core.files import write_whole
from drorch.core.state_folder import RunFolder, run_folder
from drorch.metrics.collector import Exposition
from drorch.metrics.facts import MetricsReader
from drorch.metrics.render import negotiate
from drorch.metrics.snapshot import Page, Snapshots
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Plan
from drorch.run.events import Event
from drorch.run.journal import RunJournal
from drorch.run.ports import Journal
from drorch.testing.builders import catalog_text
from drorch.testing.clock import HandClock
from drorch.testing.evidence import recorded_run
from drorch.testing.fakes import MemoryInbox
from drorch.testing.runs import RUN

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class CountingJournal(Journal):
    """The real journal, counting how often it is read."""

    def __init__(self, inner: Journal) -> None:
        self._inner = inner
        self.reads = 0

    def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        return self._inner.append(events)

    def verify_place(self) -> None:
        self._inner.verify_place()

    def read(self, run: str, after: int = 0) -> tuple[Event, ...]:
        self.reads += 1
        return self._inner.read(run, after)

    def first(self, run: str) -> Event | None:
        self.reads += 1
        return self._inner.first(run)

    def runs(self) -> tuple[str, ...]:
        self.reads += 1
        return self._inner.runs()


@dataclass(kw_only=True)
class State(AbstractContextManager["State"]):
    """``with State(home=folder) as state``: a journal, an inbox and a catalog below ``home``."""

    home: Path
    alive: bool = True
    """Whether the drivers of runs live."""
    clock: HandClock = field(default_factory=HandClock)

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        self.store = SqlStore(self.home / "store.sqlite")
        self.sql, self.inbox = RunJournal(self.store), MemoryInbox(self.store)
        self.journal = CountingJournal(self.sql)
        self.catalog = self.home / "app_catalog.yaml"
        self.catalog.write_text(catalog_text(), encoding="utf-8")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def record(self) -> RunFolder:
        """A whole failover of New York with its report."""
        return recorded_run(self.home, self.sql)

    def keep_plan(self, plan: Plan) -> None:
        """What a run leaves in its folder before it starts."""
        write_whole(run_folder(self.home, RUN, must_exist=False).plan, plan_to_text(plan))

    def reader(self) -> MetricsReader:
        """As a freshly started process has it."""
        return MetricsReader(
            home=self.home,
            store=self.store,
            catalog_file=self.catalog,
            journal=self.journal,
            database=str(self.home / "store.sqlite"),
            inbox=self.inbox,
            clock=self.clock,
            drives=lambda host, pid: self.alive,
        )

    def exposition(self) -> Exposition:
        """As a freshly started process has it."""
        return Exposition(Snapshots(self.reader(), self.clock))


def text_of(exposition: Exposition, page: Page) -> str:
    """A page in Prometheus' own text format."""
    return exposition.answer(page, negotiate("", "")).body.decode()


def values_of(text: str) -> Values:
    """Every series of a page by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(exposition: Exposition) -> Callable[..., float | None]:
    """Both pages; call the answer with a name and labels for the value, None when the series is absent."""
    found = values_of(text_of(exposition, Page.FIXED)) | values_of(text_of(exposition, Page.APPLICATIONS))
    return lambda name, **labels: found.get((f"drorch_{name}", tuple(sorted(labels.items()))))
