"""What becomes of an instant: the order of the rules, each alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.schedules.decide import ON_TIME_S, Do, Situation, decide
from drorch.schedules.events import Outcome
from drorch.schedules.model import IfLate, Part, Precheck, Recurrence, Work, WorkKind
from tests.unit.schedules.test_instants import schedule, wall

DRILL = replace(
    schedule(Recurrence(zone="UTC", start=wall(2013, 3, 2, 8)), Precheck(days_before=3, holds=True)),
    if_late=IfLate.RUN_LATE,
    late_within_s=7200.0,
)
READY = replace(DRILL, work=Work(kind=WorkKind.READINESS), precheck=None)
GOOD = Situation(late_s=1.0, precheck=Outcome.PASSED, approval="standing approval 1 of Ana")


def test_all_well_it_runs() -> None:
    assert decide(DRILL, Part.MAIN, GOOD).do is Do.RUN


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (replace(GOOD, late_s=7201.0), Outcome.MISSED),
        (replace(GOOD, late_s=ON_TIME_S + 1, overtaken_by="s@later"), Outcome.MISSED),
        (replace(GOOD, emergency="run-1"), Outcome.INTERRUPTED),
        (replace(GOOD, closed="nyc is not open"), Outcome.CLOSED),
        (replace(GOOD, precheck=Outcome.FAILED), Outcome.HELD),
        (replace(GOOD, precheck=None), Outcome.HELD),
        (replace(GOOD, precheck=Outcome.MISSED), Outcome.HELD),
        (replace(GOOD, emergency="run-1", closed="closed", precheck=None), Outcome.INTERRUPTED),
        (replace(GOOD, closed="closed", precheck=None, approval=None), Outcome.CLOSED),
        (replace(GOOD, late_s=9999.0, emergency="run-1"), Outcome.MISSED),
    ],
)
def test_each_rule_and_their_order(now: Situation, outcome: Outcome) -> None:
    found = decide(DRILL, Part.MAIN, now)
    assert (found.do, found.outcome) == (None, outcome)
    assert found.reason


def test_late_within_its_limit_runs_and_says_so() -> None:
    found = decide(DRILL, Part.MAIN, replace(GOOD, late_s=3600.0))
    assert found.do is Do.RUN
    assert "1h late" in found.reason
    assert (
        decide(replace(DRILL, if_late=IfLate.SKIP), Part.MAIN, replace(GOOD, late_s=3600.0)).outcome is Outcome.MISSED
    )


def test_without_an_approval_people_decide() -> None:
    assert decide(DRILL, Part.MAIN, replace(GOOD, approval=None)).do is Do.PREPARE


@pytest.mark.parametrize("kind", [WorkKind.SWITCHOVER, WorkKind.FAILOVER, WorkKind.FAILBACK])
def test_what_moves_production_is_only_prepared(kind: WorkKind) -> None:
    item = replace(DRILL, work=Work(kind=kind, lose="nyc"))
    assert decide(item, Part.MAIN, GOOD).do is Do.PREPARE


def test_a_precheck_that_only_tells_holds_nothing_and_is_told() -> None:
    item = replace(DRILL, precheck=Precheck(days_before=3, holds=False))
    found = decide(item, Part.MAIN, replace(GOOD, precheck=Outcome.FAILED))
    assert found.do is Do.RUN
    assert "its precheck ended as failed" in found.reason


def test_what_changes_nothing_needs_neither_approval_nor_window_but_no_emergency_either() -> None:
    now = Situation(late_s=0.0, closed=None)
    assert decide(READY, Part.MAIN, now).do is Do.RUN
    assert decide(DRILL, Part.PRECHECK, replace(now, emergency="run-1")).do is Do.RUN
    check = replace(READY, work=Work(kind=WorkKind.CHECK, check="year"))
    assert decide(check, Part.MAIN, replace(now, emergency="run-1", closed="closed")).do is Do.CHECK
