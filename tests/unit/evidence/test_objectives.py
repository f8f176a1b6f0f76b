"""Objectives: what was not measured is never green."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.catalog.model import Application, Arrangement, Objective, RtoFrom, Scope
from drorch.evidence.model import Bracket, DataLoss, Duration, LossStatus, Outage, OutageStatus
from drorch.evidence.objectives import Verdict, score

APP = Application(
    id="mail",
    name="Mail",
    description="",
    scope=Scope.ENTERPRISE,
    tier=1,
    department="oict",
    arrangement=Arrangement.STANDBY,
    group="g",
    rto=Objective(seconds=60.0),
    rpo=Objective(seconds=5.0),
    rto_from=RtoFrom.DISRUPTION,
)


def recovered(seconds: float, plus: float = 0.1) -> Outage:
    return Outage(
        application="mail",
        status=OutageStatus.RECOVERED,
        began=Bracket(earliest=99.9, latest=100.1),
        ended=Bracket(earliest=99.9 + seconds, latest=100.1 + seconds),
        length=Duration(seconds=seconds, plus=plus, minus=0.1),
    )


def lost(seconds: float) -> DataLoss:
    return DataLoss(
        application="mail",
        status=LossStatus.MEASURED,
        acknowledged=9,
        seconds=Duration(seconds=seconds, plus=0.0, minus=0.0),
    )


UNMEASURED = DataLoss(application="mail", status=LossStatus.NOT_MEASURED, reason="nobody asked")


def test_both_kept_is_a_pass() -> None:
    found = score(APP, recovered(30.0), lost(0.0), None)
    assert (found.verdict, found.rta_met, found.rpa_met) == (Verdict.PASS, True, True)
    assert found.rta is found.rta_from_disruption


@pytest.mark.parametrize(("rta", "rpa"), [(61.0, 0.0), (30.0, 6.0), (61.0, 6.0)])
def test_one_missed_is_missed(rta: float, rpa: float) -> None:
    assert score(APP, recovered(rta), lost(rpa), None).verdict is Verdict.MISSED


def test_bounds_that_straddle_the_objective_are_missed() -> None:
    assert score(APP, recovered(59.95), lost(0.0), None).rta_met is False
    assert score(APP, recovered(59.9 - 1e-9), lost(0.0), None).rta_met is True


def test_a_declaration_that_counts_and_was_not_made_is_not_measured() -> None:
    app = replace(APP, rto_from=RtoFrom.DECLARATION)
    found = score(app, recovered(30.0), lost(0.0), None)
    assert (found.verdict, found.rta_met, found.rta) == (Verdict.NOT_MEASURED, None, None)
    assert "nobody declared" in found.reason


def test_a_planned_move_has_nothing_to_declare_and_counts_from_the_interruption() -> None:
    app = replace(APP, rto_from=RtoFrom.DECLARATION)
    found = score(app, recovered(30.0), lost(0.0), None, planned=True)
    assert (found.verdict, found.counts, found.rta.seconds) == (Verdict.PASS, RtoFrom.DISRUPTION, 30.0)
    assert score(app, recovered(100.0), lost(0.0), None, planned=True).verdict is Verdict.MISSED


def test_the_declaration_counts_where_the_catalog_says_so() -> None:
    app = replace(APP, rto_from=RtoFrom.DECLARATION)
    found = score(app, recovered(100.0), lost(0.0), 150.0)
    assert found.verdict is Verdict.PASS
    assert found.rta.seconds == pytest.approx(50.0)
    assert found.rta_from_disruption.seconds == 100.0


def test_an_unmeasured_loss_is_not_green_and_not_hidden_by_a_missed_rto() -> None:
    assert score(APP, recovered(30.0), UNMEASURED, None).verdict is Verdict.NOT_MEASURED
    assert score(APP, recovered(99.0), UNMEASURED, None).verdict is Verdict.MISSED


def test_remote_access_says_what_it_does_not_prove() -> None:
    app = replace(APP, arrangement=Arrangement.REMOTE_ACCESS)
    assert "remote-access path only" in score(app, recovered(30.0), UNMEASURED, None).reason


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (OutageStatus.NOT_RECOVERED, Verdict.FAILED),
        (OutageStatus.INTERRUPTED, Verdict.FAILED),
        (OutageStatus.VACUOUS, Verdict.VACUOUS),
        (OutageStatus.NOT_OBSERVED, Verdict.NOT_MEASURED),
        (OutageStatus.UNTOUCHED, Verdict.NOT_MEASURED),
    ],
)
def test_without_a_recovery_there_is_no_pass(status: OutageStatus, verdict: Verdict) -> None:
    found = score(APP, replace(recovered(1.0), status=status, reason="why"), lost(0.0), 0.0)
    assert (found.verdict, found.rta_met, found.rta_from_disruption) == (verdict, None, None)
    assert "why" in found.reason
