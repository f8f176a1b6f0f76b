"""How fast 100,000 series become an answer, beside prometheus_client's own way in the same run; the bytes are the same.

.venv/bin/python tests/bench/bench_metrics.py [series]
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.registry import Collector, CollectorRegistry

from drorch.metrics.families import Declared, Family, Labels
from drorch.metrics.render import OPENMETRICS_END, compress, render

FAMILIES = 10
ROUNDS = 7
RUNS = 500
"""Applications of one run share the moment of its end."""


class Given(Collector):
    """Metrics made beforehand: only the encoding is timed."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """See prometheus_client."""
        return self._metrics


def families_of(series: int) -> list[Family]:
    """Families as the page with a series per application has them: targets, measurements and times."""
    per_family = series // FAMILIES
    labels = [Labels(pairs=(("app", f"application-{app}"),)) for app in range(per_family)]
    made = []
    for index in range(FAMILIES):
        declared = Declared(name=f"drorch_app_bench{index}_seconds", labels=("app",), help="A bench.", cap=per_family)
        value = (
            (lambda app, at=index: 1.7e9 + app % RUNS + at / 8)
            if index % 2
            else (lambda app, at=index: app * 0.25 + at)
        )
        made.append(declared.of_labelled((labels[app], value(app)) for app in range(per_family)))
    return made


def best(act: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> float:
    """CPU seconds of the fastest round, so that other processes do not count; ``prepare`` is not timed."""
    times = []
    for _ in range(ROUNDS):
        prepare()
        gc.collect()
        began = time.process_time()
        act()
        times.append(time.process_time() - began)
    return min(times)


def main(series: int) -> None:
    """Encode the same families both ways in both formats; print seconds and ratios."""
    families = families_of(series)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Given([family.as_metric() for family in families]))

    def forget() -> None:
        """Labels keep their text: without this only the first round would make it."""
        for family in families:
            for line in family.series:
                line.labels.__dict__.pop("text", None)

    for name, openmetrics, their_way in (
        ("text", False, lambda: generate_latest(registry)),
        ("OpenMetrics", True, lambda: openmetrics_latest(registry)),
    ):
        theirs = best(their_way)
        mine = best(lambda wanted=openmetrics: render(families, openmetrics=wanted).encode(), forget)
        again = best(lambda wanted=openmetrics: render(families, openmetrics=wanted).encode())
        body = (render(families, openmetrics=openmetrics) + (OPENMETRICS_END if openmetrics else "")).encode()
        same = body == their_way()
        print(
            f"{name}: {series} series, {len(body) / 1e6:.1f} MB: prometheus_client {theirs:.3f} s, drorch {mine:.3f} s "
            f"({theirs / mine:.1f} times as fast; {again:.3f} s with known labels), identical: {same}"
        )
        if not same:
            sys.exit("the bytes differ")
        packed = best(lambda whole=body: compress(whole))
        print(f"{name}: gzip {packed:.3f} s, {len(compress(body)) / 1e6:.2f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
