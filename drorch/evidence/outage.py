"""From samples to the outage of one application, as brackets that hold the truth.

A good sample shows the service good at some instant between its start and its end, a bad one shows it bad. So the
outage began between the start of the last good sample and the end of the first bad one, and it ended between the
start of the last bad sample and the end of the first good full one. The estimate is the middle.

* Good after the outage means served by the expected site: another site's answer is part of the outage.
* A flap is part of the outage. Only an interruption that was over for `SETTLED` samples, still served by another site
  than the expected one, is a matter of its own; it is told in the reason.
* The end is the first good full sample after the *last* bad one: a service that falls again has not recovered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from drorch.evidence.boots import why_not_comparable
from drorch.evidence.model import Bracket, Duration, Outage, OutageStatus, Sample

SETTLED = 5
"""Good samples in a row, one of them full, after which an earlier interruption counts as over."""
WIDE_GAP_SLOTS = 3
"""More missing grid slots than this across a transition are told in the reason."""
BLIND_S = 10.0
"""Who did not look for so long cannot say that nothing happened."""


def measure(
    application: str,
    samples: Sequence[Sample],
    *,
    expect_outage: bool,
    expected_after: str | None,
    watch_from: float | None = None,
    watch_to: float | None = None,
    unbroken: Sequence[tuple[float, float]] = (),
    boots: Collection[str] = (),
) -> Outage:
    """The outage of ``application``.

    ``samples`` may hold other applications' and drill samples too; they are left out. ``expected_after`` is the site
    that has to serve at the end (None: any). ``watch_from`` and ``watch_to`` limit the samples (monotonic seconds).
    Over each stretch of ``unbroken`` somebody has to have looked, or no service is called untouched. ``boots``: the
    starts of the machine the other times to compare with belong to; when these and those of all samples are not one,
    nothing is measured. Never raises.
    """
    restarted = why_not_comparable({*boots, *(one.boot for one in samples if one.application == application)})
    if restarted:
        return _without_times(application, samples, expected_after, restarted, expect_outage=expect_outage)
    own = _of_interest(application, samples, watch_from, watch_to)
    if not own:
        return Outage(application=application, status=OutageStatus.NOT_OBSERVED, reason="no samples")
    bad = [sample for sample in own if not sample.good]
    gap = _largest_gap(own)
    base = Outage(
        application=application,
        status=OutageStatus.VACUOUS,
        samples=len(own),
        bad_samples=len(bad),
        largest_gap_s=gap,
    )
    if not expect_outage:
        return _undisturbed(base, own, expected_after, unbroken)
    if not bad:
        return _with(base, OutageStatus.VACUOUS, f"never seen down in {len(own)} samples")
    return _outage(base, own, expected_after, OutageStatus.RECOVERED, OutageStatus.NOT_RECOVERED)


def _without_times(
    application: str, samples: Sequence[Sample], expected: str | None, reason: str, *, expect_outage: bool
) -> Outage:
    """What can be said though no two times can be compared: not even the order, so only what was seen at all."""
    own = [sample for sample in samples if sample.application == application and not sample.drill]
    down = any(not _serves(sample, expected) for sample in own)
    return Outage(
        application=application,
        status=OutageStatus.INTERRUPTED if down and not expect_outage else OutageStatus.VACUOUS,
        samples=len(own),
        bad_samples=sum(not sample.good for sample in own),
        reason=reason,
    )


def _of_interest(application: str, samples: Sequence[Sample], since: float | None, until: float | None) -> list[Sample]:
    own = [
        sample
        for sample in samples
        if sample.application == application
        and not sample.drill
        and (since is None or sample.started >= since)
        and (until is None or sample.ended <= until)
    ]
    return sorted(own, key=lambda sample: (sample.started, sample.ended))


def _undisturbed(
    base: Outage, own: list[Sample], expected: str | None, unbroken: Sequence[tuple[float, float]]
) -> Outage:
    """No outage is to be seen: every sample good, from the expected site, at least one full, and no hole in them."""
    if any(not _serves(sample, expected) for sample in own):
        return _outage(base, own, expected, OutageStatus.INTERRUPTED, OutageStatus.INTERRUPTED)
    if not any(sample.full for sample in own):
        return _with(base, OutageStatus.VACUOUS, "no full sample: nothing was written and read")
    hole = max((_hole(own, *stretch) for stretch in unbroken), default=0.0)
    if hole > BLIND_S:
        return _with(base, OutageStatus.VACUOUS, f"nobody looked for {hole:.0f} s of the run")
    return _with(base, OutageStatus.UNTOUCHED, "")


def _hole(own: list[Sample], began: float, ended: float) -> float:
    """Longest time in seconds between ``began`` and ``ended`` in which no sample was taken."""
    looks = [began, *(sample.started for sample in own if began < sample.started < ended), ended]
    return max(later - earlier for earlier, later in pairwise(looks))


def _outage(base: Outage, own: list[Sample], expected: str | None, ended: OutageStatus, open_: OutageStatus) -> Outage:
    """The outage as brackets; ``ended`` and ``open_`` are the statuses to give."""
    last = max(index for index, sample in enumerate(own) if not _serves(sample, expected))
    if open_ is OutageStatus.INTERRUPTED:
        first = next(index for index, sample in enumerate(own) if not _serves(sample, expected))
        earlier = 0
    else:
        first, earlier = _first_bad(own, expected)
    if first == 0:
        vacuous = open_ is OutageStatus.NOT_RECOVERED
        return _with(base, OutageStatus.VACUOUS if vacuous else open_, "nothing good was seen before it was down")
    down = [sample for sample in own[first : last + 1] if not _serves(sample, expected)]
    red = [sample for sample in down if not sample.good] or down
    began = Bracket(earliest=own[first - 1].started, latest=min(sample.ended for sample in red))
    again = next((sample for sample in own[last + 1 :] if sample.full), None)
    end = None if again is None else Bracket(earliest=down[-1].started, latest=again.ended)
    notes = [_why(down[-1], expected)] if again is None else []
    notes += [f"{earlier} earlier interruption(s) that were over by themselves"] if earlier else []
    return Outage(
        application=base.application,
        status=open_ if again is None else ended,
        began=began,
        ended=end,
        length=None if end is None else _length(began, end),
        detected=began.latest,
        restored_by=None if again is None else again.served_by,
        samples=base.samples,
        bad_samples=base.bad_samples,
        largest_gap_s=base.largest_gap_s,
        reason="; ".join(notes + _wide_gaps(own, first, last)),
    )


def _first_bad(own: list[Sample], expected: str | None) -> tuple[int, int]:
    """Index of the outage's first bad sample, and how many interruptions were over before it."""
    bad = [index for index, sample in enumerate(own) if not sample.good]
    first, earlier = bad[0], 0
    for previous, following in pairwise(bad):
        if _settled_elsewhere(own[previous + 1 : following], expected):
            first, earlier = following, earlier + 1
    return first, earlier


def _settled_elsewhere(good: list[Sample], expected: str | None) -> bool:
    return (
        len(good) >= SETTLED
        and not any(_serves(sample, expected) for sample in good)
        and any(sample.full for sample in good)
    )


def _serves(sample: Sample, expected: str | None) -> bool:
    return sample.good and (expected is None or sample.served_by == expected)


def _why(sample: Sample, expected: str | None) -> str:
    if sample.good:
        return f"served by {sample.served_by} instead of {expected}"
    code = sample.reason.value if sample.reason else "bad"
    return f"last seen {code}: {sample.detail}" if sample.detail else f"last seen {code}"


def _wide_gaps(own: list[Sample], first: int, last: int) -> list[str]:
    """Sentences about grid slots that are missing across the beginning or the end."""
    notes = []
    for index, what in ((first, "beginning"), (last + 1, "end")):
        if index < len(own):
            missing = own[index].slot - own[index - 1].slot - 1
            if missing > WIDE_GAP_SLOTS:
                notes.append(f"{missing} samples are missing across the {what}")
    return notes


def _length(began: Bracket, ended: Bracket) -> Duration:
    seconds = max(0.0, ended.middle - began.middle)
    shortest = max(0.0, ended.earliest - began.latest)
    return Duration(seconds=seconds, plus=ended.latest - began.earliest - seconds, minus=max(0.0, seconds - shortest))


def _largest_gap(own: list[Sample]) -> float | None:
    gaps = [later.started - earlier.started for earlier, later in pairwise(own)]
    return max(gaps, default=None)


def _with(base: Outage, status: OutageStatus, reason: str) -> Outage:
    return Outage(
        application=base.application,
        status=status,
        samples=base.samples,
        bad_samples=base.bad_samples,
        largest_gap_s=base.largest_gap_s,
        reason=reason,
    )
