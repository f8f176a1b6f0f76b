"""Slower than usual: judged by what its like took in earlier runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.run.pace import durations, is_slow, slow_steps, usual
from drorch.testing.clock import HandClock
from drorch.testing.plans import make_plan, playbook_step, validate_step
from drorch.testing.runs import done, events_of, failed, start, started

PLAN = make_plan([playbook_step("a/x"), playbook_step("b/x"), validate_step("c")])


def test_only_what_succeeded_says_what_is_usual() -> None:
    events = events_of(*done("a/x"), *failed("b/x"), *done("c/validate"))
    assert durations(PLAN, events) == {"x.yml": [1.0], "ValidateAct": [1.0]}


def test_a_retry_counts_from_its_own_start() -> None:
    events = events_of(*failed("a/x"), *failed("b/x"), *done("a/x", 2))
    assert durations(PLAN, events) == {"x.yml": [1.0]}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([1.0, 2.0], None), ([1.0, 2.0, 3.0], 3.0), ([1.0, 2.0, 3.0, 100.0], 3.0), ([4.0, 4.0, 4.0], 4.0)],
)
def test_usual_is_the_third_quartile_of_three_or_more(seconds: list[float], expected: float | None) -> None:
    assert usual([{"x": seconds[:1]}, {"x": seconds[1:]}]).get("x") == expected


@given(st.lists(st.floats(0.0, 1e6), min_size=3, max_size=50))
def test_usual_lies_within_what_was_seen(seconds: list[float]) -> None:
    found = usual([{"x": seconds}])["x"]
    assert sum(item <= found for item in seconds) >= 0.75 * len(seconds)
    assert found in seconds


@pytest.mark.parametrize(
    ("seconds", "usual_s", "slow"), [(5.9, 3.0, False), (12.0, 3.0, True), (1.9, 0.01, False), (2.0, 0.01, True)]
)
def test_when_a_step_is_called_slow(seconds: float, usual_s: float, slow: bool) -> None:
    assert (is_slow(PLAN.by_id["a/x"], seconds, {"x.yml": usual_s}) is not None) is slow
    assert is_slow(PLAN.by_id["a/x"], seconds, {}) is None


def test_the_warning_says_both_times() -> None:
    assert str(is_slow(PLAN.by_id["a/x"], 12.0, {"x.yml": 3.0})) == "slower than usual (12 s, usually 3 s)"


def test_only_steps_under_way_are_slow() -> None:
    state, clock = started(PLAN, *done("a/x"), start("b/x")), HandClock()
    clock.advance(100)
    assert [item.step for item in slow_steps(state, clock.now(), {"x.yml": 1.0})] == ["b/x"]
