"""What a family of series is, with the cap on its number of series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from prometheus_client.metrics_core import Metric

PREFIX = "drorch_"
FEW = 200
"""Cap of families whose labels come from fixed lists."""
MAX_APPLICATIONS = 10_000
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class FamilyType(StrEnum):
    """As Prometheus knows them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of one series, sorted by name. One object may serve many series: its text is made once."""

    pairs: tuple[tuple[str, str], ...] = ()

    @cached_property
    def text(self) -> str:
        """``{app="umoja",kind="drill"}``; empty without labels."""
        if not self.pairs:
            return ""
        text = "{" + ",".join([f'{name}="{value}"' for name, value in self.pairs]) + "}"
        if text.count('"') == 2 * len(self.pairs) and "\\" not in text and "\n" not in text:
            return text
        return "{" + ",".join([f'{name}="{_escaped(value)}"' for name, value in self.pairs]) + "}"


class Series(NamedTuple):
    """One line of an answer."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The fixed part of a family. A counter's ``name`` is without ``_total``; ``labels`` are sorted."""

    name: str
    help: str
    type: FamilyType = FamilyType.GAUGE
    labels: tuple[str, ...] = ()
    cap: int = FEW
    """Most label sets; the rest is left out and counted."""

    def __post_init__(self) -> None:
        if not self.name.startswith(PREFIX) or not all(map(_NAME.fullmatch, (self.name, *self.labels))):
            raise ValueError(f"{self.name} is not a name for a family of drorch")
        if list(self.labels) != sorted(self.labels):
            raise ValueError(f"the labels of {self.name} are not sorted")

    def of(self, rows: Iterable[tuple[Sequence[object], float]]) -> Family:
        """The family with a series per row of label values (in the order of ``labels``) and number."""
        return self.of_labelled((self.labelled(values), value) for values, value in rows)

    def of_labelled(self, rows: Iterable[tuple[Labels, float]]) -> Family:
        """The family with a series per row of ready labels (with just the names of ``labels``) and number."""
        name = f"{self.name}_total" if self.type is FamilyType.COUNTER else self.name
        iterator = iter(rows)
        kept = tuple(Series(name, labels, float(value)) for labels, value in islice(iterator, self.cap))
        return Family(declared=self, series=kept, dropped=sum(1 for _ in iterator))

    def labelled(self, values: Sequence[object]) -> Labels:
        """Label values, in the order of ``labels``, as labels."""
        return Labels(pairs=tuple(zip(self.labels, map(str, values), strict=True)))

    def histogram(self, rows: Iterable[tuple[Sequence[object], Sequence[float]]], bounds: Sequence[float]) -> Family:
        """The family of histograms, one per row of label values and observations; ``bounds`` are upper limits."""
        iterator = iter(rows)
        kept = list(islice(iterator, self.cap))
        series = tuple(line for values, seen in kept for line in self._lines(values, seen, bounds))
        return Family(declared=self, series=series, dropped=sum(1 for _ in iterator))

    def _lines(self, values: Sequence[object], seen: Sequence[float], bounds: Sequence[float]) -> Iterable[Series]:
        labels = self.labelled(values)
        for bound in (*map(float, bounds), float("inf")):
            le = ("le", "+Inf" if bound == float("inf") else repr(bound))
            inside = float(sum(value <= bound for value in seen))
            yield Series(f"{self.name}_bucket", Labels(pairs=tuple(sorted((*labels.pairs, le)))), inside)
        yield Series(f"{self.name}_count", labels, float(len(seen)))
        yield Series(f"{self.name}_sum", labels, float(sum(seen)))


@dataclass(frozen=True, kw_only=True)
class Family:
    """Series of one name. ``dropped``: label sets left out because of the cap."""

    declared: Declared
    series: tuple[Series, ...]
    dropped: int = 0

    def as_metric(self) -> Metric:
        """The same as prometheus_client's own object."""
        metric = Metric(self.declared.name, self.declared.help, self.declared.type.value)
        for name, labels, value in self.series:
            metric.add_sample(name, dict(labels.pairs), value)
        return metric


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
