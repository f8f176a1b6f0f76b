"""Which rows of samples prove that an application is served from a site."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.adapters.probes.validation import Expectation, judge_samples
from drorch.evidence.model import Sample, SampleReason
from drorch.plan.model import ValidateAct

WANTED = Expectation(
    act=ValidateAct(application="mail", site="piscataway"),
    servers=frozenset({"piscataway", "valencia"}),
    named_site="piscataway",
)
FULL = Sample(
    application="mail",
    slot=0,
    started=1.0,
    ended=1.01,
    wall="",
    good=True,
    full=True,
    served_by="piscataway",
    data_site="piscataway",
    names={"piscataway": "piscataway", "valencia": "piscataway"},
)
LIGHT = replace(FULL, full=False, data_site=None)
BAD = replace(FULL, good=False, reason=SampleReason.READ_ONLY, detail="standby")


@pytest.mark.parametrize("row", [[FULL, FULL], [FULL, LIGHT], [LIGHT, FULL], [BAD, FULL, LIGHT], [FULL, LIGHT, LIGHT]])
def test_two_in_a_row_with_a_full_one_prove_it(row: list[Sample]) -> None:
    assert judge_samples(WANTED, row).holds


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ([], "not-observed"),
        ([FULL], "not-settled"),
        ([LIGHT, LIGHT, LIGHT], "not-settled"),
        ([FULL, BAD, LIGHT, LIGHT], "not-settled"),
        ([FULL, FULL, BAD], "read-only"),
        ([FULL, replace(FULL, served_by="nyc")], "wrong-site"),
        ([FULL, replace(FULL, data_site="nyc")], "wrong-data-site"),
        ([FULL, replace(FULL, names={"piscataway": "piscataway"})], "name-disagrees"),
        ([FULL, replace(FULL, names={"piscataway": "piscataway", "valencia": None})], "name-disagrees"),
        ([FULL, replace(FULL, names={"piscataway": "nyc", "valencia": "nyc"})], "name-disagrees"),
        ([FULL, replace(FULL, names={"piscataway": "piscataway", "valencia": "nyc"})], "name-disagrees"),
    ],
)
def test_anything_else_does_not(row: list[Sample], code: str) -> None:
    proof = judge_samples(WANTED, row)
    assert (proof.holds, proof.code) == (False, code)
    assert proof.reason


def test_through_a_gateway_the_name_may_point_elsewhere_but_to_one_site() -> None:
    act = ValidateAct(application="mail", site="piscataway", remote_access=True)
    wanted = replace(WANTED, act=act, named_site=None)
    gate = replace(FULL, names={"piscataway": "nyc", "valencia": "nyc"})
    assert judge_samples(wanted, [gate, gate]).holds
    assert not judge_samples(wanted, [gate, replace(gate, names={"piscataway": "nyc", "valencia": "brindisi"})]).holds


def test_only_the_server_of_a_lost_site_may_be_silent_and_the_proof_says_so() -> None:
    silent = replace(FULL, names={"piscataway": "piscataway", "valencia": None})
    wanted = replace(WANTED, lost=frozenset({"valencia"}))
    proof = judge_samples(wanted, [silent, silent])
    assert proof.holds
    assert proof.facts["name_servers_left_out"] == ["valencia"]
    other = replace(FULL, names={"piscataway": None, "valencia": "piscataway"})
    assert judge_samples(wanted, [other, other]).code == "name-disagrees"
    stale = replace(FULL, names={"piscataway": "piscataway", "valencia": "nyc"})
    assert judge_samples(wanted, [stale, stale]).code == "name-disagrees", "what it says counts all the same"
    assert "name_servers_left_out" not in judge_samples(wanted, [FULL, FULL]).facts
