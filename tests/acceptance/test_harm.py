"""What each interlock prevents. Every test has three parts: the refusal; the harm, done by hand on the same lab without
drorch; and the lab as new again. A rule that refuses what would do no harm would be bureaucracy.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from drorch.adapters.probes.replication import look_at_replication
from drorch.estate.files import load_estate
from drorch.lab.daemons.databases import connect, role_of, set_replication, start_node
from drorch.lab.damage import primary_of
from drorch.lab.identity import run_tool
from drorch.lab.topology import Node
from drorch.plan.model import Kind, ReplicationAct
from drorch.run import events as ev
from tests.acceptance.conftest import wait_until
from tests.acceptance.control_room import ADA, Room, room_in

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(300)]
GROUP, MIRROR = "nyc-platform", "brindisi-enterprise"
TABLES = {GROUP: "app_mail.transactions", MIRROR: "app_umoja.transactions"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One lab for all."""
    yield from room_in(tmp_path_factory.mktemp("harm"))


@pytest.fixture
def room(shared: Room) -> Iterator[Room]:
    """The lab, as new after each test: what was done to it by hand cannot be failed back."""
    yield shared
    shared.lab.reset()
    assert {node.role for node in shared.lab.status().databases} == {"primary", "streaming"}


def node(room: Room, site: str, group: str = GROUP) -> Node:
    """A database node."""
    return room.lab.topology.node(group, site)


def promote_by_hand(room: Room, site: str, group: str = GROUP) -> None:
    """What an engineer without interlocks types."""
    with connect(room.lab.topology, node(room, site, group)) as opened:
        assert opened.execute("SELECT pg_promote(true, 30)").fetchone() == (True,)


def stop_by_hand(room: Room, site: str, group: str) -> None:
    """A clean stop of one server."""
    topology, data = room.lab.topology, room.lab.topology.data_folder(node(room, site, group))
    run_tool(
        [str(topology.pg_bin / "pg_ctl"), "--pgdata", str(data), "--mode=fast", "--wait", "stop"],
        run_as=topology.run_as,
        cwd=data.parent,
    )


def writes(room: Room, site: str, token: str, group: str = GROUP) -> bool:
    """Whether the server at this site takes, and acknowledges, a write."""
    try:
        with connect(room.lab.topology, node(room, site, group)) as opened:
            opened.execute(f"INSERT INTO {TABLES[group]} (token) VALUES (%s)".encode(), (token,))
    except psycopg.Error:
        return False
    return True


def tokens(room: Room, site: str, group: str = GROUP) -> set[str]:
    """What was written there."""
    with connect(room.lab.topology, node(room, site, group)) as opened:
        return {str(row[0]) for row in opened.execute(f"SELECT token FROM {TABLES[group]}".encode())}


def assert_two_writers(room: Room, one: str, other: str, group: str = GROUP) -> None:
    """Two histories: each takes writes that the other will never have. And drorch's own probe sees it."""
    for site in (one, other):
        assert writes(room, site, f"only at {site}", group)
    assert "only at " + other not in tokens(room, one, group)
    assert "only at " + one not in tokens(room, other, group)
    estate = load_estate(room.lab.estate_file)
    proof = look_at_replication(estate, ReplicationAct(group=group, primary=one, standby=other, max_lag_s=2))
    assert (proof.holds, proof.code) == (False, "standby-not-in-recovery")


def refuses(room: Room, kind: Kind, lose: str, *, code: int = 3) -> str:
    """The run is refused or stands still with this exit code; its id."""
    run = room.prepares(kind, lose=lose)
    with room.driving(run, code=code):
        pass
    return run


def interlocks(room: Room, run: str) -> list[str]:
    """Rules that refused, as the journal has them; each with what it looked at."""
    refused = [body for body in room.bodies(run) if isinstance(body, ev.InterlockRefused)]
    assert all(body.inputs for body in refused)
    return [body.interlock for body in refused]


def started(room: Room, run: str) -> list[str]:
    """Steps that were begun."""
    return [body.step for body in room.bodies(run) if isinstance(body, ev.StepStarted)]


def test_a_failover_of_a_living_site_would_make_two_writers(room: Room) -> None:
    run = refuses(room, Kind.FAILOVER, "nyc")
    assert interlocks(room, run) == ["site-lost"]
    assert started(room, run) == ["nyc/witness"]
    assert "site-lost: the loss of nyc is not witnessed: nyc answers" in room.report_text(run)
    assert not writes(room, "piscataway", "refused")

    promote_by_hand(room, "piscataway")
    assert_two_writers(room, "nyc", "piscataway")


def test_one_unfenced_database_at_a_lost_site_would_go_on_writing(room: Room) -> None:
    """The power is gone, all applications are dark; one database server has a power supply of its own."""
    room.lab.break_("site", "nyc")
    start_node(room.lab.topology, node(room, "nyc"))
    run = refuses(room, Kind.FAILOVER, "nyc")
    assert interlocks(room, run) == ["site-lost"]
    assert f"database {GROUP}" in room.report_text(run)
    assert role_of(room.lab.topology, node(room, "piscataway")) in {"standby", "streaming"}

    promote_by_hand(room, "piscataway")
    assert_two_writers(room, "nyc", "piscataway")


def test_a_switchover_behind_a_cut_replication_would_lose_what_was_acknowledged(room: Room) -> None:
    room.lab.break_("replication", MIRROR)
    told = {f"told it is safe {number}" for number in range(20)}
    assert all(writes(room, "brindisi", token, MIRROR) for token in told)
    run = refuses(room, Kind.SWITCHOVER, "brindisi", code=1)
    (need,) = room.needs(run)
    assert need["step"] == f"{MIRROR}/check"
    assert not {f"{MIRROR}/fence", f"{MIRROR}/handover"} & set(started(room, run))
    assert room.served("umoja") == {"umoja": (("brindisi",), {"brindisi"})}, "nobody noticed anything"
    room.types("run", "skip", run, f"{MIRROR}/check", "--by", ADA, "--reason", "it will be all right", code=3)

    stop_by_hand(room, "brindisi", MIRROR)
    promote_by_hand(room, "valencia", MIRROR)
    lost = told - tokens(room, "valencia", MIRROR)
    assert lost == told, "twenty people were told that it is safe"


def test_two_runs_on_one_group_would_promote_one_node_while_the_other_still_writes(room: Room) -> None:
    # The standby falls behind, so that the first run stands at its check for a while: nothing is stopped yet.
    with connect(room.lab.topology, node(room, "valencia", MIRROR)) as standby:
        standby.execute("SELECT pg_wal_replay_pause()")
    first = room.prepares(Kind.SWITCHOVER, lose="brindisi", patience_s=60)
    with room.driving(first, code=1):
        room.waits(first, ev.StepStarted, step=f"{MIRROR}/check")
        second = room.prepares(Kind.SWITCHOVER, lose="brindisi")
        told = room.types("run", "attach", second, code=3)
        assert first in told
        assert interlocks(room, second) == ["one-run-per-group"]
        assert started(room, second) == []

        # The first run still holds the applications and the primary at Brindisi; a second one would come to this act.
        assert primary_of(room.lab.topology, MIRROR) == node(room, "brindisi", MIRROR)
        promote_by_hand(room, "valencia", MIRROR)
        assert_two_writers(room, "brindisi", "valencia", MIRROR)
    # And what the first run would do next refuses as well: it finds two primaries, or a standby that is none.
    assert "completed" not in str(room.outcome(first))


def test_a_drill_of_a_standby_that_receives_nothing_would_prove_old_data(room: Room) -> None:
    assert writes(room, "nyc", "before the cut")
    wait_until(lambda: "before the cut" in tokens(room, "piscataway"), what="replication")
    room.lab.break_("replication", GROUP)
    assert writes(room, "nyc", "after the cut")
    run = refuses(room, Kind.DRILL, "nyc", code=1)
    assert started(room, run) == [f"{GROUP}/check"]
    assert "PASS" not in room.report_text(run).split("RESULT")[1][:40]

    # The copy somebody makes by hand starts, writes, and looks as good as any. It lacks what was written since.
    topology, standby = room.lab.topology, node(room, "piscataway")
    copy = topology.drill_data_folder(standby)
    set_replication(topology, standby, allowed=True)  # the copy comes from the standby, which receives nothing still
    run_tool(
        [
            *(str(topology.pg_bin / "pg_basebackup"), f"--pgdata={copy}", f"--host={standby.address}"),
            *(f"--port={standby.port}", "--username=drorch", "--wal-method=stream", "--no-slot", "--checkpoint=fast"),
        ],
        run_as=topology.run_as,
        cwd=copy.parent,
        env={"PGPASSFILE": str(topology.pgpass_file)},
    )
    (copy / "standby.signal").unlink()
    run_tool(
        [
            *(str(topology.pg_bin / "pg_ctl"), f"--pgdata={copy}", f"--log={copy}.log", "--wait"),
            *(f"--options=-c primary_conninfo= -p {standby.drill_port}", "start"),
        ],
        run_as=topology.run_as,
        cwd=copy.parent,
    )
    with psycopg.connect(
        host=standby.address,
        port=standby.drill_port,
        dbname="drorch",
        user="drorch",
        passfile=str(topology.pgpass_file),
    ) as opened:
        found = {row[0] for row in opened.execute("SELECT token FROM app_mail.transactions")}
        opened.execute("INSERT INTO app_mail.transactions (token) VALUES ('the copy writes')")
    assert "before the cut" in found
    assert "after the cut" not in found
