"""The embedded lab does what it says: serves, replicates, follows, breaks for real, heals, and leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import httpx
import psycopg
import pytest
import yaml

from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.lab.control import Lab
from drorch.lab.daemons import sshd
from drorch.lab.daemons.databases import connect, role_of
from drorch.lab.daemons.supervisor import ask
from drorch.lab.processes import postmaster_of
from drorch.lab.startup import server_processes
from drorch.lab.status import ask_name
from drorch.lab.truth import read_truth
from drorch.testing.builders import small_catalog
from tests.acceptance.conftest import running_lab, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
GROUP = "nyc-platform"


def url(estate: Estate, application: str, path: str, *, site: str | None = None, drill: bool = False) -> str:
    """Where an application is reached: at ``site``, or where its name points to."""
    names = estate.applications[application]
    if site is not None:
        return f"http://{estate.sites[site]}:{names.drill_port if drill else names.port}{path}"
    server = estate.name_servers[0].endpoint
    query = dns.message.make_query(names.name, dns.rdatatype.A)
    answer = dns.query.udp(query, server.address, timeout=3, port=server.port).answer[0][0].to_text()
    return f"http://{answer}:{names.port}{path}"


def get(address: str) -> httpx.Response:
    return httpx.get(address, trust_env=False, timeout=8)


def post(address: str, body: dict[str, object]) -> httpx.Response:
    return httpx.post(address, json=body, trust_env=False, timeout=8)


def answers(address: str) -> bool:
    try:
        return get(address).status_code == 200
    except httpx.TransportError:
        return False


def truth(lab: Lab, what: str, **facts: object) -> list[dict[str, object]]:
    return [
        line
        for line in read_truth(lab.truth_file)
        if line["what"] == what and all(line.get(key) == value for key, value in facts.items())
    ]


# Serving


def test_an_application_is_served_by_its_own_name_at_its_primary_site(lab: Lab, estate: Estate) -> None:
    assert get(url(estate, "directory", "/whoami")).json() == {
        "application": "directory",
        "site": "nyc",
        "drill": False,
    }
    node = estate.database(GROUP, "nyc").endpoint
    answer = post(url(estate, "directory", "/transaction"), {"token": "t-1"}).json()
    assert answer == {
        "application": "directory",
        "site": "nyc",
        "drill": False,
        "token": "t-1",
        "data_address": node.address,
        "data_port": node.port,
        "in_recovery": False,
    }


def test_a_stopped_application_has_no_listener(lab: Lab, estate: Estate) -> None:
    with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
        probe.connect((estate.sites["piscataway"], estate.applications["directory"].port))


def test_canaries_are_acknowledged_after_commit_and_found(lab: Lab, estate: Estate) -> None:
    for number in (1, 2, 2):
        answer = post(url(estate, "mail", "/canary"), {"number": number}).json()
        assert answer == {"number": number, "acknowledged": True}
    assert get(url(estate, "mail", "/canary")).json() == {"numbers": [1, 2, 2]}
    assert [line["number"] for line in truth(lab, "canary-committed", application="mail")] == [1, 2, 2]
    with connect(lab.topology, lab.topology.node(GROUP, "piscataway")) as standby:

        def replicated() -> bool:
            rows = standby.execute("SELECT number FROM app_mail.canaries ORDER BY number").fetchall()
            return rows == [(1,), (2,), (2,)]

        wait_until(replicated, what="replication of the canaries")


def test_bad_requests_are_answered_not_obeyed(lab: Lab, estate: Estate) -> None:
    assert post(url(estate, "mail", "/transaction"), {"token": "x'; DROP SCHEMA app_mail; --"}).status_code == 400
    assert post(url(estate, "mail", "/canary"), {"number": "many"}).status_code == 400
    assert get(url(estate, "mail", "/nothing")).status_code == 404
    assert get(url(estate, "mail", "/via/archive/whoami")).status_code == 404
    with socket.create_connection((estate.sites["nyc"], estate.applications["mail"].port), timeout=5) as raw:
        raw.sendall(b"\x00\x01garbage\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert get(url(estate, "mail", "/whoami")).status_code == 200


def test_a_remote_access_application_is_reached_through_its_gateway(lab: Lab, estate: Estate) -> None:
    assert estate.applications["archive"].via == "mobile-office"
    whoami = get(url(estate, "mobile-office", "/via/archive/whoami")).json()
    assert whoami == {"application": "archive", "site": "piscataway", "drill": False}
    answer = post(url(estate, "mobile-office", "/via/archive/transaction"), {"token": "far"}).json()
    assert (answer["application"], answer["data_address"]) == ("archive", estate.sites["piscataway"])


def test_the_supervisor_opens_and_closes_for_real_and_says_what_changed(lab: Lab, estate: Estate) -> None:
    socket_path = lab.topology.control_socket("nyc")
    here = url(estate, "mail", "/whoami", site="nyc")
    assert ask(socket_path, "GET", "/applications/mail") == {"id": "mail", "state": "started", "drill": "stopped"}
    stopped = ask(socket_path, "PUT", "/applications/mail", {"state": "stopped"})
    assert stopped == {"changed": True, "state": "stopped", "writable": False}
    assert not answers(here)
    again = ask(socket_path, "PUT", "/applications/mail", {"state": "stopped"})
    assert again == {"changed": False, "state": "stopped", "writable": False}
    started = ask(socket_path, "PUT", "/applications/mail", {"state": "started"})
    assert started == {"changed": True, "state": "started", "writable": True}
    assert answers(here)


def test_an_application_on_a_standby_is_up_but_not_writable(lab: Lab, estate: Estate) -> None:
    socket_path = lab.topology.control_socket("piscataway")
    started = ask(socket_path, "PUT", "/applications/mail", {"state": "started"})
    try:
        assert started == {"changed": True, "state": "started", "writable": False}
        refused = post(url(estate, "mail", "/transaction", site="piscataway"), {"token": "t-2"})
        assert (refused.status_code, refused.json()["error"]) == (503, "read-only")
        assert truth(lab, "app-writable", application="mail", site="piscataway") == []
    finally:
        ask(socket_path, "PUT", "/applications/mail", {"state": "stopped"})


def test_every_application_keeps_writing_to_its_schema(lab: Lab, estate: Estate) -> None:
    with connect(lab.topology, lab.topology.node("brindisi-enterprise", "brindisi")) as database:

        def beats() -> int:
            row = database.execute("SELECT beats FROM app_umoja.heartbeats WHERE site = 'brindisi'").fetchone()
            assert row is not None
            return int(str(row[0]))

        before = beats()
        wait_until(lambda: beats() >= before + 2, what="two more heartbeats")


# Names


def key_of(lab: Lab) -> tuple[dict[dns.name.Name, dns.tsig.Key], dict[str, str]]:
    key = json.loads(lab.topology.dns_key_file.read_text(encoding="utf-8"))
    return dns.tsigkeyring.from_text({key["name"]: (key["algorithm"], key["secret"])}), key


def send(lab: Lab, update: dns.update.UpdateMessage, site: str = "piscataway") -> dns.rcode.Rcode:
    topology = lab.topology
    return dns.query.tcp(update, topology.sites[site], timeout=5, port=topology.dns_ports[site]).rcode()


def update_of(lab: Lab) -> dns.update.UpdateMessage:
    keyring, key = key_of(lab)
    return dns.update.UpdateMessage("apps.drorch.test", keyring=keyring, keyname=key["name"])


def points_to(lab: Lab, server: str, name: str) -> str | None:
    return ask_name(lab.topology, server, f"{name}.apps.drorch.test")


def test_a_signed_update_changes_the_name_at_both_servers(lab: Lab) -> None:
    for address in ("127.40.0.1", "127.30.0.1"):
        update = update_of(lab)
        update.present("reports", "A")
        update.replace("reports", 1, "A", address)
        assert send(lab, update) == dns.rcode.NOERROR
        assert points_to(lab, "piscataway", "reports") == address
        wait_until(
            lambda address=address: points_to(lab, "valencia", "reports") == address, what="the second server's answer"
        )
        for server in ("piscataway", "valencia"):
            assert truth(lab, "name-set", server=server, name="reports.apps.drorch.test")[-1]["address"] == address


def test_updates_without_the_right_key_change_nothing(lab: Lab) -> None:
    _, key = key_of(lab)
    unsigned = dns.update.UpdateMessage("apps.drorch.test")
    wrong_secret = dns.tsigkeyring.from_text({key["name"]: (key["algorithm"], "d3Jvbmctd3Jvbmctd3Jvbmc=")})
    unknown_name = dns.tsigkeyring.from_text({"stranger.": (key["algorithm"], key["secret"])})
    wrong = dns.update.UpdateMessage("apps.drorch.test", keyring=wrong_secret, keyname=key["name"])
    stranger = dns.update.UpdateMessage("apps.drorch.test", keyring=unknown_name, keyname="stranger.")
    for update in (unsigned, wrong, stranger):
        update.replace("umoja", 1, "A", "127.40.0.1")
    assert send(lab, unsigned) == dns.rcode.REFUSED
    for update in (wrong, stranger):
        with pytest.raises((dns.tsig.PeerError, dns.exception.DNSException)):
            send(lab, update)
    assert send(lab, unsigned, "valencia") == dns.rcode.REFUSED
    assert points_to(lab, "piscataway", "umoja") == points_to(lab, "valencia", "umoja") == "127.30.0.1"


def test_prerequisites_decide(lab: Lab) -> None:
    absent = update_of(lab)
    absent.absent("umoja")
    absent.replace("umoja", 1, "A", "127.40.0.1")
    assert send(lab, absent) == dns.rcode.YXDOMAIN
    other_value = update_of(lab)
    other_value.present("umoja", "A", "127.10.0.1")
    other_value.replace("umoja", 1, "A", "127.40.0.1")
    assert send(lab, other_value) == dns.rcode.NXRRSET
    missing = update_of(lab)
    missing.present("nobody")
    assert send(lab, missing) == dns.rcode.NXDOMAIN
    holds = update_of(lab)
    holds.present("umoja", "A", "127.30.0.1")
    holds.replace("umoja", 1, "A", "127.30.0.1")
    assert send(lab, holds) == dns.rcode.NOERROR
    assert points_to(lab, "piscataway", "umoja") == "127.30.0.1"


def test_drill_names_exist_from_the_start_and_unknown_names_do_not(lab: Lab) -> None:
    assert points_to(lab, "valencia", "directory.drill") == "127.20.0.1"
    query = dns.message.make_query("nothing.apps.drorch.test", "A")
    topology = lab.topology
    answer = dns.query.udp(query, "127.20.0.1", timeout=3, port=topology.dns_ports["piscataway"])
    assert answer.rcode() == dns.rcode.NXDOMAIN


# Documents


def test_inventory_and_estate_say_the_same(lab: Lab, estate: Estate) -> None:
    inventory = yaml.safe_load(Path(estate.inventory).read_text(encoding="utf-8"))["all"]
    hosts = inventory["children"]["databases"]["hosts"]
    assert {f"db-{node.group}-{node.site}": node.endpoint.port for node in estate.databases} == {
        name: variables["pg_port"] for name, variables in hosts.items()
    }
    assert hosts["db-nyc-platform-nyc"]["pg_peer_host"] == estate.sites["piscataway"]
    secret = lab.topology.pgpass_file.read_text(encoding="utf-8").strip().rsplit(":", 1)[1]
    key = json.loads(lab.topology.dns_key_file.read_text(encoding="utf-8"))["secret"]
    for path in lab.folder.glob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert secret not in text
        assert key not in text
    assert lab.topology.pgpass_file.stat().st_mode & 0o077 == 0


# Breaking and healing


def test_site_loss_kills_everything_there_and_healing_starts_nothing_dangerous(healed_lab: Lab, estate: Estate) -> None:
    lab = healed_lab
    node = lab.topology.node(GROUP, "nyc")
    processes = [*server_processes(lab.topology, "nyc"), postmaster_of(lab.topology.data_folder(node))]
    assert lab.break_("site", "nyc")
    assert not lab.break_("site", "nyc")
    assert not any(process.alive for process in processes if process is not None)
    assert not answers(url(estate, "directory", "/whoami", site="nyc"))
    assert role_of(lab.topology, node) == "down"
    assert lab.topology.power_file("nyc").read_text(encoding="utf-8").strip() == "off"
    assert truth(lab, "app-killed", application="directory", site="nyc", drill=False)
    assert answers(url(estate, "umoja", "/whoami"))
    assert lab.heal("site", "nyc")
    states = ask(lab.topology.control_socket("nyc"), "GET", "/applications")
    assert isinstance(states, list)
    assert {entry["state"] for entry in states} == {"stopped"}
    assert postmaster_of(lab.topology.data_folder(node)) is None
    assert lab.heal_all() == ()
    wait_until(lambda: answers(url(estate, "directory", "/whoami", site="nyc")), what="the application's return")
    wait_until(lambda: role_of(lab.topology, lab.topology.node(GROUP, "piscataway")) == "streaming", what="streaming")


def test_a_promoted_group_is_never_given_a_second_writer(lab: Lab, estate: Estate) -> None:
    group = "brindisi-enterprise"
    old, new = (lab.topology.node(group, site) for site in ("brindisi", "valencia"))
    data, copy = lab.topology.data_folder(new), lab.topology.node_folder(new) / "before"
    lab.break_("db", group)
    assert role_of(lab.topology, old) == "down"
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        post(url(estate, "umoja", "/transaction"), {"token": "t-3"}).raise_for_status()
    (data / "standby.signal").rename(copy)  # What a promotion does, without leaving the old timeline.
    try:
        with pytest.raises(Refused):
            lab.heal("db", group)
        assert lab.heal_all() != ()
        assert role_of(lab.topology, old) == "down"
    finally:
        copy.rename(data / "standby.signal")
    assert lab.heal_all() == ()
    wait_until(lambda: role_of(lab.topology, new) == "streaming", what="streaming")
    wait_until(
        lambda: post(url(estate, "umoja", "/transaction"), {"token": os.urandom(8).hex()}).status_code == 200,
        what="writing again",
    )


@pytest.mark.parametrize(("what", "target"), [("replication", GROUP), ("link", "nyc-piscataway")])
def test_cut_replication_keeps_rows_from_the_standby_and_healing_sends_them(
    healed_lab: Lab, estate: Estate, what: str, target: str
) -> None:
    lab = healed_lab
    lab.break_(what, target)
    token = f"cut-{what}"
    assert post(url(estate, "directory", "/transaction"), {"token": token}).status_code == 200
    standby = lab.topology.node(GROUP, "piscataway")
    query = "SELECT count(*) FROM app_directory.transactions WHERE token = %s"
    with connect(lab.topology, standby) as database:
        # Half a second is more than twice the standby's retry interval: it has tried again and was refused.
        database.execute("SELECT pg_sleep(0.5)")
        assert database.execute(query, (token,)).fetchone() == (0,)
        assert role_of(lab.topology, standby) == "standby"
        lab.heal(what, target)
        wait_until(lambda: database.execute(query, (token,)).fetchone() == (1,), what="the kept row's arrival")


def test_a_killed_application_can_be_started_and_a_stuck_one_cannot(healed_lab: Lab, estate: Estate) -> None:
    lab, here = healed_lab, url(estate, "mail", "/whoami", site="nyc")
    socket_path = lab.topology.control_socket("nyc")
    lab.break_("app-stuck", "mail")
    lab.break_("app", "mail")
    assert not answers(here)
    with pytest.raises(Exception, match="stuck"):
        ask(socket_path, "PUT", "/applications/mail", {"state": "started"})
    assert not answers(here)
    with pytest.raises(Refused):
        lab.break_("app", "mail")
    lab.heal("app-stuck", "mail")
    ask(socket_path, "PUT", "/applications/mail", {"state": "started"})
    assert answers(here)


def test_a_read_only_application_answers_but_cannot_write(healed_lab: Lab, estate: Estate) -> None:
    healed_lab.break_("app-readonly", "mail")
    assert answers(url(estate, "mail", "/whoami"))
    refused = post(url(estate, "mail", "/transaction"), {"token": "t-4"})
    assert (refused.status_code, refused.json()["error"]) == (503, "read-only")
    healed_lab.heal("app-readonly", "mail")
    assert post(url(estate, "mail", "/transaction"), {"token": "t-5"}).status_code == 200


def test_an_application_with_old_data_writes_to_the_other_site(healed_lab: Lab, estate: Estate) -> None:
    socket_path = healed_lab.topology.control_socket("piscataway")
    healed_lab.break_("app-old-data", "mail")
    ask(socket_path, "PUT", "/applications/mail", {"state": "started"})
    try:
        answer = post(url(estate, "mail", "/transaction", site="piscataway"), {"token": "t-6"}).json()
        assert (answer["site"], answer["data_address"]) == ("piscataway", estate.sites["nyc"])
    finally:
        ask(socket_path, "PUT", "/applications/mail", {"state": "stopped"})


def test_a_dead_name_server_is_silent_and_comes_back_knowing_what_it_knew(healed_lab: Lab) -> None:
    update = update_of(healed_lab)
    update.add("note", 1, "TXT", "kept")
    assert send(healed_lab, update) == dns.rcode.NOERROR
    healed_lab.break_("dns", "piscataway")
    assert points_to(healed_lab, "piscataway", "umoja") is None
    assert points_to(healed_lab, "valencia", "umoja") == "127.30.0.1"
    healed_lab.heal("dns", "piscataway")
    assert points_to(healed_lab, "piscataway", "umoja") == "127.30.0.1"
    assert points_to(healed_lab, "piscataway", "note") is None
    query = dns.message.make_query("note.apps.drorch.test", "TXT")
    port = healed_lab.topology.dns_ports["piscataway"]
    assert dns.query.udp(query, "127.20.0.1", timeout=3, port=port).answer[0][0].to_text() == '"kept"'


def test_an_update_at_the_second_server_is_passed_on_to_the_first(healed_lab: Lab) -> None:
    update = update_of(healed_lab)
    update.present("mail", "A")
    update.replace("mail", 1, "A", "127.20.0.1")
    assert send(healed_lab, update, "valencia") == dns.rcode.NOERROR
    assert points_to(healed_lab, "piscataway", "mail") == "127.20.0.1"
    wait_until(lambda: points_to(healed_lab, "valencia", "mail") == "127.20.0.1", what="the second server's answer")
    back = update_of(healed_lab)
    back.replace("mail", 1, "A", "127.10.0.1")
    assert send(healed_lab, back, "valencia") == dns.rcode.NOERROR


def test_the_surviving_name_server_takes_updates_and_the_other_one_catches_up_before_it_answers(
    healed_lab: Lab,
) -> None:
    healed_lab.break_("dns", "piscataway")
    wrong_before = update_of(healed_lab)
    wrong_before.present("mail", "A", "127.40.0.1")
    wrong_before.replace("mail", 1, "A", "127.20.0.1")
    assert send(healed_lab, wrong_before, "valencia") == dns.rcode.NXRRSET
    for address in ("127.20.0.1", "127.30.0.1"):
        update = update_of(healed_lab)
        update.replace("mail", 1, "A", address)
        assert send(healed_lab, update, "valencia") == dns.rcode.NOERROR
        assert points_to(healed_lab, "valencia", "mail") == address
    healed_lab.heal("dns", "piscataway")
    assert points_to(healed_lab, "piscataway", "mail") == "127.30.0.1", "from its first answer on"
    back = update_of(healed_lab)
    back.replace("mail", 1, "A", "127.10.0.1")
    assert send(healed_lab, back) == dns.rcode.NOERROR
    wait_until(lambda: points_to(healed_lab, "valencia", "mail") == "127.10.0.1", what="both agree again")


def test_each_group_is_a_cluster_of_its_own(lab: Lab) -> None:
    found: dict[str, set[object]] = {}
    for node in lab.topology.nodes:
        with connect(lab.topology, node) as opened:
            row = opened.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
            assert row is not None
            found.setdefault(node.group, set()).add(row[0])
    assert all(len(identifiers) == 1 for identifiers in found.values()), "both nodes of a group are one cluster"
    assert len(set.union(*found.values())) == len(found)


def test_a_reset_lab_is_as_new(healed_lab: Lab) -> None:
    before, node = healed_lab.status(), healed_lab.topology.node("nyc-platform", "nyc")
    with connect(healed_lab.topology, node) as opened:
        opened.execute("CREATE TABLE left_by_a_test (number int)")
    healed_lab.break_("site", "nyc")
    healed_lab.break_("dns", "valencia")
    with connect(healed_lab.topology, healed_lab.topology.node("nyc-platform", "piscataway")) as opened:
        opened.execute("SELECT pg_promote(true, 30)")
    update = update_of(healed_lab)
    update.replace("mail", 1, "A", "127.20.0.1")
    assert send(healed_lab, update) == dns.rcode.NOERROR
    healed_lab.reset()
    wait_until(lambda: healed_lab.status() == before, what="the lab as it was at first")
    with connect(healed_lab.topology, node) as opened:
        assert opened.execute("SELECT to_regclass('left_by_a_test')").fetchone() == (None,)


def test_a_stale_name_server_keeps_the_old_answer_until_it_is_healed(healed_lab: Lab) -> None:
    healed_lab.break_("dns-stale", "valencia")
    update = update_of(healed_lab)
    update.replace("mail", 1, "A", "127.20.0.1")
    assert send(healed_lab, update) == dns.rcode.NOERROR
    assert points_to(healed_lab, "piscataway", "mail") == "127.20.0.1"
    assert points_to(healed_lab, "valencia", "mail") == "127.10.0.1"
    healed_lab.heal("dns-stale", "valencia")
    wait_until(lambda: points_to(healed_lab, "valencia", "mail") == "127.20.0.1", what="following again")
    back = update_of(healed_lab)
    back.replace("mail", 1, "A", "127.10.0.1")
    assert send(healed_lab, back) == dns.rcode.NOERROR


def test_a_lying_name_server_says_yes_and_changes_nothing(healed_lab: Lab) -> None:
    healed_lab.break_("dns-updates", "piscataway")
    update = update_of(healed_lab)
    update.replace("mail", 1, "A", "127.20.0.1")
    assert send(healed_lab, update) == dns.rcode.NOERROR
    assert points_to(healed_lab, "piscataway", "mail") == "127.10.0.1"


def test_unknown_things_cannot_be_broken(lab: Lab) -> None:
    for what, target in (("sight", "nyc"), ("site", "geneva"), ("app", "nobody"), ("link", "nyc-valencia")):
        with pytest.raises(InputInvalid) as caught:
            lab.break_(what, target)
        assert caught.value.next_step
    assert lab.faults() == frozenset()


# Going down


def everything_of(lab: Lab) -> list[int]:
    servers = [process for site in lab.topology.sites for process in server_processes(lab.topology, site)]
    databases = [postmaster_of(lab.topology.data_folder(node)) for node in lab.topology.nodes]
    return [process.pid for process in (*servers, *databases) if process is not None]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_down_leaves_no_process_and_no_folder() -> None:
    with running_lab(small_catalog()) as lab:
        pids = everything_of(lab)
        assert len(pids) == 4 + 2 + 5 + (4 if sshd.is_available() else 0)
        segments = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
        assert len(segments) > 5
        lab.break_("site", "valencia")
        Lab.open(lab.folder).down()
        assert not [pid for pid in pids if runs(pid)]
        assert not lab.folder.exists()
        lab.down()
    with pytest.raises(NotFound):
        Lab.open(lab.folder)


@pytest.fixture
def drorch(tmp_path: Path) -> Iterator[list[str]]:
    """The command, with a state folder of its own; a lab it leaves up is taken down."""
    catalog = tmp_path / "small.yaml"
    from drorch.testing.builders import SMALL_CATALOG_YAML

    catalog.write_text(SMALL_CATALOG_YAML, encoding="utf-8")
    environment = {**os.environ, "DRORCH_HOME": str(tmp_path / "home")}
    command = ["env", f"DRORCH_HOME={environment['DRORCH_HOME']}", sys.executable, "-m", "drorch", "lab"]
    yield command
    subprocess.run([*command, "down"], timeout=60, check=True, capture_output=True)


def call(command: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *words], timeout=120, check=False, capture_output=True, text=True)


def test_the_command_starts_asks_breaks_heals_and_ends(drorch: list[str], tmp_path: Path) -> None:
    up = call(drorch, "up", "--catalog", str(tmp_path / "small.yaml"), "--json")
    assert up.returncode == 0, up.stderr
    folder = Path(json.loads(up.stdout)["folder"])
    assert load_estate(Path(json.loads(up.stdout)["estate"])).name == "lab"
    assert call(drorch, "up", "--catalog", str(tmp_path / "small.yaml")).returncode == 3
    assert "broken: nothing" in call(drorch, "status").stdout
    assert call(drorch, "break", "site", "nowhere").returncode == 2
    assert call(drorch, "break", "app", "mail").returncode == 0
    state = json.loads(call(drorch, "status", "--json").stdout)
    assert state["faults"] == ["app mail"]
    assert next(entry for entry in state["applications"] if entry["id"] == "mail")["started"] == []
    assert call(drorch, "heal", "all").stdout.strip() == "everything runs"
    assert call(drorch, "down").returncode == 0
    assert not folder.exists()
    assert call(drorch, "down").stdout.strip() == "no lab is up"
    assert call(drorch, "status").returncode == 2


def test_down_cleans_up_after_a_start_that_was_killed(drorch: list[str], tmp_path: Path) -> None:
    folder = Path(f"/tmp/drorch-lab-killed-{os.getpid()}")
    starting = subprocess.Popen(
        [*drorch, "up", "--catalog", str(tmp_path / "small.yaml"), "--folder", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert starting.stderr is not None
        for line in starting.stderr:
            if "names are served" in line or "→" in line:
                break
        lab = Lab.open(folder)
        starting.send_signal(signal.SIGKILL)
        starting.wait(timeout=10)
        starting.stderr.close()
        wait_until(lambda: everything_of(lab) != [], what="something that runs")
        pids = everything_of(lab)
        assert call(drorch, "down", "--folder", str(folder)).returncode == 0
        assert not [pid for pid in pids if runs(pid)]
        assert not folder.exists()
    finally:
        starting.kill()
        starting.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(Refused):
        Lab.up(small_catalog(), tmp_path)
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "dear"


def test_a_site_the_lab_does_not_have_is_bad_input_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    catalog = small_catalog(("primary_site: nyc", "primary_site: geneva"))
    with pytest.raises(InputInvalid, match="geneva"):
        Lab.up(catalog, folder)
    assert not folder.exists() or not any(folder.iterdir())


def test_passwords_are_needed(lab: Lab) -> None:
    node = lab.topology.node(GROUP, "nyc")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=node.address, port=node.port, dbname="drorch", user="drorch", password="wrong", connect_timeout=3
        )
