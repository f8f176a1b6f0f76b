"""Measured against promised: outage and data loss of one application held against its RTO and RPO.

What was not measured is never green. A bound that straddles the objective counts as missed: only a duration whose
*upper* bound lies within the objective is met.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drorch.catalog.model import Application, Arrangement, RtoFrom
from drorch.evidence.model import Bracket, DataLoss, Duration, LossStatus, Outage, OutageStatus


class Verdict(StrEnum):
    """The result of one application."""

    PASS = "pass"
    """Recovered, and both objectives are met."""
    MISSED = "missed"
    """Recovered, but later or with more loss than promised."""
    FAILED = "failed"
    """Not recovered, or interrupted though it must not have been."""
    VACUOUS = "vacuous"
    """The samples prove nothing."""
    NOT_MEASURED = "not-measured"
    """Something that the verdict needs was not measured; see the reason."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One line of the score card. Durations are seconds; None means not measured."""

    application: str
    rta_from_disruption: Duration | None
    rta_from_declaration: Duration | None
    counts: RtoFrom
    """Which of the two is held against the RTO."""
    rto_s: float
    rta_met: bool | None
    rpa: Duration | None
    rpo_s: float
    rpa_met: bool | None
    verdict: Verdict
    reason: str

    @property
    def rta(self) -> Duration | None:
        """The recovery time that counts."""
        return self.rta_from_declaration if self.counts is RtoFrom.DECLARATION else self.rta_from_disruption


def score(
    app: Application, outage: Outage, loss: DataLoss, declared_at: float | None, *, planned: bool = False
) -> Score:
    """Hold one application's measurements against its objectives.

    ``declared_at`` is the declaration in monotonic seconds, None when nobody declared. ``planned``: a move without a
    disruption to declare (switchover, failback); every RTO then counts from the interruption itself. Never raises.
    """
    counts = RtoFrom.DISRUPTION if planned else app.rto_from
    recovered = outage.status is OutageStatus.RECOVERED
    disruption = outage.length if recovered else None
    declaration = _since(declared_at, outage.ended) if recovered else None
    counted = declaration if counts is RtoFrom.DECLARATION else disruption
    rpa = loss.seconds if loss.status is LossStatus.MEASURED else None
    rta_met, rpa_met = _met(counted, app.rto.seconds), _met(rpa, app.rpo.seconds)
    verdict, reason = _judge(app, outage, loss, rta_met, rpa_met)
    return Score(
        application=app.id,
        rta_from_disruption=disruption,
        rta_from_declaration=declaration,
        counts=counts,
        rto_s=app.rto.seconds,
        rta_met=rta_met,
        rpa=rpa,
        rpo_s=app.rpo.seconds,
        rpa_met=rpa_met,
        verdict=verdict,
        reason=reason,
    )


def _since(declared_at: float | None, ended: Bracket | None) -> Duration | None:
    """Seconds from the declaration to the end of the outage; 0 when it had ended before."""
    if declared_at is None or ended is None:
        return None
    low, middle, high = (max(0.0, at - declared_at) for at in (ended.earliest, ended.middle, ended.latest))
    return Duration(seconds=middle, plus=high - middle, minus=middle - low)


def _met(measured: Duration | None, objective_s: float) -> bool | None:
    return None if measured is None else measured.seconds + measured.plus <= objective_s


_WITHOUT_RECOVERY = {
    OutageStatus.NOT_RECOVERED: (Verdict.FAILED, "not recovered"),
    OutageStatus.INTERRUPTED: (Verdict.FAILED, "interrupted though no outage was to be"),
    OutageStatus.VACUOUS: (Verdict.VACUOUS, "the samples prove nothing"),
    OutageStatus.NOT_OBSERVED: (Verdict.NOT_MEASURED, "not observed"),
    OutageStatus.UNTOUCHED: (Verdict.NOT_MEASURED, "untouched as it must be: no recovery to measure"),
}


def _judge(
    app: Application, outage: Outage, loss: DataLoss, rta_met: bool | None, rpa_met: bool | None
) -> tuple[Verdict, str]:
    if outage.status in _WITHOUT_RECOVERY:
        verdict, text = _WITHOUT_RECOVERY[outage.status]
        return verdict, f"{text}: {outage.reason}" if outage.reason else text
    missed = [
        text
        for met, text in (
            (rta_met, f"RTO of {app.rto.seconds:g} s not kept"),
            (rpa_met, f"RPO of {app.rpo.seconds:g} s not kept"),
        )
        if met is False
    ]
    if missed:
        return Verdict.MISSED, "; ".join(missed)
    unmeasured = [text for met, text in _unmeasured(app, loss, rta_met, rpa_met) if met is None]
    if unmeasured:
        return Verdict.NOT_MEASURED, "; ".join(unmeasured)
    return Verdict.PASS, "recovered within its objectives"


def _unmeasured(
    app: Application, loss: DataLoss, rta_met: bool | None, rpa_met: bool | None
) -> tuple[tuple[bool | None, str], ...]:
    if app.arrangement is Arrangement.REMOTE_ACCESS:
        no_loss = "reachability by the remote-access path only, no data loss measured"
    else:
        no_loss = f"data loss not measured: {loss.reason or 'no reason given'}"
    return (rta_met, "the RTO counts from the declaration and nobody declared"), (rpa_met, no_loss)
