"""Was every protection group protected all the time? From one look a second to the stretches without protection. Pure.

Protected means: a primary answers, a standby of it receives at this moment, and both say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from drorch.core.codec import LEFT_OUT, MICROSECONDS
from drorch.evidence.model import Bracket, Duration

GRID_S = 1.0
BLIND_S = 3.0
"""Nobody knows what happened between two looks that are further apart than this."""


@dataclass(frozen=True, kw_only=True)
class ProtectionSample:
    """One look at one group; times in seconds of the machine's monotonic clock. ``reason``: why not protected.

    ``boot``: start of the machine it was made under; empty: not known.
    """

    group: str
    started: float = field(metadata=MICROSECONDS)
    ended: float = field(metadata=MICROSECONDS)
    protected: bool
    reason: str = ""
    boot: str = field(default="", metadata=LEFT_OUT)


@dataclass(frozen=True, kw_only=True)
class ProtectionGap:
    """A stretch without protection. ``ended`` None: it lasted until the end of the watch."""

    began: Bracket
    ended: Bracket | None
    length: Duration
    reason: str
    """Of its first look."""


@dataclass(frozen=True, kw_only=True)
class Protection:
    """The protection of one group during a run."""

    group: str
    samples: int
    gaps: tuple[ProtectionGap, ...]
    unprotected: Duration | None
    """Sum of the gaps; None when nobody looked."""
    unobserved_s: float
    """Seconds of the run in which nobody looked: these gaps are not known to be none."""
    at_start: bool | None
    at_end: bool | None


Stretch = tuple[float, float]
"""From the start of a run, or from when it was taken up again after its end, to its end."""


def measure(group: str, samples: Sequence[ProtectionSample], stretches: Sequence[Stretch]) -> Protection:
    """The gaps of ``group`` from the first stretch of a run to its last, from all looks at it that overlap this time.

    Nobody has to look between stretches: the run had ended. ValueError without a stretch.
    """
    began, ended = min(start for start, _ in stretches), max(end for _, end in stretches)
    looks = sorted(
        (look for look in samples if look.group == group and look.ended >= began and look.started <= ended),
        key=lambda look: look.started,
    )
    if not looks:
        return Protection(
            group=group,
            samples=0,
            gaps=(),
            unprotected=None,
            unobserved_s=sum(_unobserved((), stretch) for stretch in stretches),
            at_start=None,
            at_end=None,
        )
    gaps = _gaps(looks)
    return Protection(
        group=group,
        samples=len(looks),
        gaps=gaps,
        unprotected=Duration(
            seconds=sum(gap.length.seconds for gap in gaps),
            plus=sum(gap.length.plus for gap in gaps),
            minus=sum(gap.length.minus for gap in gaps),
        ),
        unobserved_s=sum(_unobserved(looks, stretch) for stretch in stretches),
        at_start=looks[0].protected,
        at_end=looks[-1].protected,
    )


def _gaps(looks: Sequence[ProtectionSample]) -> tuple[ProtectionGap, ...]:
    gaps: list[ProtectionGap] = []
    first: tuple[Bracket, str] | None = None
    for place, look in enumerate(looks):
        before = looks[place - 1] if place else None
        if not look.protected and first is None:
            # Between two looks the truth may have changed at any moment; before the first one nobody looked.
            earliest = before.started if before else look.started
            first = Bracket(earliest=earliest, latest=look.ended), look.reason
        elif look.protected and first is not None and before is not None:
            gaps.append(_gap(*first, Bracket(earliest=before.started, latest=look.ended)))
            first = None
    if first is not None:
        gaps.append(_gap(*first, None, until=looks[-1].ended))
    return tuple(gaps)


def _gap(began: Bracket, reason: str, ended: Bracket | None, *, until: float = 0.0) -> ProtectionGap:
    end = ended or Bracket(earliest=until, latest=until)
    middle = end.middle - began.middle
    return ProtectionGap(
        began=began,
        ended=ended,
        length=Duration(
            seconds=middle,
            plus=end.latest - began.earliest - middle,
            minus=middle - max(0.0, end.earliest - began.latest),
        ),
        reason=reason,
    )


def _unobserved(looks: Sequence[ProtectionSample], stretch: Stretch) -> float:
    began, ended = stretch
    total, seen_until = 0.0, began
    inside = ((look.started, look.ended) for look in looks if look.ended >= began and look.started <= ended)
    for start, end in [*inside, (ended, ended)]:
        if start - seen_until > BLIND_S:
            total += start - seen_until
        seen_until = max(seen_until, end)
    return total
