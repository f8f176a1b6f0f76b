"""Replication is proved end to end over a real primary and a real standby."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest

from drorch.adapters.clock import SystemClock
from drorch.adapters.probes.observer import ProbeObserver
from drorch.estate.model import DatabaseNode, Estate
from drorch.plan.model import ReplicationAct
from drorch.run.ports import Proof
from drorch.testing.services import SITES

from .postgres import Postgres, programs

ACT = ReplicationAct(group="g", primary="nyc", standby="piscataway", max_lag_s=1.0)


@dataclass
class Pair:
    primary: Postgres
    standby: Postgres

    def prove(self, act: ReplicationAct = ACT, deadline_s: float = 0.1) -> Proof:
        nodes = tuple(
            DatabaseNode(group="g", site=site, endpoint=server.endpoint)
            for site, server in (("nyc", self.primary), ("piscataway", self.standby))
        )
        estate = Estate(
            schema=1,
            name="test",
            zone="z",
            inventory="i",
            name_servers=(),
            sites=SITES,
            databases=nodes,
            applications={},
            database_name="postgres",
            database_user="drorch",
            pgpass_file="/nowhere",
            ssh={},
            ansible_env={},
        )
        clock = SystemClock()
        return ProbeObserver(estate, None, clock).prove(act, since=clock.now(), deadline_s=deadline_s)


def tell(server: Postgres, *statements: str) -> None:
    where = {"host": server.endpoint.address, "port": server.endpoint.port}
    with psycopg.connect(**where, user="drorch", dbname="postgres", autocommit=True) as opened:  # type: ignore[arg-type]
        for statement in statements:
            opened.execute(statement.encode())


@pytest.fixture
def pair() -> Iterator[Pair]:
    with programs() as place, Postgres(place, "primary").created() as primary:
        primary.start()
        with Postgres(place, "standby", "127.20.0.1").copied_from(primary) as standby:
            standby.start()
            yield Pair(primary, standby)


def test_what_replicates_is_proved_and_every_fault_is_named(pair: Pair) -> None:
    proof = pair.prove(deadline_s=10)
    assert proof.holds, proof
    assert proof.facts["receiver"] == "streaming"
    assert proof.facts["lag_bytes"] == 0

    swapped = replace(ACT, primary="piscataway", standby="nyc")
    assert pair.prove(swapped).code == "primary-in-recovery"

    tell(pair.standby, "select pg_wal_replay_pause()")
    late = pair.prove(replace(ACT, max_lag_s=0.2))
    assert (late.holds, late.code) == (False, "lag")
    tell(pair.standby, "select pg_wal_replay_resume()")
    assert pair.prove(deadline_s=10).holds

    tell(pair.standby, "alter system set primary_conninfo = 'host=127.10.0.1 port=1'", "select pg_reload_conf()")
    cut = pair.prove(deadline_s=2)
    assert (cut.holds, cut.code) == (False, "not-streaming"), cut
    tell(pair.standby, "alter system reset primary_conninfo", "select pg_promote()")
    assert pair.prove().code == "standby-not-in-recovery"

    pair.standby.stop()
    gone = pair.prove()
    assert (gone.holds, gone.code) == (False, "database-unreachable")
    assert "piscataway" in gone.reason


def test_a_standby_of_something_else_is_no_protection() -> None:
    with (
        programs() as place,
        Postgres(place, "primary").created() as primary,
        Postgres(place, "stranger", "127.20.0.1").created() as stranger,
    ):
        primary.start()
        (stranger.data / "standby.signal").touch()
        stranger.start()
        proof = Pair(primary, stranger).prove()
        assert (proof.holds, proof.code) == (False, "system-differs")
