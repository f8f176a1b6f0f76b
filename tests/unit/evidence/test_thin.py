"""A thinned list gives the same brackets as the whole one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drorch.evidence.model import Sample, SampleReason
from drorch.evidence.outage import measure
from drorch.evidence.thin import HEAD, ThinSamples

STRETCHES = st.lists(
    st.tuples(st.sampled_from(["nyc", "piscataway", None]), st.integers(min_value=1, max_value=40)),
    min_size=1,
    max_size=8,
)


def samples_of(stretches: list[tuple[str | None, int]]) -> list[Sample]:
    """One sample every 0.2 s, every fifth full; None is a bad stretch."""
    made: list[Sample] = []
    for site, length in stretches:
        for _ in range(length):
            slot = len(made)
            made.append(
                Sample(
                    application="mail",
                    slot=slot,
                    started=slot * 0.2,
                    ended=slot * 0.2 + 0.05,
                    wall="2013-03-01T03:00:00.000Z",
                    good=site is not None,
                    full=slot % 5 == 0,
                    served_by=site,
                    reason=None if site else SampleReason.REFUSED,
                )
            )
    return made


@given(STRETCHES, st.booleans())
def test_thinning_changes_no_bracket(stretches: list[tuple[str | None, int]], moved: bool) -> None:
    whole = samples_of(stretches)
    thin = ThinSamples()
    thin.take(whole[: len(whole) // 2])
    thin.take(whole[len(whole) // 2 :])
    to = "piscataway" if moved else "nyc"
    expected = measure("mail", whole, expect_outage=True, expected_after=to)
    found = measure("mail", thin.samples(), expect_outage=True, expected_after=to)
    assert (found.status, found.began, found.ended, found.detected, found.restored_by) == (
        expected.status, expected.began, expected.ended, expected.detected, expected.restored_by,
    )  # fmt: skip


def test_a_long_same_stretch_stays_small_and_the_last_sample_is_the_last() -> None:
    whole = samples_of([("nyc", 5000)])
    thin = ThinSamples()
    thin.take(whole)
    assert len(thin.samples()) <= HEAD + 2
    assert thin.latest()["mail"] == whole[-1]
