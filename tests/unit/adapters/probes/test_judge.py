"""Every answer that could be taken for a good one by mistake."""

from __future__ import annotations

import json

import pytest

from drorch.adapters.probes.judge import Judgement, judge_answer, judge_names
from drorch.adapters.probes.kinds.wire import Answer
from drorch.adapters.probes.spec import WatchTarget
from drorch.evidence.model import SampleReason

SITE_OF = {"127.10.0.1": "nyc", "127.20.0.1": "piscataway"}
TARGET = WatchTarget(
    application="mail",
    name="mail.apps.drorch.test",
    port=8000,
    grid_s=0.2,
    data={"127.10.0.1:5401": "nyc", "127.20.0.1:5401": "piscataway"},
)
GOOD = {
    "application": "mail",
    "site": "piscataway",
    "drill": False,
    "token": "t1",
    "data_address": "127.20.0.1",
    "data_port": 5401,
    "in_recovery": False,
}


def judged(
    changes: dict[str, object], *, status: int = 200, target: WatchTarget = TARGET, full: bool = True
) -> Judgement:
    answer = Answer(status=status, body=json.dumps({**GOOD, **changes}).encode())
    return judge_answer(target, answer, address="127.20.0.1", site_of=SITE_OF, token="t1" if full else None)


def test_the_right_answer_is_good() -> None:
    assert judged({}) == Judgement(reason=None, served_by="piscataway", data_site="piscataway")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_address": "127.10.0.1"}, SampleReason.WRONG_DATA_SITE),  # the old primary's data
        ({"data_port": 5999}, SampleReason.WRONG_DATA_SITE),  # another group's database
        ({"data_address": "127.50.0.1"}, SampleReason.WRONG_DATA_SITE),
        ({"data_address": None}, SampleReason.WRONG_DATA_SITE),
        ({"in_recovery": True}, SampleReason.READ_ONLY),  # promotion reported, still a standby
        ({"in_recovery": None}, SampleReason.READ_ONLY),
        ({"token": "t0"}, SampleReason.READ_MISMATCH),
        ({"token": None}, SampleReason.READ_MISMATCH),
        ({"application": "directory"}, SampleReason.WRONG_IDENTITY),
        ({"site": "nyc"}, SampleReason.WRONG_IDENTITY),
        ({"site": None}, SampleReason.WRONG_IDENTITY),
        ({"drill": True}, SampleReason.WRONG_IDENTITY),
        ({"drill": None}, SampleReason.WRONG_IDENTITY),
    ],
)
def test_an_answer_that_is_wrong_in_one_thing_is_bad(changes: dict[str, object], reason: SampleReason) -> None:
    found = judged(changes)
    assert found.reason is reason
    assert found.detail


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b'{"error": "read-only", "detail": "x"}', 503, SampleReason.READ_ONLY),
        (b'{"error": "database", "detail": "x"}', 503, SampleReason.HTTP_ERROR),
        (b"not json", 500, SampleReason.HTTP_ERROR),
        (json.dumps(GOOD).encode(), 204, SampleReason.HTTP_ERROR),
        (json.dumps(GOOD).encode(), 302, SampleReason.HTTP_ERROR),
        (b"<html>It works!</html>", 200, SampleReason.WRONG_IDENTITY),
        (b"[]", 200, SampleReason.WRONG_IDENTITY),
        (b"\xff\xfe", 200, SampleReason.WRONG_IDENTITY),
    ],
)
def test_other_answers_are_bad(body: bytes, status: int, reason: SampleReason) -> None:
    answer = Answer(status=status, body=body)
    found = judge_answer(TARGET, answer, address="127.20.0.1", site_of=SITE_OF, token="t1")
    assert found.reason is reason


def test_a_light_answer_tells_nothing_about_data() -> None:
    assert judged({"data_address": "127.10.0.1"}, full=False) == Judgement(reason=None, served_by="piscataway")


def test_a_drill_copy_is_known_by_its_mark_and_its_data_by_address() -> None:
    drill = WatchTarget(application="mail", name="d", port=1, drill=True, grid_s=1.0)
    assert judged({"drill": True, "data_port": 6000}, target=drill).reason is None
    assert judged({}, target=drill).reason is SampleReason.WRONG_IDENTITY


def test_through_the_gateway_the_application_says_where_it_is() -> None:
    through = WatchTarget(application="mail", name="gate", port=1, prefix="/via/mail", via="gate", grid_s=0.2)
    elsewhere = {"site": "nyc", "data_address": "127.10.0.1"}
    assert judged(elsewhere, target=through).served_by == "nyc"
    assert judged({"site": "moon", "data_address": "127.10.0.1"}, target=through).reason is SampleReason.WRONG_IDENTITY
    assert judged({"site": "nyc"}, target=through).reason is SampleReason.WRONG_DATA_SITE


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ({"a": ("127.10.0.1", ""), "b": ("127.10.0.1", "")}, None),
        ({"a": ("127.10.0.1", ""), "b": ("127.20.0.1", "")}, SampleReason.NAME_DISAGREES),
        ({"a": ("127.10.0.1", ""), "b": (None, "no answer")}, SampleReason.NAME_DISAGREES),
        ({"a": (None, "NXDOMAIN"), "b": (None, "no answer")}, SampleReason.NAME_UNRESOLVED),
        ({}, SampleReason.NAME_UNRESOLVED),
    ],
)
def test_all_name_servers_have_to_agree(
    replies: dict[str, tuple[str | None, str]], reason: SampleReason | None
) -> None:
    names = judge_names(replies, SITE_OF)
    assert names.reason is reason
    assert (names.address is None) == (reason is not None)


def test_the_silence_of_a_server_at_a_lost_site_is_no_objection_its_word_is() -> None:
    lost = frozenset({"b"})
    silent = judge_names({"a": ("127.10.0.1", ""), "b": (None, "no answer")}, SITE_OF, explained=lost)
    assert (silent.address, silent.left_out) == ("127.10.0.1", ("b",))
    assert silent.note == "name server left out, its site is lost: b"
    stale = judge_names({"a": ("127.10.0.1", ""), "b": ("127.20.0.1", "")}, SITE_OF, explained=lost)
    assert (stale.address, stale.reason) == (None, SampleReason.NAME_DISAGREES)
    assert judge_names({"a": ("127.10.0.1", ""), "b": ("127.10.0.1", "")}, SITE_OF, explained=lost).note == ""
    nobody = judge_names({"a": (None, "no answer"), "b": (None, "no answer")}, SITE_OF, explained=lost)
    assert nobody.reason is SampleReason.NAME_UNRESOLVED
    other = judge_names({"a": (None, "no answer"), "b": ("127.10.0.1", "")}, SITE_OF, explained=lost)
    assert other.reason is SampleReason.NAME_DISAGREES


def test_through_the_copy_of_a_gateway_the_application_itself_answers() -> None:
    through = WatchTarget(
        application="mail", name="gate", port=1, prefix="/via/mail", via="gate", drill=True, grid_s=1.0
    )
    assert judged({}, target=through).reason is None
    assert judged({"drill": True}, target=through).reason is SampleReason.WRONG_IDENTITY
