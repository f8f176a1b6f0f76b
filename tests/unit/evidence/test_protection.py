"""The stretches without protection, from looks once a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.core.codec import to_text
from drorch.core.errors import InputInvalid
from drorch.evidence.codec import read_protection
from drorch.evidence.protection import Protection, ProtectionSample, measure


def looks(pattern: str, *, start: float = 100.0, group: str = "finance") -> list[ProtectionSample]:
    """One look a second of 0.1 s each; ``.`` protected, ``x`` not, a space is no look."""
    return [
        ProtectionSample(
            group=group,
            started=start + second,
            ended=start + second + 0.1,
            protected=sign == ".",
            reason="" if sign == "." else "piscataway receives nothing",
        )
        for second, sign in enumerate(pattern)
        if sign != " "
    ]


def of(pattern: str) -> Protection:
    return measure("finance", looks(pattern), [(100.0, 100.0 + len(pattern) - 1)])


def test_protected_all_the_time_is_no_gap_at_all() -> None:
    found = of(".....")
    assert (found.samples, found.gaps, found.unobserved_s) == (5, (), 0.0)
    assert found.unprotected is not None
    assert (found.unprotected.seconds, found.unprotected.plus, found.unprotected.minus) == (0.0, 0.0, 0.0)
    assert (found.at_start, found.at_end) == (True, True)


def test_a_gap_lies_between_the_looks_around_its_ends() -> None:
    (gap,) = of("..xxx..").gaps
    assert (gap.began.earliest, gap.began.latest) == (101.0, 102.1)
    assert gap.ended is not None
    assert (gap.ended.earliest, gap.ended.latest) == (104.0, 105.1)
    assert gap.length.seconds == pytest.approx(3.0)
    assert gap.length.seconds + gap.length.plus == pytest.approx(105.1 - 101.0)
    assert gap.length.seconds - gap.length.minus == pytest.approx(104.0 - 102.1)
    assert gap.reason == "piscataway receives nothing"


def test_gaps_add_up() -> None:
    found = of(".x..xx.")
    assert [round(gap.length.seconds, 6) for gap in found.gaps] == [1.0, 2.0]
    assert found.unprotected is not None
    assert found.unprotected.seconds == pytest.approx(3.0)


def test_a_gap_without_an_end_lasts_until_the_last_look() -> None:
    found = of("..xxxx")
    (gap,) = found.gaps
    assert gap.ended is None
    assert gap.length.seconds + gap.length.plus == pytest.approx(105.1 - 101.0)
    assert found.at_end is False


def test_without_protection_from_the_start() -> None:
    found = of("xx..")
    assert (found.at_start, found.at_end) == (False, True)
    assert found.gaps[0].began.earliest == 100.0


def test_time_in_which_nobody_looked_is_told_and_is_no_gap() -> None:
    found = of("...      ...")
    assert found.gaps == ()
    assert found.unobserved_s == pytest.approx(109.0 - 102.1)
    late = measure("finance", looks("...", start=110.0), [(100.0, 130.0)])
    assert late.unobserved_s == pytest.approx(10.0 + 130.0 - 112.1)


def test_between_the_end_of_a_run_and_its_clean_up_nobody_has_to_look() -> None:
    found = measure("finance", looks("...          ..."), [(100.0, 102.0), (113.0, 115.0)])
    assert (found.samples, found.unobserved_s, found.gaps) == (6, 0.0, ())
    late = measure("finance", looks("...          ..."), [(100.0, 102.0), (108.0, 115.0)])
    assert late.unobserved_s == pytest.approx(5.0)


def test_nobody_looked_proves_nothing() -> None:
    found = measure("finance", looks("...", group="other"), [(100.0, 160.0)])
    assert (found.samples, found.unprotected, found.at_end, found.unobserved_s) == (0, None, None, 60.0)


def test_looks_from_before_and_after_the_run_do_not_count() -> None:
    found = measure("finance", looks("xxx...xxx"), [(102.5, 105.5)])
    assert found.gaps == ()
    assert found.samples == 3


@given(st.text(alphabet=".x", min_size=1, max_size=40))
def test_the_truth_lies_within_the_bounds(pattern: str) -> None:
    """Whatever each look saw held from half a second before it to half a second behind it."""
    truth = sum(sign == "x" for sign in pattern)
    found = of(pattern)
    assert found.unprotected is not None
    low = found.unprotected.seconds - found.unprotected.minus
    high = found.unprotected.seconds + found.unprotected.plus
    # The half seconds before the first and behind the last look were not in the watch.
    edges = 0.5 * ((pattern[0] == "x") + (pattern[-1] == "x"))
    assert low - 1e-6 <= truth
    assert truth - edges <= high + 1e-6
    assert bool(found.gaps) == ("x" in pattern)


def test_the_file_is_read_as_it_was_written_and_a_torn_end_is_left_out() -> None:
    written = looks(".x.")
    text = "".join(map(to_text, written))
    assert list(read_protection(text)) == written
    assert list(read_protection(text[:-5])) == written[:2]
    with pytest.raises(InputInvalid, match="group: expected text") as told:
        read_protection('{"group": 1}\n' + text)
    assert told.value.where == "protection.jsonl:1"
