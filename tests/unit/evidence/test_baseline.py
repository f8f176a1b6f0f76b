"""What must never change is named; what has to change is not; what a place demands is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from drorch.core.clock import Instant
from drorch.core.codec import plain, to_text
from drorch.evidence.baseline import (
    Baseline,
    DatabaseSeen,
    NameSeen,
    Place,
    Role,
    ServiceSeen,
    diff,
    placed,
    told,
    without_drill,
)

HOME = {"finance": Place(primary="nyc", standby="piscataway")}
AWAY = {"finance": Place(primary="piscataway", standby="nyc")}
DRILL_NAME = "payroll.drill.apps.drorch.test"


def node(site: str, role: Role, **changes: Any) -> DatabaseSeen:
    primary = role is Role.PRIMARY
    usual: dict[str, Any] = {
        "follows": None if primary else "nyc",
        "followers": int(primary),
        "slots": ("drorch_finance active",) if primary else (),
        "system": "7",
        "timeline": 1,
        "lsn": "0/3000000",
        "drill_copy": (),
    }
    return DatabaseSeen(group="finance", site=site, role=role, **(usual | changes))


def name(server: str, *, drill: bool = False, points_to: str | None = "nyc") -> NameSeen:
    label = DRILL_NAME if drill else "payroll.apps.drorch.test"
    return NameSeen(application="payroll", group="finance", drill=drill, name=label, server=server, points_to=points_to)


def service(site: str, answers: str | None, *, drill: bool = False) -> ServiceSeen:
    return ServiceSeen(application="payroll", group="finance", drill=drill, site=site, answers=answers)


def seen(**changes: Any) -> Baseline:
    usual: dict[str, Any] = {
        "taken": Instant(mono=1.0, wall=datetime(2026, 1, 1, tzinfo=UTC)),
        "databases": (node("nyc", Role.PRIMARY), node("piscataway", Role.STANDBY)),
        "names": (
            name("piscataway"),
            name("valencia"),
            name("piscataway", drill=True, points_to="piscataway"),
            name("valencia", drill=True, points_to="piscataway"),
        ),
        "services": (
            service("nyc", "payroll of nyc"),
            service("piscataway", None),
            service("nyc", None, drill=True),
            service("piscataway", None, drill=True),
        ),
    }
    return Baseline(**(usual | changes))


def with_node(**changes: Any) -> Baseline:
    whole = seen()
    return replace(whole, databases=(whole.databases[0], replace(whole.databases[1], **changes)))


def names_of(found: tuple[Any, ...]) -> list[str]:
    return [difference.name for difference in found]


def test_the_same_state_at_another_time_and_log_position_does_not_differ() -> None:
    later = seen(
        taken=Instant(mono=99.0, wall=datetime(2026, 1, 2, tzinfo=UTC)),
        databases=(
            node("nyc", Role.PRIMARY, lsn="0/9000000", timeline=3),
            node("piscataway", Role.STANDBY, lsn="0/8F00000", timeline=3),
        ),
    )
    assert diff(seen(), later) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"role": Role.PRIMARY, "follows": None}, ["replication-changed", "role-changed"]),
        ({"role": Role.UNREACHABLE}, ["role-changed"]),
        ({"follows": None}, ["replication-changed"]),
        ({"follows": "brindisi"}, ["replication-changed"]),
        ({"slots": ("drorch_finance inactive",)}, ["slots-changed"]),
        ({"system": "8"}, ["system-changed"]),
        ({"drill_copy": ("data", "marker")}, ["drill-copy-left"]),
        ({"drill_copy": ("server",)}, ["drill-copy-left"]),
    ],
)
def test_each_change_of_a_database_is_named(changes: dict[str, Any], expected: list[str]) -> None:
    found = diff(seen(), with_node(**changes))
    assert names_of(found) == [f"{code}/finance@piscataway" for code in expected]
    assert all(difference.before != difference.after for difference in found)


def test_a_wrong_or_missing_answer_of_one_server_is_named_with_the_server() -> None:
    before = seen()
    wrong = replace(before, names=(before.names[0], name("valencia", points_to="piscataway"), *before.names[2:]))
    silent = replace(before, names=(*before.names[:3], name("valencia", drill=True, points_to=None)))
    (found,) = diff(before, wrong)
    assert (found.name, found.before, found.after) == (
        "name-changed/payroll.apps.drorch.test@valencia",
        "nyc",
        "piscataway",
    )
    (found,) = diff(before, silent)
    assert (found.name, found.after) == (f"name-changed/{DRILL_NAME}@valencia", "nothing")


def test_who_answers_is_compared_at_every_site() -> None:
    before = seen()
    two = replace(
        before, services=(before.services[0], service("piscataway", "payroll of piscataway"), *before.services[2:])
    )
    copy = replace(
        before,
        services=(*before.services[:3], service("piscataway", told("payroll", "piscataway", drill=True), drill=True)),
    )
    assert names_of(diff(before, two)) == ["service-changed/payroll@piscataway"]
    (left,) = diff(before, copy)
    assert (left.name, left.after) == ("drill-service-left/payroll@piscataway", "drill copy of payroll of piscataway")


def test_what_was_not_looked_at_afterwards_is_a_difference() -> None:
    found = diff(seen(), seen(names=(), databases=()))
    assert {difference.after for difference in found} == {"not looked at"}
    assert names_of(found)[0].startswith("name-changed/")
    assert {difference.code for difference in found} == {"name-changed", "role-changed"}


def test_a_drill_copy_that_was_there_before_the_drill_is_named_all_the_same() -> None:
    dirty = with_node(drill_copy=("data",))
    assert diff(dirty, dirty) == ()
    (left,) = diff(without_drill(dirty), dirty)
    assert (left.name, left.after) == ("drill-copy-left/finance@piscataway", "data")


def test_a_folder_nobody_may_look_at_is_no_difference() -> None:
    blind = with_node(drill_copy=None)
    assert diff(without_drill(blind), blind) == ()


def test_the_normal_state_is_its_own_place_and_the_moved_one_is_not() -> None:
    home = seen()
    assert diff(placed(home, HOME), home) == ()
    assert diff(placed(home, {}), home) == ()
    assert names_of(diff(placed(home, AWAY), home)) == [
        "name-changed/payroll.apps.drorch.test@piscataway",
        "name-changed/payroll.apps.drorch.test@valencia",
        "replication-changed/finance@nyc",
        "replication-changed/finance@piscataway",
        "role-changed/finance@nyc",
        "role-changed/finance@piscataway",
        "service-changed/payroll@nyc",
        "service-changed/payroll@piscataway",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"slots": ("drorch_finance inactive",)}, ["slots-changed/finance@piscataway"]),
        ({"slots": ("cascade active",)}, []),
        ({"follows": None}, ["replication-changed/finance@piscataway"]),
        ({"drill_copy": ("marker",)}, ["drill-copy-left/finance@piscataway"]),
    ],
)
def test_a_place_demands_protection_and_nothing_left_over(changes: dict[str, Any], expected: list[str]) -> None:
    found = with_node(**changes)
    assert names_of(diff(placed(found, HOME), found)) == expected


def test_a_primary_without_its_standby_is_not_the_normal_state_and_one_with_two_is() -> None:
    def home(followers: int) -> Baseline:
        return seen(databases=(node("nyc", Role.PRIMARY, followers=followers), node("piscataway", Role.STANDBY)))

    assert names_of(diff(placed(home(0), HOME), home(0))) == ["replication-changed/finance@nyc"]
    assert diff(placed(home(2), HOME), home(2)) == ()


def test_json_is_the_same_for_the_same_and_holds_everything() -> None:
    data = plain(seen())
    assert to_text(seen()) == to_text(seen())
    assert data["databases"][0]["lsn"] == "0/3000000"
    assert data["taken"] == plain(seen().taken)
