"""What a run left behind and how its data was protected, from the evidence to the record."""

from __future__ import annotations

from collections.abc import Sequence

from drorch.evidence.baseline import Comparison, Difference
from drorch.evidence.protection import Protection, ProtectionGap
from drorch.evidence.record.moments import TimeLine, hundredths, measured
from drorch.evidence.record.safety_model import BaselineResult, DifferenceResult, ProtectionGapResult, ProtectionResult
from drorch.evidence.record.vocabulary import Measured
from drorch.plan.model import Kind
from drorch.run.events import DifferenceAccepted, Event


def baseline_result(comparison: Comparison | None, events: Sequence[Event], line: TimeLine) -> BaselineResult | None:
    """The comparison with what people accepted of it; None when there is nothing to compare for this kind of run."""
    if comparison is None:
        return None
    found = tuple(_difference(difference, events, line) for difference in comparison.differences)
    open_ones = [difference for difference in found if difference.accepted_by is None]
    clean = None if comparison.missing else not open_ones
    if comparison.missing:
        reason = comparison.missing
    elif open_ones:
        reason = f"{len(open_ones)} of {len(found)} differences not accepted by anybody"
    elif found:
        reason = f"{len(found)} differences, each accepted by name"
    else:
        reason = f"nothing differs from {comparison.against}"
    return BaselineResult(against=comparison.against.value, clean=clean, reason=reason, differences=found)


def _difference(found: Difference, events: Sequence[Event], line: TimeLine) -> DifferenceResult:
    taken = [
        (event, event.body)
        for event in events
        if isinstance(event.body, DifferenceAccepted)
        and (event.body.code, event.body.subject) == (found.code, found.subject)
    ]
    event, body = taken[-1] if taken else (None, None)
    return DifferenceResult(
        name=found.name,
        code=found.code,
        subject=found.subject,
        before=found.before,
        after=found.after,
        accepted_by=body.person if body else None,
        accepted_because=body.reason if body else None,
        accepted_at=line.instant(event.at) if event else None,
    )


def protection_results(protection: Sequence[Protection], line: TimeLine) -> tuple[ProtectionResult, ...]:
    """One result per group that can be protected."""
    return tuple(
        ProtectionResult(
            group=found.group,
            samples=found.samples,
            unprotected=measured(found.unprotected),
            unobserved_s=hundredths(found.unobserved_s),
            at_start=found.at_start,
            at_end=found.at_end,
            gaps=tuple(_gap(gap, line) for gap in found.gaps),
        )
        for found in protection
    )


def _gap(gap: ProtectionGap, line: TimeLine) -> ProtectionGapResult:
    began, length = line.bracket(gap.began), measured(gap.length)
    assert began is not None, "a bracket gives a moment"
    assert isinstance(length, Measured), "a duration gives a measured one"
    return ProtectionGapResult(began=began, ended=line.bracket(gap.ended), length=length, reason=gap.reason)


def not_clean(kind: str, baseline: BaselineResult | None, protection: Sequence[ProtectionResult]) -> list[str]:
    """Why the run cannot pass, whatever it recovered. Sentences."""
    found = []
    if baseline is not None and baseline.clean is not True:
        found.append(f"{'not clean' if baseline.clean is False else 'not known to be clean'}: {baseline.reason}")
    interrupted = [entry.group for entry in protection if entry.gaps]
    if kind == Kind.DRILL and interrupted:
        found.append(f"protection was interrupted by the drill: {', '.join(interrupted)}")
    return found
