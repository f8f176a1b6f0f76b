"""Lines of observations: both ways, and honest about damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.core.codec import to_text
from drorch.core.errors import InputInvalid
from drorch.evidence.codec import read_canaries, read_present, read_samples
from drorch.evidence.model import CanaryWrite, Sample, SampleReason

SITES = st.one_of(st.none(), st.sampled_from(["nyc", "piscataway"]))
TIMES = st.floats(min_value=0, max_value=1e6).map(lambda seconds: round(seconds, 6))
SAMPLES = st.builds(
    Sample,
    application=st.text(max_size=10),
    slot=st.integers(min_value=0, max_value=10**6),
    started=TIMES,
    ended=TIMES,
    wall=st.just("2026-01-01T00:00:00+00:00"),
    good=st.booleans(),
    full=st.booleans(),
    served_by=SITES,
    data_site=SITES,
    names=st.dictionaries(st.sampled_from(["piscataway", "valencia"]), SITES),
    reason=st.one_of(st.none(), st.sampled_from(SampleReason)),
    detail=st.text(max_size=30),
    drill=st.booleans(),
)
CANARY = CanaryWrite(application="mail", number=7, started=1.0, ended=1.25, acknowledged=True)


@settings(deadline=None, max_examples=60)
@given(st.lists(SAMPLES, max_size=4))
def test_samples_come_back_as_they_were(samples: list[Sample]) -> None:
    assert read_samples("".join(map(to_text, samples))) == tuple(samples)


def test_canaries_come_back_as_they_were() -> None:
    assert read_canaries(to_text(CANARY)) == (CANARY,)


def test_a_torn_last_line_is_left_out() -> None:
    text = to_text(CANARY)
    for cut in range(1, len(text) - 1):
        assert read_canaries(text + text[:cut]) == (CANARY,)


@pytest.mark.parametrize("damage", ["{}\n", "nonsense\n", "[1]\n", "\n", '{"application": 3}\n'])
def test_any_other_bad_line_is_named(damage: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        read_canaries(to_text(CANARY) + damage + to_text(CANARY), "c.jsonl")
    assert caught.value.where == "c.jsonl:2"


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(InputInvalid, match="acknowledged: expected true or false"):
        read_canaries(to_text(CANARY).replace("true", "1"))


def test_present_numbers() -> None:
    assert read_present('{"mail": [1, 2, 2], "umoja": null}') == {"mail": (1, 2, 2), "umoja": None}
    for bad in ("[]", "{", '{"mail": [1.5]}', '{"mail": 3}'):
        with pytest.raises(InputInvalid):
            read_present(bad)
