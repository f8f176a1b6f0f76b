"""Unknown is never green: what is missing is named, and the result says between which bounds it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drorch.access.assess import Assessment, Status, assess
from drorch.access.codec import assessment_to_json
from drorch.access.model import Constraint
from drorch.access.seats import UNLIMITED, exactly, total, unknown
from tests.unit.access.worked import worked_model

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROOF = "\nproofs:\n  - {id: day, held: 800, tested_on: 2026-10-01, evidence: test, provenance: {default: synthetic}}\n"
LAST = "seats: 2000, as_of: 2026-11-20, provenance: {default: synthetic}}\n"
"""The end of the example, and the capacity of its one identity service."""
ENOUGH = (
    ("seats: 160", "seats: 900"),
    ("seats: 340", "seats: 900"),
    ("seats: 140", "seats: 900"),
    ("seats: 200,", "seats: 900,"),
    ("machine_count: ", "machine_count: 9"),
    ("mbit_s: 250", "mbit_s: unlimited"),
    ("mbit_s: 100,", "mbit_s: unlimited,"),
    ("server: licences-1, model: concurrent, count: 900", "server: licences-1, model: concurrent, count: unlimited"),
    ("licences:\n", "licences:\n  - {id: spare, server: licences-2, model: concurrent, count: unlimited, "
     "as_of: 2026-11-20, provenance: {default: synthetic}}\n"),
    (LAST, LAST + PROOF),
)  # fmt: skip
"""Enough of everything at either site, proven last month."""


def assessed(*changes: tuple[str, str]) -> Assessment:
    return assess(worked_model(*changes), NOW)


def texts(found: Assessment, status: Status) -> list[str]:
    return [reason.text for reason in found.reasons if reason.status is status]


def test_green_exists() -> None:
    found = assessed(*ENOUGH)
    assert (found.status, found.reasons) == (Status.GREEN, ())


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (("seats: 2000, as_of", "seats: unknown, as_of"), "seats of tokens"),
        (("platform_sessions: 2000", "platform_sessions: unknown"), "platform limit of gateway-a"),
        ((", throughput_mbit_s: 1000", ""), "licensed throughput of gateway-a"),
        (("logon: 45s, ", ""), "measured logon duration of finance-a"),
        (("site: a, mbit_s: unlimited", "site: a"), "rate of the line link-a"),
        (("licences-1, model: concurrent, count: unlimited", "licences-1, model: concurrent, count: unknown"),
         "number of concurrent"),
        (("seats: 900, machine_count: 97", "seats: unknown, machine_count: 97"), "seats of finance-a"),
        (("seats: 900, machine_count: 97", "seats: 900"), "number of machines of finance-a"),
    ],
)  # fmt: skip
def test_a_limit_without_data(change: tuple[str, str], missing: str) -> None:
    found = assessed(*ENOUGH, change)
    assert found.status is Status.UNKNOWN
    assert f"not known: {missing}" in texts(found, Status.UNKNOWN)
    assert missing in found.outcomes[0].missing


@pytest.mark.parametrize(
    ("section", "missing"),
    [
        ("identity", "identity services (second factor, directory, profiles): not declared"),
        ("licences", "licences: not declared"),
        ("links", "line of a: not declared"),
        ("gateways", "gateway that serves a: not declared"),
    ],
)
def test_a_constraint_that_nobody_declared(section: str, missing: str) -> None:
    model = worked_model(*ENOUGH)
    field = {"identity": "identity", "licences": "licences", "links": "links", "gateways": "gateways"}[section]
    found = assess(type(model)(**{**vars(model), field: ()}), NOW)
    assert found.status is Status.UNKNOWN
    assert f"not known: {missing}" in texts(found, Status.UNKNOWN)
    assert found.outcomes[0].served.least == 0
    assert found.outcomes[0].served.most == 735


def test_a_certain_shortage_is_red_although_something_is_unknown() -> None:
    found = assessed(("seats: 2000, as_of", "seats: unknown, as_of"))
    assert found.status is Status.RED
    normal = found.outcomes[0]
    assert (normal.served.least, normal.served.most) == (0, 735)
    assert found.headroom is None
    without_a = found.outcome("loss_of_a")
    assert without_a is not None
    assert (without_a.served.least, without_a.served.most) == (0, 280)


def test_data_without_a_date_is_unknown() -> None:
    found = assessed(*ENOUGH, ("mbit_s: unlimited, as_of: 2026-11-20", "mbit_s: unlimited"))
    assert found.status is Status.UNKNOWN
    assert texts(found, Status.UNKNOWN) == [
        "bandwidth at a: the age of the data is not known",
        "bandwidth at b: the age of the data is not known",
    ]


def test_data_from_the_future_is_unknown() -> None:
    found = assessed(*ENOUGH, ("seats: 2000, as_of: 2026-11-20", "seats: 2000, as_of: 2026-11-24"))
    assert texts(found, Status.UNKNOWN) == ["identity: the data is dated in the future"]


def test_old_data_is_not_green() -> None:
    at_the_limit = ("seats: 2000, as_of: 2026-11-20", "seats: 2000, as_of: 2026-11-09T12:00Z")
    assert assessed(*ENOUGH, at_the_limit).status is Status.GREEN
    found = assessed(*ENOUGH, ("seats: 2000, as_of: 2026-11-20", "seats: 2000, as_of: 2026-11-09T11:59Z"))
    assert found.status is Status.AMBER
    assert texts(found, Status.AMBER) == ["identity: data is older than 2 intervals"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((PROOF, ""), "never proven by a test"),
        (("tested_on: 2026-10-01", "tested_on: 2025-10-01"), "the proof is 418 days old"),
        (("tested_on: 2026-10-01", "tested_on: 2026-12-01"), "never proven by a test"),
        (("held: 800", "held: 700"), "only 700 of 735 required sessions are proven"),
        (("held: 800", "held: 800, scenario: loss_of_a"), "never proven by a test"),
        (("count: unlimited", "count: unlimited, lease_until: 2026-12-10"), "licences spare end on 2026-12-10"),
        (("seats: 2000, as_of", "seats: 880, as_of"), "headroom is 20 %, and 20 % is wanted"),
    ],
)
def test_what_is_amber(change: tuple[str, str], says: str) -> None:
    found = assessed(*ENOUGH, change)
    assert found.status is Status.AMBER
    assert says in texts(found, Status.AMBER)


def test_shortage_of_those_who_are_shed_first_is_amber_only() -> None:
    found = assessed(*ENOUGH, ("critical: 70", "critical: 70, standard: 5000"))
    assert found.status is Status.AMBER
    assert found.outcomes[0].required_short.most == 0
    assert found.outcomes[0].standard_short.least == 5735 - 2000


def test_shortage_of_dependants_is_amber_and_of_critical_people_red() -> None:
    assert assessed(*ENOUGH, ("seats: 2000, as_of", "seats: 680, as_of")).status is Status.AMBER
    assert assessed(*ENOUGH, ("seats: 2000, as_of", "seats: 669, as_of")).status is Status.RED


def test_rows_are_per_site_and_constraint() -> None:
    found = assessed()
    assert [(row.site, row.constraint) for row in found.rows] == [
        *((site, constraint) for site in ("a", "b") for constraint in Constraint
          if constraint not in (Constraint.IDENTITY, Constraint.LICENSE)),
        (None, Constraint.IDENTITY),
        (None, Constraint.LICENSE),
    ]  # fmt: skip
    desktops = found.rows[0]
    assert (desktops.seats.least, desktops.left.least, desktops.bottleneck) == (500, 0, True)
    desktops_b = next(row for row in found.rows if row.site == "b" and row.constraint is Constraint.VDA)
    assert (desktops_b.seats.least, desktops_b.left.least, desktops_b.bottleneck) == (340, 140, False)


def test_json_has_totals_of_departments_and_null_for_unknown() -> None:
    data = assessment_to_json(assessed(("seats: 2000, as_of", "seats: unknown, as_of")))
    assert data["required"] == 735
    identity = next(row for row in data["constraints"] if row["constraint"] == "identity")  # type: ignore[attr-defined]
    assert (identity["seats"], identity["at_least"], identity["at_most"]) == (None, 0, "unlimited")
    assert data["headroom"] is None


def test_arithmetic_of_seats() -> None:
    half_known = unknown("x", least=10, most=20)
    assert total((half_known, exactly(5))) == unknown("x", least=15, most=25)
    assert half_known.capped(exactly(5)) == exactly(5)
    assert half_known.capped(exactly(15)) == unknown("x", least=10, most=15)
    assert UNLIMITED.capped(exactly(3)) == exactly(3)
    assert total(()) == exactly(0)
    assert exactly(2.9) == exactly(2)
