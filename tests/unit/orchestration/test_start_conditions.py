"""What is looked at before a start: the programme's windows, the estate's verified capacity, other runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from drorch.catalog.files import load_catalog_file
from drorch.catalog.model import Catalog
from drorch.core.clock import Instant
from drorch.core.errors import InputInvalid
from drorch.estate.model import Estate, SiteCapacity
from drorch.orchestration.held_groups import Known
from drorch.orchestration.start_conditions import look, programme_file
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Plan
from drorch.run.conditions import Conditions
from drorch.testing.runs import created

ROOT = Path(__file__).parents[3]
YEAR = ROOT / "year.yaml"
CATALOG = load_catalog_file(ROOT / "app_catalog.yaml")
GROUP = "nyc-finance"
OPEN = datetime(2013, 3, 2, 15, tzinfo=UTC)
"""A Saturday morning in New York."""
SHUT = datetime(2013, 3, 4, 15, tzinfo=UTC)
"""The Monday after it."""


def estate_with(capacity: Mapping[str, SiteCapacity], name: str = "production") -> Estate:
    return Estate(
        schema=1,
        name=name,
        zone="z",
        inventory="i",
        name_servers=(),
        sites={},
        databases=(),
        applications={},
        database_name="d",
        database_user="u",
        pgpass_file="p",
        ssh={},
        ansible_env={},
        capacity=capacity,
    )


def plan_of(kind: Kind = Kind.SWITCHOVER, *groups: str, catalog: Catalog = CATALOG) -> Plan:
    return build_plan(catalog, kind=kind, groups=groups or (GROUP,), playbooks_id="sha256:" + "0" * 64)


def looked(
    plan: Plan | None = None,
    *,
    at: datetime = OPEN,
    year: Path | None = YEAR,
    capacity: Mapping[str, SiteCapacity] | None = None,
    others: tuple[Known, ...] = (),
) -> Conditions:
    plan = plan or plan_of()
    return look(plan, CATALOG, estate_with(capacity or {}), year, others, Instant(mono=0.0, wall=at))


def test_open_everywhere_closes_nothing() -> None:
    assert looked(at=OPEN).closed == ()


def test_outside_its_windows_a_site_is_closed_until_it_opens_for_long_enough() -> None:
    (nyc,) = looked(at=SHUT).closed
    assert nyc.site == "nyc"
    assert nyc.why == "nothing allows it at this time"
    assert nyc.opens == "2013-03-06T03:00:00+00:00"  # Tuesday 22:00 in New York


def test_a_window_that_ends_before_the_plan_would_is_no_window() -> None:
    plan = plan_of()
    long = replace(plan, steps=tuple(replace(step, estimate_s=7200.0) for step in plan.steps))
    two_hours_before_the_end = datetime(2013, 3, 2, 23, tzinfo=UTC)
    assert looked(plan, at=two_hours_before_the_end).closed == ()
    assert [site.site for site in looked(long, at=two_hours_before_the_end).closed] == ["nyc"]


def test_a_programme_that_cannot_be_read_closes_every_site(tmp_path: Path) -> None:
    broken = tmp_path / "year.yaml"
    broken.write_text("schema: [", encoding="utf-8")
    found = looked(year=broken)
    assert {site.site for site in found.closed} == {"nyc", "piscataway"}
    assert "cannot be read" in found.closed[0].why
    assert {site.site for site in looked(year=tmp_path / "gone.yaml").closed} == {"nyc", "piscataway"}


def verified(applications: int, *, days_ago: int = 10) -> dict[str, SiteCapacity]:
    day = (OPEN - timedelta(days=days_ago)).date()
    return {"piscataway": SiteCapacity(applications=applications, verified=day, by="a drill")}


def test_the_target_has_to_carry_what_comes_and_what_it_serves_already() -> None:
    (room,) = looked(capacity=verified(46)).rooms  # eight come, twelve remote desktops are there already
    assert (room.site, room.needed, room.stated) == ("piscataway", 20, 46)
    home = plan_of(Kind.FAILBACK)
    at_home = {app.id for app in CATALOG.applications if app.group and CATALOG.group(app.group).primary_site == "nyc"}
    (room,) = looked(home).rooms
    assert (room.site, room.needed, room.stated) == ("nyc", len(at_home), None)


def test_a_verification_counts_for_a_year() -> None:
    assert looked(capacity=verified(50, days_ago=366)).rooms[0].stated == 50
    (room,) = looked(capacity=verified(50, days_ago=367)).rooms
    assert room.stated is None
    assert "more than a year ago" in room.basis


def test_tier_1_groups_here_and_in_other_runs_that_move_them(tmp_path: Path) -> None:
    limited = tmp_path / "year.yaml"
    limited.write_text(YEAR.read_text(encoding="utf-8") + "\nlimits: {tier_1_groups_at_once: 1}\n", encoding="utf-8")
    others = (
        Known(run="moves", created=created(plan_of(Kind.SWITCHOVER, "nyc-people"))),
        Known(run="only-a-drill", created=created(plan_of(Kind.DRILL, "nyc-platform"))),
    )
    found = looked(year=limited, others=others)
    assert found.tier_1_here == (GROUP,)
    assert dict(found.tier_1_elsewhere) == {"nyc-people": "moves"}
    assert found.tier_1_limit == 1


@pytest.mark.parametrize("kind", [Kind.READINESS, Kind.FAILOVER])
def test_nothing_is_looked_at_where_nothing_can_be_refused(kind: Kind) -> None:
    plan = build_plan(CATALOG, kind=kind, lose="nyc", playbooks_id="sha256:" + "0" * 64)
    assert looked(plan, year=None) == Conditions()
    assert programme_file(plan, CATALOG, estate_with({}), None) is None


def test_the_programme_that_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan, here, named = plan_of(), estate_with({}), tmp_path / "named.yaml"
    with pytest.raises(InputInvalid, match="nothing says when a switchover may run"):
        programme_file(plan, CATALOG, here, None)
    assert programme_file(plan, CATALOG, estate_with({}, name="lab"), None) is None
    named.write_text("schema: [", encoding="utf-8")
    with pytest.raises(InputInvalid, match=r"not valid YAML"):
        programme_file(plan, CATALOG, here, named)
    named.write_bytes(YEAR.read_bytes())
    assert programme_file(plan, CATALOG, estate_with({}, name="lab"), named) == named
    (tmp_path / "year.yaml").write_bytes(YEAR.read_bytes())
    assert programme_file(plan, CATALOG, here, None) == tmp_path / "year.yaml"
    monkeypatch.setenv("DRORCH_YEAR", str(named))
    assert programme_file(plan, CATALOG, here, None) == named


def test_a_limit_has_to_be_a_number_from_one_on(tmp_path: Path) -> None:
    wrong = tmp_path / "year.yaml"
    wrong.write_text(YEAR.read_text(encoding="utf-8") + "\nlimits: {tier_1_groups_at_once: 0}\n", encoding="utf-8")
    assert "cannot be read" in looked(year=wrong).closed[0].why


def test_dates_of_the_estate_are_dates() -> None:
    assert cast(object, verified(1)["piscataway"].verified).__class__ is date
