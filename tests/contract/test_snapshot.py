"""A snapshot over a real primary and its standby, real name servers and listeners; the meter beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from drorch.adapters.clock import SystemClock
from drorch.adapters.probes.protection import ProtectionMeter
from drorch.adapters.probes.snapshot import take_snapshot
from drorch.estate.model import DatabaseNode, Estate
from drorch.evidence.baseline import Baseline, Role, diff
from drorch.evidence.codec import read_protection
from drorch.evidence.protection import ProtectionSample
from drorch.testing.builders import small_catalog
from drorch.testing.services import SITES, FakeApplication, Services, free_port, names_of

from .postgres import Postgres, programs

GROUP, APPLICATION = "nyc-platform", "directory"


@dataclass
class World:
    """One application with its database pair."""

    services: Services
    primary: Postgres
    standby: Postgres
    estate: Estate

    def snapshot(self, user: str = "drorch") -> Baseline:
        return take_snapshot(replace(self.estate, database_user=user), small_catalog(), [APPLICATION], SystemClock())

    def serve(self, site: str, *, drill: bool = False) -> None:
        ports = self.estate.applications[APPLICATION]
        answers = FakeApplication(application=APPLICATION, site=site, data_address=SITES[site], drill=drill)
        self.services.open(SITES[site], ports.drill_port if drill else ports.port, answers)


def ask(server: Postgres, statement: str) -> list[tuple[object, ...]]:
    where = {"host": server.endpoint.address, "port": server.endpoint.port}
    with psycopg.connect(**where, user="drorch", dbname="postgres", autocommit=True) as opened:  # type: ignore[arg-type]
        done = opened.execute(statement.encode())
        return done.fetchall() if done.description else []


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def node_of(site: str, server: Postgres) -> DatabaseNode:
    return DatabaseNode(
        group=GROUP,
        site=site,
        endpoint=server.endpoint,
        drill_data=str(server.data.with_name(f"drill-{site}")),
        drill_port=free_port(server.endpoint.address),
    )


@pytest.fixture
def world() -> Iterator[World]:
    with Services() as services, programs() as place, Postgres(place, "primary").created() as primary:
        primary.start()
        ask(primary, "select pg_create_physical_replication_slot('spare', true)")
        with Postgres(place, "standby", SITES["piscataway"]).copied_from(primary) as standby:
            standby.start()
            nodes = (node_of("nyc", primary), node_of("piscataway", standby))
            both = (SITES["nyc"], SITES["piscataway"])
            names = names_of(APPLICATION, free_port(*both), free_port(*both))
            made = World(services, primary, standby, services.estate({APPLICATION: names}, nodes))
            made.estate = replace(made.estate, database_name="postgres", database_user="drorch")
            services.point(names.name, "nyc")
            services.point(names.drill_name, "piscataway")
            made.serve("nyc")
            wait_until(lambda: made.snapshot().databases[1].follows == "nyc")
            yield made


def test_everything_is_seen_as_it_is_and_every_change_is_named(world: World) -> None:
    before = world.snapshot()
    primary, standby = before.databases
    assert (primary.site, primary.role, primary.followers) == ("nyc", Role.PRIMARY, 1)
    assert primary.slots == ("spare inactive",)
    assert (standby.site, standby.role, standby.follows) == ("piscataway", Role.STANDBY, "nyc")
    assert primary.system == standby.system
    assert primary.timeline == 1
    assert standby.drill_copy == ()
    assert {(name.server, name.drill): name.points_to for name in before.names} == {
        ("piscataway", False): "nyc",
        ("valencia", False): "nyc",
        ("piscataway", True): "piscataway",
        ("valencia", True): "piscataway",
    }
    assert [(seen.site, seen.drill, seen.answers) for seen in before.services] == [
        ("nyc", False, "directory of nyc"),
        ("piscataway", False, None),
        ("nyc", True, None),
        ("piscataway", True, None),
    ]
    ask(world.primary, "create table changed ()")
    assert diff(before, world.snapshot()) == ()

    names, node = world.estate.applications[APPLICATION], world.estate.databases[1]
    assert node.drill_data is not None
    assert node.drill_port is not None
    Path(node.drill_data).mkdir()
    Path(node.drill_data + ".drorch-drill").write_text("some run\n")
    world.services.open(node.endpoint.address, node.drill_port, lambda method, path, body: None)
    world.serve("piscataway", drill=True)
    world.serve("piscataway")
    world.services.point(names.name, "brindisi", at="valencia")
    del world.services.names["piscataway"][names.drill_name]
    ask(world.primary, "select pg_drop_replication_slot('spare')")
    assert {(found.name, found.after) for found in diff(before, world.snapshot())} == {
        ("drill-copy-left/nyc-platform@piscataway", "data, marker, server"),
        ("drill-service-left/directory@piscataway", "drill copy of directory of piscataway"),
        ("service-changed/directory@piscataway", "directory of piscataway"),
        (f"name-changed/{names.name}@valencia", "brindisi"),
        (f"name-changed/{names.drill_name}@piscataway", "nothing"),
        ("slots-changed/nyc-platform@nyc", "nothing"),
    }


def test_a_swapped_role_is_named_and_the_meter_saw_when_it_happened(world: World, tmp_path: Path) -> None:
    before, file = world.snapshot(), tmp_path / "protection.jsonl"

    def looks() -> tuple[ProtectionSample, ...]:
        return read_protection(file.read_text())

    with ProtectionMeter(world.estate, [GROUP], file):
        wait_until(lambda: any(look.protected for look in looks()))
        ask(world.standby, "select pg_promote()")
        wait_until(lambda: looks()[-1].reason == "two primaries answer: nyc and piscataway")
        world.primary.stop()
        wait_until(lambda: looks()[-1].reason == "nyc does not answer")
    told = [look.protected for look in looks()]
    assert told == sorted(told, reverse=True)
    assert {(found.name, found.after) for found in diff(before, world.snapshot())} == {
        ("role-changed/nyc-platform@nyc", "unreachable"),
        ("role-changed/nyc-platform@piscataway", "primary"),
        ("replication-changed/nyc-platform@piscataway", "followed by nothing"),
    }


def test_the_meter_looks_no_more_when_it_is_left(world: World, tmp_path: Path) -> None:
    file = tmp_path / "protection.jsonl"
    sessions = "select count(*) from pg_stat_activity where application_name = 'drorch-protection'"
    with ProtectionMeter(world.estate, [GROUP], file):
        wait_until(lambda: file.read_text() != "")
        assert ask(world.primary, sessions) == [(1,)]
    written = file.read_text()
    wait_until(lambda: ask(world.primary, sessions) == [(0,)])
    assert file.read_text() == written


def test_what_our_user_may_not_look_at_is_not_known_and_no_error(world: World) -> None:
    ask(world.primary, "create role reader login in role pg_monitor")
    wait_until(lambda: world.snapshot("reader").databases[1].role is Role.STANDBY)
    primary = world.snapshot("reader").databases[0]
    assert (primary.role, primary.followers, primary.drill_copy) == (Role.PRIMARY, 1, None)
