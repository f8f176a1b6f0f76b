"""From canary writes to data loss (RPA): which acknowledged numbers are gone, and since when.

Acknowledged numbers are counted one by one, never a maximum: sequences jump and gaps hide behind a high number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from drorch.evidence.boots import why_not_comparable
from drorch.evidence.model import CanaryWrite, DataLoss, Duration, LossStatus, Outage

SILENT_S = 10.0
"""Without a canary acknowledged so shortly before the outage, finding all of them says nothing about what was lost."""


def measure(
    application: str,
    canaries: Sequence[CanaryWrite],
    present: Sequence[int] | None,
    outage: Outage,
    boots: Collection[str] = (),
) -> DataLoss:
    """Data loss of ``application``.

    ``canaries`` may hold other applications' writes too. ``present`` are the numbers found after the outage, with
    duplicates, None when nobody could ask. ``boots``: the starts of the machine the outage's times belong to. Not
    measured when there is nothing to compare, or when the canaries belong to another boot. Never raises.
    """
    own = sorted((one for one in canaries if one.application == application), key=lambda one: one.number)
    restarted = why_not_comparable({*boots, *(one.boot for one in own)})
    if restarted:
        return _not_measured(application, restarted)
    if present is None:
        return _not_measured(application, "the canaries could not be read after the outage")
    if outage.began is None:
        return _not_measured(application, "no outage was seen")
    began, before_end = outage.began, outage.ended.earliest if outage.ended else float("inf")
    found = Counter(present)
    acknowledged = [one for one in own if one.acknowledged and one.started < before_end]
    before = [one for one in acknowledged if one.started <= began.latest]
    if not before:
        return _not_measured(application, "no canary was acknowledged before the outage")
    lost = [one for one in acknowledged if not found[one.number]]
    silent = began.earliest - max(one.ended for one in before)
    if not lost and silent > SILENT_S:
        return _not_measured(application, f"no canary was acknowledged in the last {silent:.0f} s before the outage")
    return DataLoss(
        application=application,
        status=LossStatus.MEASURED,
        acknowledged=len(before),
        lost=len(lost),
        lost_numbers=tuple(one.number for one in lost),
        seconds=_seconds(lost, outage) if lost else _NOTHING,
        duplicates=sum(found[one.number] - 1 for one in own if found[one.number] > 1),
        unacknowledged_found=sum(1 for one in own if not one.acknowledged and found[one.number]),
        reason=_spacing(before),
    )


_NOTHING = Duration(seconds=0.0, plus=0.0, minus=0.0)


def _seconds(lost: Sequence[CanaryWrite], outage: Outage) -> Duration:
    """From the acknowledgement of the oldest lost canary (between its start and its end) to the outage.

    A service that falls more than once acknowledges in between: then the loss reaches to the newest lost canary.
    """
    assert outage.began is not None, "checked by the caller"
    oldest, newest = min(lost, key=lambda one: one.ended), max(lost, key=lambda one: one.ended)
    seconds = max(outage.began.middle, newest.ended) - oldest.ended
    longest = max(outage.began.latest, newest.ended) - oldest.started
    shortest = max(0.0, max(outage.began.earliest, newest.started) - oldest.ended)
    return Duration(seconds=seconds, plus=max(0.0, longest - seconds), minus=max(0.0, seconds - shortest))


def _spacing(before: Sequence[CanaryWrite]) -> str:
    """How fine the measure is: a loss between two canaries is not seen."""
    if len(before) < 2:
        return "one canary only"
    span = before[-1].started - before[0].started
    return f"one canary each {span / (len(before) - 1):.2f} s"


def _not_measured(application: str, reason: str) -> DataLoss:
    return DataLoss(application=application, status=LossStatus.NOT_MEASURED, reason=reason)
