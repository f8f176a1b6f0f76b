"""The families as they were last computed. They are computed again only when something they are made of has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

from drorch.app.metrics import MetricFacts
from drorch.core.clock import Clock
from drorch.core.errors import DrorchError
from drorch.metrics.applications import application_families
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


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The families of both pages, computed from the same facts."""

    pages: Mapping[Page, tuple[Family, ...]] = field(default_factory=lambda: MappingProxyType({}))
    seconds: float | None = None
    """What computing them took; None when they never could be."""
    checked_at: float | None = None
    """Unix time at which they were last known to be true."""
    fresh: bool = False
    """Whether the last look at the source succeeded."""
    _texts: dict[tuple[Page, bool], str] = field(default_factory=dict, compare=False, repr=False)

    def text(self, page: Page, *, openmetrics: bool) -> str:
        """A page as text, made once."""
        key = (page, openmetrics)
        if key not in self._texts:
            self._texts[key] = render(self.pages.get(page, ()), openmetrics=openmetrics)
        return self._texts[key]

    @cached_property
    def dropped(self) -> Mapping[Page, Mapping[str, int]]:
        """Label sets left out because of a cap, by page and family."""
        return {
            page: {family.declared.name: family.dropped for family in families if family.dropped}
            for page, families in self.pages.items()
        }


class Snapshots:
    """The present snapshot, for any number of threads: one computes, the others wait for it."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._fingerprint: object = None
        self._last = Snapshot()

    def current(self) -> Snapshot:
        """The snapshot as of now; the last good one, marked as not fresh, while the source cannot be read."""
        with self._lock:
            try:
                self._last = self._looked()
            except (DrorchError, OSError):
                self._fingerprint = None
                last = self._last
                self._last = Snapshot(
                    pages=last.pages, seconds=last.seconds, checked_at=last.checked_at, _texts=last._texts
                )
            return self._last

    def _looked(self) -> Snapshot:
        # The mark is taken before reading: what changes meanwhile is read next time.
        began = self._clock.now()
        mark = self._source.fingerprint()
        last = self._last
        if last.pages and last.fresh and mark == self._fingerprint:
            at = began.wall.timestamp()
            return Snapshot(pages=last.pages, seconds=last.seconds, checked_at=at, fresh=True, _texts=last._texts)
        facts = self._source.read()
        pages = {Page.FIXED: fixed_families(facts), Page.APPLICATIONS: application_families(facts)}
        self._fingerprint = mark
        ended = self._clock.now()
        return Snapshot(pages=pages, seconds=ended.since(began), checked_at=began.wall.timestamp(), fresh=True)
