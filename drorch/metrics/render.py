"""Families as bytes, the same bytes as prometheus_client's encoders make of them, in a fraction of the time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.utils import floatToGoString

from drorch.metrics.families import Family, FamilyType

_as_prometheus: Callable[[float], str] = floatToGoString
OPENMETRICS_END = "# EOF\n"
_LONG = 7
"""Where the point stands in numbers that are written with an exponent."""
SMALLEST_GZIP = 1024
"""Bytes; shorter answers are not worth compressing."""


@dataclass(frozen=True, kw_only=True)
class Negotiated:
    """What the caller accepts."""

    openmetrics: bool
    gzip: bool
    content_type: str


def negotiate(accept: str, accept_encoding: str) -> Negotiated:
    """From the headers ``Accept`` and ``Accept-Encoding``, as prometheus_client does it."""
    content_type = choose_encoder(accept)[1]
    return Negotiated(
        openmetrics=content_type.startswith("application/openmetrics-text"),
        gzip=gzip_accepted(accept_encoding),
        content_type=content_type,
    )


def render(families: Iterable[Family], *, openmetrics: bool) -> str:
    """The families in the OpenMetrics format without its end mark (`OPENMETRICS_END`), or in Prometheus' own."""
    parts: list[str] = []
    rare: dict[float, str] = {}
    for family in families:
        parts += _head(family, openmetrics=openmetrics)
        # Up to six digits before the point are written as Python does it; looking costs less than asking for each.
        parts += [
            f"{name}{labels.text} {text if 0 < text.find('.') < _LONG else rare.get(value) or _rare(value, rare)}\n"
            for name, labels, value in family.series
            if (text := repr(value))
        ]
    return "".join(parts)


def compress(body: bytes) -> bytes:
    """Gzip, the same bytes each time. Level 1: repeated names compress well and a scrape must not wait."""
    return gzip.compress(body, compresslevel=1, mtime=0)


def _rare(value: float, known: dict[float, str]) -> str:
    """Large numbers (moments, mostly: many series share one), infinities and what is not a number."""
    known[value] = _as_prometheus(value)
    return known[value]


def _head(family: Family, *, openmetrics: bool) -> Iterator[str]:
    declared = family.declared
    name, text = declared.name, declared.help.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        text = text.replace('"', r"\"")
    elif declared.type is FamilyType.COUNTER:
        name += "_total"
    yield f"# HELP {name} {text}\n# TYPE {name} {declared.type.value}\n"
