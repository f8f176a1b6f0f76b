"""Thinning a growing list of samples: every change and its neighbours stay, the long same stretches between them go.

For watching a run while it goes on. A record is measured from all samples; what is counted (samples, gaps) is not
counted from a thinned list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from drorch.evidence.model import Sample

HEAD = 12
"""Samples kept at the beginning of a stretch: enough to tell whether an interruption was over (`outage.SETTLED`)."""


@dataclass(kw_only=True)
class _Stretch:
    look: object = None
    head: int = 0
    latest: dict[bool, Sample] = field(default_factory=dict)
    """The last full and the last plain sample, not yet kept for good."""


class ThinSamples:
    """Takes samples as they are written; gives those that `outage.measure` needs for the same brackets."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bool], list[Sample]] = {}
        self._stretches: dict[tuple[str, bool], _Stretch] = {}

    def take(self, samples: Iterable[Sample]) -> None:
        """Add samples, each application's in the order of their start."""
        for sample in samples:
            key = (sample.application, sample.drill)
            stretch = self._stretches.setdefault(key, _Stretch())
            kept = self._kept.setdefault(key, [])
            look = (sample.good, sample.served_by, sample.reason)
            if look != stretch.look:
                kept += sorted(stretch.latest.values(), key=lambda item: item.started)
                stretch.look, stretch.head, stretch.latest = look, 0, {}
            if stretch.head < HEAD:
                stretch.head += 1
                kept.append(sample)
            else:
                stretch.latest[sample.full] = sample

    def samples(self) -> tuple[Sample, ...]:
        """What is kept, of all applications, each application's by start."""
        found: list[Sample] = []
        for key, kept in self._kept.items():
            found += kept
            found += sorted(self._stretches[key].latest.values(), key=lambda item: item.started)
        return tuple(found)

    def latest(self) -> dict[str, Sample]:
        """The last sample of each application in production, by its end."""
        found: dict[str, Sample] = {}
        for (application, drill), kept in self._kept.items():
            own = [*kept[-1:], *self._stretches[application, drill].latest.values()]
            if own and not drill:
                found[application] = max(own, key=lambda item: item.ended)
        return found
