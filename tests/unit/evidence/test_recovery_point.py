"""Data loss: acknowledged numbers are counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.evidence.model import Bracket, CanaryWrite, LossStatus, Outage, OutageStatus
from drorch.evidence.recovery_point import measure

OUTAGE = Outage(
    application="mail",
    status=OutageStatus.RECOVERED,
    began=Bracket(earliest=10.2, latest=10.4),
    ended=Bracket(earliest=20.0, latest=20.2),
)


def write(number: int, *, at: float | None = None, acknowledged: bool = True, application: str = "mail") -> CanaryWrite:
    started = float(number) if at is None else at
    return CanaryWrite(
        application=application, number=number, started=started, ended=started + 0.01, acknowledged=acknowledged
    )


BEFORE = [write(number) for number in range(1, 11)]


def test_nothing_lost_is_zero_seconds() -> None:
    loss = measure("mail", BEFORE, range(1, 11), OUTAGE)
    assert (loss.status, loss.acknowledged, loss.lost) == (LossStatus.MEASURED, 10, 0)
    assert (loss.seconds.seconds, loss.seconds.plus, loss.seconds.minus) == (0.0, 0.0, 0.0)


def test_seconds_run_from_the_oldest_lost_one_to_the_outage() -> None:
    loss = measure("mail", BEFORE, [1, 2, 3, 4, 5, 6, 10], OUTAGE)
    assert (loss.lost, loss.lost_numbers) == (3, (7, 8, 9))
    assert loss.seconds.seconds == pytest.approx(10.3 - 7.01)
    assert loss.seconds.seconds - loss.seconds.minus == pytest.approx(10.2 - 7.01)
    assert loss.seconds.seconds + loss.seconds.plus == pytest.approx(10.4 - 7.0)


def test_a_high_number_does_not_hide_a_gap() -> None:
    assert measure("mail", BEFORE, [*range(1, 5), 10, 34, 35], OUTAGE).lost_numbers == (5, 6, 7, 8, 9)


def test_an_unacknowledged_write_is_no_loss_and_is_told_when_found() -> None:
    writes = [*BEFORE, write(11, at=10.3, acknowledged=False), write(12, at=11.0, acknowledged=False)]
    loss = measure("mail", writes, range(1, 12), OUTAGE)
    assert (loss.lost, loss.unacknowledged_found) == (0, 1)


def test_duplicates_are_counted() -> None:
    assert measure("mail", BEFORE, [*range(1, 11), 3, 3, 7, 99, 99], OUTAGE).duplicates == 3


def test_writes_after_the_recovery_do_not_count() -> None:
    loss = measure("mail", [*BEFORE, write(30, at=25.0)], range(1, 11), OUTAGE)
    assert (loss.acknowledged, loss.lost) == (10, 0)


def test_what_is_acknowledged_between_two_falls_and_lost_is_no_zero() -> None:
    between = [write(number) for number in range(12, 17)]
    loss = measure("mail", [*BEFORE, *between], range(1, 11), OUTAGE)
    assert (loss.lost, loss.seconds.seconds) == (5, pytest.approx(16.01 - 12.01))
    alone = measure("mail", [*BEFORE, write(15)], range(1, 11), OUTAGE)
    assert alone.lost == 1
    assert alone.seconds.seconds + alone.seconds.plus > 0, "no objective of 0 s is met"


def test_canaries_that_stopped_long_before_the_outage_measure_nothing() -> None:
    late = Outage(
        application="mail", status=OutageStatus.RECOVERED, began=Bracket(earliest=30.0, latest=30.2), ended=None
    )
    loss = measure("mail", BEFORE, range(1, 11), late)
    assert (loss.status, loss.seconds) == (LossStatus.NOT_MEASURED, None)
    assert "last 20 s" in loss.reason
    assert measure("mail", BEFORE, range(1, 10), late).lost == 1, "a loss that is seen is told all the same"


def test_other_applications_do_not_count() -> None:
    assert measure("mail", [*BEFORE, write(5, application="directory")], range(1, 11), OUTAGE).acknowledged == 10


@pytest.mark.parametrize(
    ("writes", "present", "outage"),
    [
        (BEFORE, None, OUTAGE),
        ([], [], OUTAGE),
        ([write(1, acknowledged=False)], [1], OUTAGE),
        ([write(30, at=25.0)], [30], OUTAGE),
        (BEFORE, [1], Outage(application="mail", status=OutageStatus.VACUOUS)),
    ],
)
def test_what_cannot_be_compared_is_not_measured(
    writes: list[CanaryWrite], present: list[int] | None, outage: Outage
) -> None:
    loss = measure("mail", writes, present, outage)
    assert (loss.status, loss.seconds) == (LossStatus.NOT_MEASURED, None)
    assert loss.reason


@settings(deadline=None, max_examples=60)
@given(kept=st.sets(st.integers(min_value=1, max_value=10)))
def test_lost_are_exactly_the_acknowledged_that_are_missing(kept: set[int]) -> None:
    loss = measure("mail", BEFORE, sorted(kept), OUTAGE)
    assert set(loss.lost_numbers) == set(range(1, 11)) - kept
    if loss.lost:
        truth = 10.3 - (min(loss.lost_numbers) + 0.005)
        assert loss.seconds.seconds - loss.seconds.minus <= truth <= loss.seconds.seconds + loss.seconds.plus
