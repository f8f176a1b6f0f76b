"""The families as they were last computed. They are computed again only when something they are made of has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from drorch.core.clock import Clock
from drorch.core.errors import DrorchError
from drorch.metrics.applications import application_families
from drorch.metrics.facts import MetricFacts
from drorch.metrics.families import Family
from drorch.metrics.fixed import fixed_families
from drorch.metrics.render import render


class Page(StrEnum):
    """What can be scraped."""

    FIXED = "/metrics"
    APPLICATIONS = "/metrics/applications"


class Source(Protocol):
    """Where the facts come from."""

    def fingerprint(self) -> object:
        """Changes whenever :meth:`read` would say something new; much cheaper than reading."""
        ...

    def read(self) -> MetricFacts:
        """The facts as they stand. DrorchError when they cannot be had."""
        ...


class Snapshot:
    """The facts of one moment with the pages made of them. A page is computed when first asked for, and only once."""

    def __init__(self, facts: MetricFacts | None = None, seconds: float | None = None) -> None:
        self.seconds = seconds
        """What reading the facts took; None when they never could be read."""
        self._facts = facts
        self._lock = threading.Lock()
        self._families: dict[Page, tuple[Family, ...]] = {}
        self._texts: dict[tuple[Page, bool], str] = {}

    def families(self, page: Page) -> tuple[Family, ...]:
        """The families of a page; none when the facts were never read."""
        with self._lock:
            return self._computed(page)

    def text(self, page: Page, *, openmetrics: bool) -> str:
        """A page as text."""
        key = (page, openmetrics)
        with self._lock:
            if key not in self._texts:
                self._texts[key] = render(self._computed(page), openmetrics=openmetrics)
            return self._texts[key]

    def dropped(self, page: Page) -> Mapping[str, int]:
        """Label sets of a page left out because of a cap, by family."""
        return {family.declared.name: family.dropped for family in self.families(page) if family.dropped}

    def _computed(self, page: Page) -> tuple[Family, ...]:
        if self._facts is not None and page not in self._families:
            make = fixed_families if page is Page.FIXED else application_families
            self._families[page] = make(self._facts)
        return self._families.get(page, ())


@dataclass(frozen=True, kw_only=True)
class Look:
    """A snapshot, and whether it is still true."""

    snapshot: Snapshot
    true_at: float | None
    """Unix time at which it was last known to be true."""
    fresh: bool
    """Whether the source could be looked at now."""


class Snapshots:
    """The present snapshot, for any number of threads: one reads, the others wait for it."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._fingerprint: object = None
        self._last = Look(snapshot=Snapshot(), true_at=None, fresh=False)

    def look(self) -> Look:
        """The snapshot as of now; the last good one, not fresh, while the source cannot be read."""
        with self._lock:
            try:
                self._last = self._looked()
            except (DrorchError, OSError):
                self._last = replace(self._last, fresh=False)
            return self._last

    def _looked(self) -> Look:
        # The mark is taken before reading: what changes meanwhile is read next time.
        began = self._clock.now()
        mark = self._source.fingerprint()
        if self._last.fresh and mark == self._fingerprint:
            return replace(self._last, true_at=began.wall.timestamp())
        facts = self._source.read()
        self._fingerprint = mark
        snapshot = Snapshot(facts, self._clock.now().since(began))
        return Look(snapshot=snapshot, true_at=began.wall.timestamp(), fresh=True)
