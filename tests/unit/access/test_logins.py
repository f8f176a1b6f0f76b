"""What a number of logins proves, against published and independently summed values."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.access.logins import logins_needed, proves, success_lower_bound
from drorch.core.errors import InputInvalid


def probability_of_at_least(succeeded: int, logins: int, success: float) -> Fraction:
    """In fractions, term by term: slow and certain."""
    p = Fraction(success)
    return sum(
        (comb(logins, k) * p**k * (1 - p) ** (logins - k) for k in range(succeeded, logins + 1)), start=Fraction(0)
    )


def test_299_logins_without_a_failure_prove_99_percent() -> None:
    assert logins_needed(0.99) == 299
    assert proves(299, 299, 0.99)
    assert not proves(298, 298, 0.99)


def test_598_prove_half_a_percent() -> None:
    assert logins_needed(0.995) == 598
    assert not proves(597, 597, 0.995)


def test_588_of_600_prove_96_8_percent_only() -> None:
    assert round(success_lower_bound(588, 600), 3) == 0.968
    assert not proves(588, 600, 0.98)


def test_failures_cost_logins() -> None:
    """473 with one failure and 773 with three: published tables of zero- to three-failure plans for 99 % at 95 %."""
    assert [logins_needed(0.99, failures=failures) for failures in (0, 1, 2, 3)] == [299, 473, 628, 773]


def test_more_confidence_needs_more() -> None:
    assert logins_needed(0.99, confidence=0.99) == 459


def test_nothing_proves_nothing() -> None:
    assert success_lower_bound(0, 10) == 0
    assert not proves(0, 0, 0.5)
    assert success_lower_bound(1, 1) == pytest.approx(0.05)


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_the_bound_is_where_so_many_successes_become_unlikely(data: st.DataObject) -> None:
    logins = data.draw(st.integers(1, 30))
    succeeded = data.draw(st.integers(1, logins))
    bound = success_lower_bound(succeeded, logins)
    assert float(probability_of_at_least(succeeded, logins, bound)) == pytest.approx(0.05, rel=1e-6)
    assert bound < succeeded / logins


@pytest.mark.parametrize(("succeeded", "logins"), [(1, 0), (-1, 3), (4, 3), (0, 0)])
def test_impossible_counts_are_refused(succeeded: int, logins: int) -> None:
    with pytest.raises(InputInvalid):
        success_lower_bound(succeeded, logins)


@pytest.mark.parametrize(("target", "confidence"), [(1.0, 0.95), (0.0, 0.95), (0.99, 1.0), (0.99, 0.0), (1.5, 0.9)])
def test_certainty_is_not_for_sale(target: float, confidence: float) -> None:
    with pytest.raises(InputInvalid):
        logins_needed(target, confidence)


def test_negative_failures_are_refused() -> None:
    with pytest.raises(InputInvalid):
        logins_needed(0.99, failures=-1)
