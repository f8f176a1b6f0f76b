"""The outage: brackets hold the truth, and nothing that proves nothing is called recovered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.evidence.model import Outage, OutageStatus, Sample, SampleReason
from drorch.evidence.outage import measure

GRID = 0.2


def sample(
    slot: int,
    *,
    good: bool = True,
    site: str | None = "nyc",
    full: bool = True,
    started: float | None = None,
    took: float = 0.01,
    drill: bool = False,
    application: str = "mail",
) -> Sample:
    begun = slot * GRID if started is None else started
    return Sample(
        application=application,
        slot=slot,
        started=begun,
        ended=begun + took,
        wall="2026-01-01T00:00:00+00:00",
        good=good,
        full=full,
        served_by=site if good else None,
        data_site=site if good and full else None,
        reason=None if good else SampleReason.REFUSED,
        drill=drill,
    )


def line(text: str) -> list[Sample]:
    """``g`` good at nyc, ``G`` good at piscataway, ``w`` good but light at piscataway, ``.`` bad, ``_`` no sample."""
    made = []
    for slot, letter in enumerate(text):
        if letter != "_":
            made.append(
                sample(slot, good=letter != ".", site="nyc" if letter == "g" else "piscataway", full=letter != "w")
            )
    return made


def of(text: str, *, expect: bool = True, after: str | None = "piscataway") -> Outage:
    return measure("mail", line(text), expect_outage=expect, expected_after=after)


def test_the_outage_lies_between_the_samples() -> None:
    found = of("ggg...GGG")
    assert found.status is OutageStatus.RECOVERED
    assert (found.began.earliest, found.began.latest) == pytest.approx((0.4, 0.61))
    assert (found.ended.earliest, found.ended.latest) == pytest.approx((1.0, 1.21))
    assert found.length.seconds == pytest.approx(0.6)
    assert found.length.seconds - found.length.minus == pytest.approx(1.0 - 0.61)
    assert found.length.seconds + found.length.plus == pytest.approx(1.21 - 0.4)
    assert (found.restored_by, found.samples, found.bad_samples) == ("piscataway", 9, 3)
    assert found.detected == pytest.approx(0.61)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("gggggg", OutageStatus.VACUOUS),  # never red
        ("gggGGG", OutageStatus.VACUOUS),  # moved, and never seen down
        ("...GGG", OutageStatus.VACUOUS),  # nothing good before
        ("gg....", OutageStatus.NOT_RECOVERED),
        ("gg..gggggggg", OutageStatus.NOT_RECOVERED),  # the wrong site came back
        ("gg..wwww", OutageStatus.NOT_RECOVERED),  # nothing was written and read
        ("gg..GG..", OutageStatus.NOT_RECOVERED),  # did not stay good
        ("", OutageStatus.NOT_OBSERVED),
    ],
)
def test_what_is_not_a_recovery_is_not_called_one(text: str, status: OutageStatus) -> None:
    found = of(text)
    assert found.status is status
    assert found.length is None
    assert found.ended is None
    assert found.reason


def test_a_flap_is_part_of_the_outage() -> None:
    found = of("ggg..G..GG..GGGG")
    assert found.status is OutageStatus.RECOVERED
    assert found.began.earliest == pytest.approx(0.4)
    assert found.ended.earliest == pytest.approx(11 * GRID)


def test_an_interruption_that_was_over_before_is_told_and_not_counted() -> None:
    found = of("gg.gggggggg...GGG")
    assert found.status is OutageStatus.RECOVERED
    assert found.began.earliest == pytest.approx(10 * GRID)
    assert "1 earlier interruption" in found.reason


def test_a_short_good_run_of_the_old_site_is_part_of_the_outage() -> None:
    assert of("gg.ggg...GGG").began.earliest == pytest.approx(GRID)


def test_a_light_answer_does_not_end_the_outage_before_a_full_one() -> None:
    found = of("gg..wG")
    assert (found.ended.earliest, found.ended.latest) == pytest.approx((3 * GRID, 5 * GRID + 0.01))


def test_a_gap_across_the_beginning_widens_the_bracket_and_is_told() -> None:
    found = of("gg______..GG")
    assert found.began.latest - found.began.earliest > 6 * GRID
    assert "6 samples are missing across the beginning" in found.reason
    assert found.largest_gap_s == pytest.approx(7 * GRID)


def test_in_a_drill_production_is_untouched_or_interrupted() -> None:
    assert of("gggg", expect=False, after="nyc").status is OutageStatus.UNTOUCHED
    interrupted = of("gg.gg", expect=False, after="nyc")
    assert interrupted.status is OutageStatus.INTERRUPTED
    assert interrupted.length is not None
    assert of("..gg", expect=False, after="nyc").status is OutageStatus.INTERRUPTED
    assert of("gg..", expect=False, after="nyc").status is OutageStatus.INTERRUPTED
    assert of("ggGG", expect=False, after="nyc").status is OutageStatus.INTERRUPTED  # moved


def test_light_samples_alone_do_not_prove_production_untouched() -> None:
    found = measure("mail", line("wwww"), expect_outage=False, expected_after="piscataway")
    assert found.status is OutageStatus.VACUOUS


def test_production_is_not_called_untouched_where_nobody_looked() -> None:
    def over(began: float, ended: float) -> Outage:
        return measure(
            "mail", line("gggg"), expect_outage=False, expected_after="nyc", unbroken=[(0.0, 0.5), (began, ended)]
        )

    assert over(0.0, 1.0).status is OutageStatus.UNTOUCHED
    died = over(0.0, 600.0)  # the watcher died at the beginning of a drill of ten minutes
    assert (died.status, "nobody looked for" in died.reason) == (OutageStatus.VACUOUS, True)
    assert over(100.0, 130.0).status is OutageStatus.VACUOUS


def test_drill_samples_and_other_applications_do_not_count() -> None:
    others = [sample(1, good=False, drill=True), sample(1, good=False, application="directory")]
    found = measure("mail", line("gggg") + others, expect_outage=False, expected_after="nyc")
    assert (found.status, found.samples) == (OutageStatus.UNTOUCHED, 4)


def test_only_the_watched_time_counts() -> None:
    found = measure("mail", line("g.ggggg..GG"), expect_outage=True, expected_after="piscataway", watch_from=0.5)
    assert (found.bad_samples, found.reason) == (2, "")


def test_a_hanging_sample_does_not_widen_what_a_quick_one_has_shown() -> None:
    samples = [sample(0), sample(1, good=False, took=2.0), sample(2, good=False), *line("_____GGG")]
    found = measure("mail", samples, expect_outage=True, expected_after="piscataway")
    assert found.began.latest == pytest.approx(0.41)


@st.composite
def simulated(draw: st.DrawFn) -> tuple[list[Sample], float, float]:
    """A service that is down between two known instants, sampled with jitter and skipped slots."""
    down = draw(st.floats(min_value=1.0, max_value=5.0))
    up = down + draw(st.floats(min_value=0.5, max_value=20.0))
    phase = draw(st.floats(min_value=0.0, max_value=GRID))
    samples = []
    for slot in range(int((up + 3.0) / GRID)):
        started = phase + slot * GRID + draw(st.floats(min_value=0.0, max_value=0.02))
        took = draw(st.floats(min_value=0.001, max_value=0.05))
        seen_at = started + took * draw(st.floats(min_value=0.0, max_value=1.0))
        good = not down <= seen_at < up
        site = "nyc" if seen_at < down else "piscataway"
        samples.append(sample(slot, good=good, site=site, started=started, took=took))
    return samples, down, up


@settings(deadline=None, max_examples=60)
@given(simulated())
def test_the_truth_is_always_within_the_bounds(case: tuple[list[Sample], float, float]) -> None:
    samples, down, up = case
    found = measure("mail", samples, expect_outage=True, expected_after="piscataway")
    assert found.status is OutageStatus.RECOVERED
    assert found.began.earliest <= down <= found.began.latest
    assert found.ended.earliest <= up <= found.ended.latest
    truth = up - down
    assert found.length.seconds - found.length.minus - 1e-9 <= truth <= found.length.seconds + found.length.plus + 1e-9
    assert abs(found.length.seconds - truth) <= GRID + 0.08


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="gGw._", max_size=40), st.booleans(), st.sampled_from(["nyc", "piscataway", None]))
def test_whatever_was_sampled_a_status_is_given_and_it_is_consistent(
    text: str, expect: bool, after: str | None
) -> None:
    found = of(text, expect=expect, after=after)
    assert (found.length is not None) == (found.began is not None and found.ended is not None)
    if found.status is OutageStatus.RECOVERED:
        assert found.restored_by == after or after is None
    if found.began is not None and found.ended is not None:
        assert found.began.earliest <= found.ended.latest
