"""When alerts are silenced around a run, and when never."""

from __future__ import annotations

import pytest

from drorch.orchestration.alert_silence import LASTS, quiet
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.state import fold
from drorch.testing.builders import small_catalog
from drorch.testing.clock import HandClock
from drorch.testing.runs import RUN, created, events_of
from drorch.testing.silences import RecordedSilences

MARK = f"drorch {RUN}"


def plan_of(kind: Kind):  # type: ignore[no-untyped-def]
    return build_plan(small_catalog(), kind=kind, lose="nyc", playbooks_id="sha256:" + "0" * 64)


def drive(kind: Kind, *bodies: ev.Body, before: int = 1, silences: RecordedSilences | None = None):  # type: ignore[no-untyped-def]
    """Events as a driver tells them, those after the first ``before``; what is silent after each."""
    silences = silences or RecordedSilences()
    plan, clock = plan_of(kind), HandClock()
    events = events_of(created(plan), *bodies)
    told, silent = [], []
    with quiet(silences, clock, RUN, fold(plan, events[:before]), told.append) as see:
        for event in events[before:]:
            see(event)
            silent.append(MARK in silences.open)
    assert told == list(events[before:])
    return silences, silent


ENDED = ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="r")
PAUSED = ev.Paused(person="Ada", reason="r")


@pytest.mark.parametrize("kind", [Kind.SWITCHOVER, Kind.FAILBACK])
def test_a_planned_move_is_silent_from_its_first_act_to_its_end(kind: Kind) -> None:
    silences, silent = drive(kind, ev.RunStarted(), PAUSED, ENDED)
    assert silent == [True, True, False]
    assert silences.open == {}


def test_the_silence_covers_what_the_plan_moves_and_ends_by_itself() -> None:
    silences, _ = drive(Kind.SWITCHOVER, ev.RunStarted())
    applications, until = silences.open[MARK]
    assert applications == tuple(sorted(scope.application for scope in plan_of(Kind.SWITCHOVER).scope))
    assert until == HandClock().now().wall + LASTS


@pytest.mark.parametrize("kind", [Kind.DRILL, Kind.FAILOVER, Kind.READINESS])
def test_nobody_is_kept_from_being_called_otherwise(kind: Kind) -> None:
    silences, _ = drive(kind, ev.RunStarted(), ENDED)
    assert silences.asked == []


def test_a_driver_that_takes_up_the_run_takes_up_the_silence() -> None:
    silences, silent = drive(Kind.SWITCHOVER, ev.RunStarted(), PAUSED, ENDED, before=2)
    assert silences.asked[0] == f"ensure {MARK}"
    assert silent == [True, False]


def test_what_cannot_be_arranged_does_not_keep_the_run_from_going_on(caplog: pytest.LogCaptureFixture) -> None:
    silences, silent = drive(Kind.SWITCHOVER, ev.RunStarted(), ENDED, silences=RecordedSilences(gone=True))
    assert silent == [False, False]
    assert "could not be silenced or called back" in caplog.text
    assert silences.asked == [f"ensure {MARK}", f"lift {MARK}"]


def test_an_estate_without_alerts_asks_nobody() -> None:
    plan = plan_of(Kind.SWITCHOVER)
    told: list[ev.Event] = []
    with quiet(None, HandClock(), RUN, fold(plan, events_of(created(plan))), told.append) as see:
        assert see == told.append
