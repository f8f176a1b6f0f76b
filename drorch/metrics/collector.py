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
from drorch.metrics.snapshot import Look, Page, Snapshots

REFRESH_TIME = Declared(
    name="drorch_data_refresh_timestamp_seconds",
    help="Unix time at which the figures on this endpoint were computed, or found to be still true.",
)
REFRESH_GOOD = Declared(
    name="drorch_data_refresh_successful", help="1 if the journal could be read when this page was asked for."
)
REFRESH_SECONDS = Declared(
    name="drorch_data_refresh_duration_seconds", help="Time it took to read what had changed, when something last did."
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
        look = self._snapshots.look()
        text = look.snapshot.text(page, openmetrics=wanted.openmetrics)
        text += render(self._own(page, look), openmetrics=wanted.openmetrics)
        body = (text + OPENMETRICS_END if wanted.openmetrics else text).encode()
        packed = wanted.gzip and len(body) >= SMALLEST_GZIP
        return Answer(body=compress(body) if packed else body, content_type=wanted.content_type, gzip=packed)

    def families(self, page: Page) -> tuple[Family, ...]:
        """All families of a page, as one scrape has them."""
        look = self._snapshots.look()
        return (*look.snapshot.families(page), *self._own(page, look))

    def _own(self, page: Page, look: Look) -> tuple[Family, ...]:
        """What changes with every scrape. It stands on the fixed page only."""
        dropped = look.snapshot.dropped(page)
        with self._lock:
            self._dropped.update(dropped)
            so_far = sorted(self._dropped.items())
        if page is not Page.FIXED:
            return ()
        true_at, seconds = look.true_at, look.snapshot.seconds
        return (
            REFRESH_TIME.of([((), true_at)] if true_at is not None else []),
            REFRESH_GOOD.of([((), look.fresh)]),
            REFRESH_SECONDS.of([((), seconds)] if seconds is not None else []),
            DROPPED.of(((metric,), number) for metric, number in so_far),
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
