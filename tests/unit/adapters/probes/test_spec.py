"""What is watched follows from catalog, estate and plan."""

from __future__ import annotations

import pytest

from drorch.adapters.probes.canary import NUMBERS_PER_SECOND, first_number
from drorch.adapters.probes.spec import WatchSpec, build_watch_spec, watch_target
from drorch.catalog.model import Catalog
from drorch.core.codec import to_text
from drorch.core.errors import InputInvalid, NotFound
from drorch.estate.model import DatabaseNode, Endpoint, Estate, NameServer
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.testing.builders import small_catalog
from drorch.testing.services import SITES, names_of


@pytest.fixture
def catalog() -> Catalog:
    return small_catalog()


@pytest.fixture
def estate(catalog: Catalog) -> Estate:
    gateways = {"archive": "mobile-office"}
    return Estate(
        schema=1,
        name="test",
        zone="apps.drorch.test",
        inventory="i",
        name_servers=(NameServer(site="valencia", endpoint=Endpoint(address=SITES["valencia"], port=5300)),),
        sites=SITES,
        databases=tuple(
            DatabaseNode(group=group.id, site=site, endpoint=Endpoint(address=SITES[site], port=5400 + index))
            for index, group in enumerate(catalog.groups)
            for site in (group.primary_site, group.recovery_site)
            if site
        ),
        applications={
            app.id: names_of(app.id, 7000 + index, 8000 + index, via=gateways.get(app.id))
            for index, app in enumerate(catalog.applications)
        },
        database_name="drorch",
        database_user="drorch",
        pgpass_file="p",
        ssh={},
        ansible_env={},
    )


def spec_of(catalog: Catalog, estate: Estate, kind: Kind) -> WatchSpec:
    plan = build_plan(catalog, kind=kind, playbooks_id="sha256:0", lose="nyc")
    return build_watch_spec(catalog, estate, plan, folder="/run", max_s=60.0)


def test_a_failover_watches_all_in_scope_at_the_databases_of_their_group(catalog: Catalog, estate: Estate) -> None:
    spec = spec_of(catalog, estate, Kind.FAILOVER)
    targets = {target.application: target for target in spec.targets}
    assert {"directory", "mail", "mobile-office"} <= set(targets)
    assert not any(target.drill for target in spec.targets)
    assert targets["mail"].data == {"127.10.0.1:5400": "nyc", "127.20.0.1:5400": "piscataway"}
    assert (targets["mail"].name, targets["mail"].port) == ("mail.apps.drorch.test", 7001)
    assert targets["mail"].canary


def test_a_drill_watches_production_and_the_copies(catalog: Catalog, estate: Estate) -> None:
    spec = spec_of(catalog, estate, Kind.DRILL)
    assert {(target.application, target.drill) for target in spec.targets} >= {("mail", False), ("mail", True)}
    copy = next(target for target in spec.targets if target.application == "mail" and target.drill)
    assert (copy.name, copy.port) == ("mail.drill.apps.drorch.test", 8001)
    assert not copy.canary, "canaries measure production"
    assert not copy.data, "the copy runs on a port that the plan's method chooses"


def test_remote_access_is_reached_at_the_gateways_name(estate: Estate) -> None:
    target = watch_target(estate, "archive", group="remote-desktops")
    assert target.name == "mobile-office.apps.drorch.test"
    assert target.port == estate.applications["mobile-office"].port
    assert (target.prefix, target.via) == ("/via/archive", "mobile-office")
    assert not target.canary


def test_it_comes_back_from_its_text(catalog: Catalog, estate: Estate) -> None:
    spec = spec_of(catalog, estate, Kind.DRILL)
    assert WatchSpec.from_text(to_text(spec)) == spec


@pytest.mark.parametrize("text", ["", "3", "[]", "{}", '{"schema": 2}'])
def test_a_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid, match="let drorch write the file"):
        WatchSpec.from_text(text)


def test_an_application_that_is_nowhere_is_named(estate: Estate) -> None:
    with pytest.raises(NotFound, match="no application nothing"):
        watch_target(estate, "nothing")


def test_canary_numbers_of_a_later_watch_never_meet_those_of_an_earlier_one() -> None:
    begun = 1_790_000_000.0
    seconds = 3600
    assert first_number(begun) + seconds * NUMBERS_PER_SECOND <= first_number(begun + seconds)
    assert first_number(2_100_000_000.0) < 2**31
