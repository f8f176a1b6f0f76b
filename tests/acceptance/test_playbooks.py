"""The PostgreSQL playbooks on real clusters, through the real executor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from drorch.adapters.ansible import AnsibleExecutor
from drorch.estate.model import Estate
from drorch.plan.model import PlaybookAct
from drorch.run.ports import PlaybookRequest, PlaybookResult

from .postgres_pair import PLUGINS, Pair, binaries

pytestmark = [pytest.mark.lab, pytest.mark.skipif(binaries() is None, reason="no PostgreSQL")]
PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
Step = Callable[..., PlaybookResult]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """nyc streams to piscataway."""
    made = Pair.make()
    try:
        yield made
    finally:
        made.down()


@pytest.fixture
def step(pair: Pair, tmp_path: Path) -> Iterator[Step]:
    """Perform a playbook of the group: name, site, other site."""
    estate = Estate(
        schema=1,
        name="pair",
        zone="apps.drorch.test",
        inventory=str(pair.folder / "inventory.yml"),
        name_servers=(),
        sites={},
        databases=(),
        applications={},
        database_name="drorch",
        database_user="drorch",
        pgpass_file=str(pair.folder / "pgpass"),
        ssh={},
        ansible_env={"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS)},
    )
    count = iter(range(1, 100))
    with AnsibleExecutor(tmp_path / "runs", PLAYBOOKS, estate) as executor:

        def perform(name: str, site: str, other: str, *, both: bool = False) -> PlaybookResult:
            hosts = (f"db-g1-{site}", f"db-g1-{other}") if both else (f"db-g1-{site}",)
            variables = {"group": "g1", "site": site, "other_site": other}
            act = PlaybookAct(playbook=f"postgresql_streaming/{name}.yml", hosts=hosts, variables=variables)
            ident = f"g1--{name}.{next(count)}"
            executor.launch(PlaybookRequest(run="run-1", ident=ident, act=act, timeout_s=90))
            result = executor.wait("run-1", ident, 100)
            assert result is not None
            return result

        yield perform


def good(result: PlaybookResult, *hosts: str) -> PlaybookResult:
    """Success as a run judges it."""
    assert (result.rc, result.message) == (0, "")
    assert not (result.dark | result.failures | result.ignored)
    assert result.processed == {f"db-g1-{host}" for host in hosts}
    return result


def until(condition: Callable[[], object], seconds: float = 20) -> bool:
    """Poll with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def streams(pair: Pair, primary: str) -> bool:
    """Whether a standby streams from the node at this site."""
    return pair.sql(primary, "SELECT state FROM pg_stat_replication WHERE application_name <> 'pg_basebackup'") == [
        ("streaming",)
    ]


def test_failover_and_return(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    good(step("check", "nyc", "piscataway", both=True), "nyc", "piscataway")
    pair.sql("nyc", "INSERT INTO kept VALUES (1)")
    assert until(lambda: pair.sql("piscataway", "SELECT number FROM kept") == [(1,)])

    refused = step("recover", "piscataway", "nyc")
    assert refused.rc != 0, "the primary lives: promoting would make two writers"
    assert pair.sql("piscataway", "SELECT pg_is_in_recovery()") == [(True,)]

    pair.kill("nyc")
    pair.power("nyc", "off")
    recovered = good(step("recover", "piscataway", "nyc"), "piscataway")
    assert recovered.facts["changed"] is True
    pair.sql("piscataway", "INSERT INTO kept VALUES (2)")
    again = good(step("recover", "piscataway", "nyc"), "piscataway")
    assert again.facts["changed"] is False

    dark = step("return", "nyc", "piscataway", both=True)
    assert dark.dark == {"db-g1-nyc"}
    pair.power("nyc", "on")
    # What the lost primary wrote on its own is a history of its own: it has to go.
    pair.start("nyc")
    pair.sql("nyc", "INSERT INTO kept VALUES (99)")
    assert until(lambda: (time.sleep(0.5), step("return", "nyc", "piscataway", both=True).rc == 0)[1])
    assert until(lambda: streams(pair, "piscataway"))
    assert pair.sql("nyc", "SELECT number FROM kept ORDER BY 1") == [(1,), (2,)]
    assert good(step("return", "nyc", "piscataway", both=True), "nyc", "piscataway").facts["way"] == "none needed"

    handed = good(step("handover", "nyc", "piscataway", both=True), "nyc", "piscataway")
    assert handed.facts["changed"] is True
    pair.sql("nyc", "INSERT INTO kept VALUES (3)")
    assert until(lambda: pair.sql("piscataway", "SELECT number FROM kept ORDER BY 1") == [(1,), (2,), (3,)])
    assert good(step("handover", "nyc", "piscataway", both=True), "nyc", "piscataway").facts["changed"] is False


def test_an_old_primary_that_cannot_be_rewound_is_rebuilt(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    pair.kill("nyc")
    good(step("recover", "piscataway", "nyc"), "piscataway")
    for segment in (pair.data("nyc") / "pg_wal").glob("0*"):
        segment.unlink()
    result = good(step("return", "nyc", "piscataway", both=True), "nyc", "piscataway")
    assert result.facts["way"] == "rebuilt"
    assert result.facts["why_rebuilt"]
    assert until(lambda: streams(pair, "piscataway"))


def test_a_handover_is_refused_while_somebody_writes(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    enough = threading.Event()

    def write() -> None:
        with psycopg.connect(
            host="127.10.0.1", port=pair.port, user="drorch", dbname="drorch", password="secret-pg-1", autocommit=True,
            application_name="ledger",
        ) as connection:  # fmt: skip
            while not enough.wait(0.2):
                connection.execute("INSERT INTO kept VALUES (7)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = step("handover", "piscataway", "nyc", both=True)
    finally:
        enough.set()
        writer.join()
    assert result.failures == {"db-g1-nyc"}
    assert pair.sql("nyc", "SELECT pg_is_in_recovery()") == [(False,)]
    assert pair.sql("piscataway", "SELECT pg_is_in_recovery()") == [(True,)]


def test_an_interrupted_handover_is_undone(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    pair.run(["pg_ctl", "-D", str(pair.data("nyc")), "-m", "fast", "-w", "stop"])
    good(step("undo", "piscataway", "nyc", both=True), "nyc", "piscataway")
    assert until(lambda: streams(pair, "nyc"))
    assert pair.sql("nyc", "SELECT pg_is_in_recovery()") == [(False,)]


def test_a_promotion_that_is_pending_is_forgotten_by_the_undo(pair: Pair, step: Step) -> None:
    """The worst moment: the standby was told to promote itself, and is not there yet when the undo looks at it."""
    assert until(lambda: streams(pair, "nyc"))
    pair.sql("piscataway", "SELECT pg_wal_replay_pause()")
    pair.sql("nyc", "INSERT INTO kept VALUES (1)")
    pair.run(["pg_ctl", "-D", str(pair.data("nyc")), "-m", "fast", "-w", "stop"])
    pair.freeze_startup("piscataway")
    pair.sql("piscataway", "SELECT pg_promote(false)")
    assert pair.sql("piscataway", "SELECT pg_is_in_recovery()") == [(True,)]
    good(step("undo", "piscataway", "nyc", both=True), "nyc", "piscataway")
    assert pair.sql("nyc", "SELECT pg_is_in_recovery()") == [(False,)]
    time.sleep(1)
    assert pair.sql("piscataway", "SELECT pg_is_in_recovery()") == [(True,)], "not two writers, also not later"
    assert until(lambda: pair.sql("piscataway", "SELECT number FROM kept") == [(1,)])


def test_a_promoted_node_is_not_undone(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    pair.run(["pg_ctl", "-D", str(pair.data("nyc")), "-m", "fast", "-w", "stop"])
    pair.sql("piscataway", "SELECT pg_promote(true, 30)")
    assert step("undo", "piscataway", "nyc", both=True).failures == {"db-g1-piscataway"}
    assert pair.sql("piscataway", "SELECT pg_is_in_recovery()") == [(False,)]
    assert not (pair.data("nyc") / "postmaster.pid").exists(), "the old one was not started beside it"


def test_the_data_of_another_cluster_is_never_discarded(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    pair.kill("nyc")
    good(step("recover", "piscataway", "nyc"), "piscataway")
    mine = pair.data("nyc").rename(pair.data("nyc").with_name("mine"))
    pair.make_foreign("nyc")
    result = step("return", "nyc", "piscataway", both=True)
    assert result.failures == {"db-g1-nyc"}
    assert "holds the cluster" in result.message
    assert "it stays" in result.message
    pair.start("nyc")
    assert pair.sql("nyc", "SELECT datname FROM pg_database WHERE datname = 'payroll'") == [("payroll",)]

    # Also while it runs, and also when nothing can be read from it; where there is nothing, there is nothing to lose.
    assert step("return", "nyc", "piscataway", both=True).failures == {"db-g1-nyc"}
    assert pair.sql("nyc", "SELECT datname FROM pg_database WHERE datname = 'payroll'") == [("payroll",)]
    pair.kill("nyc")
    (pair.data("nyc") / "global" / "pg_control").unlink()
    result = step("return", "nyc", "piscataway", both=True)
    assert result.failures == {"db-g1-nyc"}
    assert "holds the cluster unreadable" in result.message
    pair.data("nyc").rename(pair.data("nyc").with_name("foreign"))
    assert good(step("return", "nyc", "piscataway", both=True), "nyc", "piscataway").facts["way"] == "rebuilt"
    assert until(lambda: streams(pair, "piscataway"))
    assert mine.is_dir()


def test_an_interrupted_handover_is_finished(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    pair.run(["pg_ctl", "-D", str(pair.data("nyc")), "-m", "fast", "-w", "stop"])
    good(step("handover", "piscataway", "nyc", both=True), "nyc", "piscataway")
    assert until(lambda: streams(pair, "piscataway"))


def test_a_drill_touches_nothing_but_its_copy(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    pair.sql("nyc", "INSERT INTO kept VALUES (1)")
    assert until(lambda: pair.sql("piscataway", "SELECT number FROM kept") == [(1,)])
    before = pair.sql(
        "nyc", "SELECT pid, slot_name FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid"
    )
    good(step("drill", "piscataway", "nyc"), "piscataway")
    pair.sql("piscataway", "INSERT INTO kept VALUES (42)", port=pair.drill_port)
    assert pair.sql("piscataway", "SELECT number FROM kept") == [(1,)]
    assert step("drill", "piscataway", "nyc").rc != 0, "a second copy would destroy the first"
    good(step("drill_cleanup", "piscataway", "nyc"), "piscataway")
    assert not pair.drill_data("piscataway").exists()
    with pytest.raises(psycopg.OperationalError):
        pair.sql("piscataway", "SELECT 1", port=pair.drill_port)
    after = pair.sql(
        "nyc", "SELECT pid, slot_name FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid"
    )
    assert before == after
    assert pair.sql("piscataway", "SELECT pg_is_in_recovery()") == [(True,)]
    assert good(step("drill_cleanup", "piscataway", "nyc"), "piscataway").facts["removed"] is False


def test_a_folder_no_drill_has_made_is_never_removed(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    precious = pair.drill_data("piscataway")
    precious.mkdir(parents=True)
    (precious / "file").write_text("precious")
    result = step("drill_cleanup", "piscataway", "nyc")
    assert result.failures == {"db-g1-piscataway"}
    assert "not made by a drill" in result.message
    assert (precious / "file").read_text() == "precious"


def test_the_copy_of_another_run_is_never_removed(pair: Pair, step: Step) -> None:
    assert until(lambda: streams(pair, "nyc"))
    other = pair.drill_data("piscataway")
    other.mkdir(parents=True)
    (other / "file").write_text("of another run")
    marker = other.with_name(f"{other.name}.drorch-drill")
    marker.write_text("20130301-000000-abcd\n")
    result = step("drill_cleanup", "piscataway", "nyc")
    assert result.failures == {"db-g1-piscataway"}
    assert "belongs to the run 20130301-000000-abcd" in result.message
    assert (other / "file").read_text() == "of another run"
    assert marker.exists()
