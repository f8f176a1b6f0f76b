"""Guards and judgement of the yearly test: what stops it, what passes, and what proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.access.denial_test.journal import Happening, lines_of, open_journal, records_in
from drorch.access.denial_test.model import Course, Criteria, Login, Look, Method, Outcome, judge, quantile, why_stop
from drorch.core.errors import InputInvalid
from drorch.core.stream import Draft
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore

CALM = Look(held=0, sessions=450, licences_free=400, licence_count=800, highest_load=4000, licence_denials=0)
CRITERIA = Criteria()


def login(number: int, *, ok: bool = True, seconds: float = 5.0, trouble: str | None = None) -> Login:
    reached = ("unbis",) if ok else ()
    return Login(account=number, department="dm", succeeded=ok, seconds=seconds, trouble=trouble, reached=reached)


def course(**changes: object) -> Course:
    base = Course(
        method=Method.RAMP,
        criteria=CRITERIA,
        required={"dm": 300},
        planned=300,
        logins=tuple(map(login, range(300))),
        looks=(CALM, CALM),
        held_s=1800,
        peak_held=300,
        ended=True,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_300_without_a_failure_held_for_half_an_hour_pass() -> None:
    found = judge(course())
    assert (found.outcome, found.reasons, found.proven) == (Outcome.PASS, (), 300)
    assert found.departments[0].reached == ("unbis",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"held_s": 1799.0}, "held for 1799 s"),
        ({"left": (7,)}, "1 sessions were not logged off"),
        ({"looks": (CALM, replace(CALM, licence_denials=None))}, "not measured at the end"),
        ({"looks": (CALM, replace(CALM, licence_denials=2))}, "2 denied"),
        ({"logins": tuple(map(login, range(299))), "planned": 300}, "only 299 of 300"),
        ({"logins": (*map(login, range(299)), login(300, ok=False))}, "do not prove 99 %"),
        ({"logins": tuple(login(number, seconds=61) for number in range(300))}, "95th percentile"),
        ({"required": {"dm": 400}}, "300 of 400 took part"),
    ],
)
def test_what_fails_it(changes: dict[str, object], reason: str) -> None:
    found = judge(course(**changes))
    assert found.outcome is Outcome.FAIL
    assert any(reason in item for item in found.reasons)
    assert found.proven == 0


def test_one_failure_needs_473() -> None:
    logins = (*map(login, range(472)), login(473, ok=False))
    found = judge(course(logins=logins, planned=473, peak_held=472))
    assert found.outcome is Outcome.PASS
    assert found.bound is not None
    assert found.bound >= 0.99


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"stopped": "asked by Grace"}, Outcome.STOPPED),
        ({"ended": False}, Outcome.INTERRUPTED),
        ({"interrupted": True, "stopped": "x"}, Outcome.INTERRUPTED),
    ],
)
def test_a_test_that_did_not_run_to_its_end_proves_nothing(changes: dict[str, object], outcome: Outcome) -> None:
    found = judge(course(**changes))
    assert (found.outcome, found.proven) == (outcome, 0)
    assert not any(item.passed for item in found.departments)


def test_an_application_counts_only_when_all_of_the_department_were_offered_it() -> None:
    odd = replace(login(300), reached=())
    found = judge(course(logins=(*map(login, range(299)), odd)))
    assert found.departments[0].reached == ()


BLIND = replace(CALM, highest_load=None)


@pytest.mark.parametrize(
    ("looks", "logins", "reason"),
    [
        ([CALM], [], None),
        ([BLIND, CALM], [], None),
        ([CALM, BLIND], [], None),
        ([BLIND, BLIND], [], "could not be read 2 times"),
        ([replace(CALM, licence_denials=1)], [], "1 denied"),
        ([replace(CALM, licences_free=79)], [], "only 79 of 800"),
        ([replace(CALM, licences_free=80)], [], None),
        ([replace(CALM, highest_load=9001)], [], "load index 9001"),
        ([CALM], [login(1, seconds=121)], "twice the 60 s"),
        ([CALM], [login(n, ok=False, trouble="auth") for n in range(2)], None),
        ([CALM], [login(n, ok=False, trouble="auth") for n in range(3)], "passwords were refused"),
    ],
)
def test_guards(looks: list[Look], logins: list[Login], reason: str | None) -> None:
    found = why_stop(CRITERIA, looks, logins, Method.RAMP)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_an_observed_day_is_not_stopped_for_what_only_a_ramp_risks() -> None:
    look = replace(CALM, licences_free=None, highest_load=9900)
    assert why_stop(CRITERIA, [look, look], [], Method.OBSERVED) is None


def test_quantile_is_by_nearest_rank() -> None:
    assert quantile([]) is None
    assert quantile([float(number) for number in range(1, 101)]) == 95


def test_the_journal_as_a_file_is_read_back_and_a_changed_line_is_named() -> None:
    store, at = MemoryStore(), HandClock().now()
    journal = open_journal(store)
    for number in range(20):
        journal.add("day", [Happening(kind="step", body={"number": number, "text": "ünïcode"})], at=at)
    records = store.read("access-test/day")
    content = lines_of(records)
    assert tuple(records_in(content, "copy")) == records
    for changed in (content.replace(b'"number":7,', b'"number":8,'), content.replace(b"ab", b"ba", 1), content[5:]):
        with pytest.raises(InputInvalid, match="does not follow"):
            records_in(changed, "copy")
    with pytest.raises(InputInvalid, match="does not follow") as found:
        records_in(content.replace(b'"number":7,', b'"number":8,'), "copy")
    assert found.value.where == "copy:8"


def test_a_kind_of_event_that_nobody_knows_is_refused() -> None:
    store = MemoryStore()
    store.append("access-test/day", [Draft(at=HandClock().now().wall, kind="danced", body="{}")])
    with pytest.raises(InputInvalid, match="'danced'") as found:
        open_journal(store).read("day")
    assert found.value.where == "access-test/day record 1"
