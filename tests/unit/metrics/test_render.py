"""The bytes are those of prometheus_client's own encoders; caps hold and what they drop is counted."""

from __future__ import annotations

import gzip
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.registry import Collector, CollectorRegistry

from drorch.metrics.collector import Exposition, registry
from drorch.metrics.families import Declared, Family, FamilyType
from drorch.metrics.render import OPENMETRICS_END, SMALLEST_GZIP, compress, negotiate, render
from drorch.metrics.snapshot import Page, Snapshots

from .state import State, scraped, text_of

PROMETHEUS_ACCEPTS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


class Given(Collector):
    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return [family.as_metric() for family in self._families]


def theirs(families: list[Family], *, openmetrics: bool) -> str:
    """What prometheus_client makes of the same families."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Given(families))
    return (openmetrics_latest(made) if openmetrics else generate_latest(made)).decode()


numbers = st.floats(width=64) | st.integers(min_value=-(10**18), max_value=10**18).map(float)
rows = st.lists(st.tuples(st.tuples(st.text(max_size=20), st.text(max_size=20)), numbers), max_size=6)
helps = st.text(alphabet=st.characters(codec="utf-8"), max_size=30)


@st.composite
def families(draw: st.DrawFn) -> list[Family]:
    made = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from(FamilyType), max_size=4))):
        declared = Declared(name=f"drorch_f{index}", type=kind, labels=("a", "b"), help=draw(helps))
        if kind is FamilyType.HISTOGRAM:
            seen = [(values, [number]) for values, number in draw(rows)]
            made.append(declared.histogram(seen, (1, 2.5, 3600)))
        else:
            made.append(declared.of(draw(rows)))
    return made


@settings(deadline=None, max_examples=100)
@given(families(), st.booleans())
def test_identical_with_prometheus_client(made: list[Family], openmetrics: bool) -> None:
    mine = render(made, openmetrics=openmetrics) + (OPENMETRICS_END if openmetrics else "")
    assert mine == theirs(made, openmetrics=openmetrics)


@pytest.mark.parametrize("page", list(Page))
def test_a_recorded_run_is_identical_with_prometheus_client(recorded: State, page: Page) -> None:
    exposition = recorded.exposition()
    made = registry(exposition, page)
    assert text_of(exposition, page) == generate_latest(made).decode()
    answer = exposition.answer(page, negotiate("application/openmetrics-text; version=1.0.0", ""))
    assert answer.body == openmetrics_latest(made)
    assert answer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert len(list(openmetrics_families(answer.body.decode()))) >= 16


def test_what_the_caller_accepts() -> None:
    assert negotiate(PROMETHEUS_ACCEPTS, "gzip").openmetrics
    assert negotiate(PROMETHEUS_ACCEPTS, "deflate, gzip;q=0.5").gzip
    plain = negotiate("text/plain", "identity")
    assert (plain.openmetrics, plain.gzip) == (False, False)
    assert plain.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert not negotiate("*/*", "").openmetrics


def test_long_answers_are_compressed_and_the_same_each_time(recorded: State) -> None:
    exposition = recorded.exposition()
    packed = exposition.answer(Page.APPLICATIONS, negotiate("", "gzip"))
    whole = exposition.answer(Page.APPLICATIONS, negotiate("", ""))
    assert packed.gzip
    assert len(packed.body) < len(whole.body) / 3
    assert gzip.decompress(packed.body) == whole.body
    assert compress(whole.body) == compress(whole.body)
    assert len(whole.body) > SMALLEST_GZIP


def test_a_cap_keeps_the_first_and_counts_the_rest() -> None:
    declared = Declared(name="drorch_f", labels=("a",), help="h", cap=2)
    family = declared.of(((str(number),), number) for number in range(5))
    assert [series.value for series in family.series] == [0.0, 1.0]
    assert family.dropped == 3
    histogram = declared.histogram((((str(number),), [0.5, math.inf]) for number in range(5)), (1,))
    assert histogram.dropped == 3
    assert [series.value for series in histogram.series[:4]] == [1.0, 2.0, 2.0, math.inf]
    assert len(histogram.series) == 8


def test_dropped_series_are_counted_on_the_fixed_page(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "drorch.metrics.applications.INFO",
        Declared(
            name="drorch_app_info",
            labels=("app", "arrangement", "department", "recovery_site", "scope", "site", "tier"),
            help="h",
            cap=4,
        ),
    )
    exposition = Exposition(Snapshots(state.reader(), state.clock))
    assert scraped(exposition)("metrics_dropped_series_total", metric="drorch_app_info") is None
    kept = [line for line in text_of(exposition, Page.APPLICATIONS).splitlines() if line.startswith("drorch_app_info")]
    assert [line.split('"')[1] for line in kept] == ["directory", "mobile-office", "umoja", "mail"]
    assert scraped(exposition)("metrics_dropped_series_total", metric="drorch_app_info") == 4


def test_names_are_kept_in_order() -> None:
    with pytest.raises(ValueError, match="not a name"):
        Declared(name="dr_f", help="h")
    with pytest.raises(ValueError, match="not sorted"):
        Declared(name="drorch_f", labels=("b", "a"), help="h")
