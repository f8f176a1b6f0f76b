"""The collector: a page as an answer to a scrape, or as prometheus_client's objects in a registry of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from drorch.metrics.families import Declared, Family, FamilyType
from drorch.metrics.render import OPENMETRICS_END, SMALLEST_GZIP, Negotiated, compress, render
from drorch.metrics.snapshot import Page, Snapshot, Snapshots

REFRESH_TIME = Declared(
    name="drorch_data_refresh_timestamp_seconds",
    help="Unix time at which the figures on this endpoint were computed, or found to be still true.",
)
REFRESH_GOOD = Declared(
    name="drorch_data_refresh_successful", help="1 if the journal could be read when this page was asked for."
)
REFRESH_SECONDS = Declared(
    name="drorch_data_refresh_duration_seconds", help="Time it took to compute the figures when they last changed."
)
DROPPED = Declared(
    name="drorch_metrics_dropped_series",
    type=FamilyType.COUNTER,
    labels=("metric",),
    help="Series left out of answers of this process because a cardinality cap was reached.",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The body of a scrape and the headers that describe it."""

    body: bytes
    content_type: str
    gzip: bool


class Exposition:
    """Answers scrapes from the present snapshot. For any number of threads."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._dropped: Counter[str] = Counter()

    def answer(self, page: Page, wanted: Negotiated) -> Answer:
        """A page in the form the caller accepts."""
        snapshot = self._snapshots.current()
        text = snapshot.text(page, openmetrics=wanted.openmetrics)
        text += render(self._own(page, snapshot), openmetrics=wanted.openmetrics)
        body = (text + OPENMETRICS_END if wanted.openmetrics else text).encode()
        packed = wanted.gzip and len(body) >= SMALLEST_GZIP
        return Answer(body=compress(body) if packed else body, content_type=wanted.content_type, gzip=packed)

    def families(self, page: Page) -> tuple[Family, ...]:
        """All families of a page, as one scrape has them."""
        snapshot = self._snapshots.current()
        return (*snapshot.pages.get(page, ()), *self._own(page, snapshot))

    def _own(self, page: Page, snapshot: Snapshot) -> tuple[Family, ...]:
        """What changes with every scrape. It stands on the fixed page only."""
        with self._lock:
            self._dropped.update(snapshot.dropped.get(page, {}))
            dropped = sorted(self._dropped.items())
        if page is not Page.FIXED:
            return ()
        checked, seconds = snapshot.checked_at, snapshot.seconds
        return (
            REFRESH_TIME.of([((), checked)] if checked is not None else []),
            REFRESH_GOOD.of([((), snapshot.fresh)]),
            REFRESH_SECONDS.of([((), seconds)] if seconds is not None else []),
            DROPPED.of(((metric,), number) for metric, number in dropped),
        )


class DrorchCollector(Collector):
    """The families of some pages for prometheus_client, which can push them or serve them beside others."""

    def __init__(self, exposition: Exposition, *pages: Page) -> None:
        self._exposition = exposition
        self._pages = pages or tuple(Page)

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        for page in self._pages:
            for family in self._exposition.families(page):
                yield family.as_metric()

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not compute the families."""
        return iter(())


def registry(exposition: Exposition, *pages: Page) -> CollectorRegistry:
    """A registry of its own with these pages (all when none is named); never the global one."""
    made = CollectorRegistry(auto_describe=False)
    made.register(DrorchCollector(exposition, *pages))
    return made
