"""Small parts of the lab: ports, processes, truth, listeners, layout."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from drorch.core.errors import InputInvalid, NotFound
from drorch.lab.binaries import Binaries, find_binaries
from drorch.lab.daemons.http_server import HttpProtocol, Listener, Request, Response, answer
from drorch.lab.daemons.supervisor import ask
from drorch.lab.documents import estate_of, estate_text, inventory_text
from drorch.lab.faults import Fault, What, faults_text, read_faults
from drorch.lab.layout import check_catalog_fits, lay_out, ports_needed
from drorch.lab.ports import BLOCK, free_ports
from drorch.lab.processes import Process, kill_all, process_of, read_pid_file, tree_of
from drorch.lab.topology import SITE_ADDRESSES, Topology
from drorch.lab.truth import TruthLog, read_truth
from drorch.testing.builders import small_catalog

ADDRESSES = ("127.10.0.1", "127.20.0.1")


def a_topology(folder: Path) -> Topology:
    catalog = small_catalog()
    return lay_out(
        catalog,
        folder=folder,
        folder_is_ours=True,
        run_as=(65534, 65534),
        binaries=Binaries(folder=Path("/pg/bin"), version=18),
        ports=iter(range(20_001, 20_001 + ports_needed(catalog))),
        with_ssh=True,
    )


def test_ports_that_are_taken_are_not_given_out() -> None:
    with free_ports(2 * BLOCK, ADDRESSES, seed=1) as first:
        assert len(set(first)) == 2 * BLOCK
        with free_ports(2 * BLOCK, ADDRESSES, seed=1) as second:
            assert not set(first) & set(second)
    with socket.socket() as foreign:
        foreign.bind((ADDRESSES[1], first[5]))
        foreign.listen()
        with free_ports(BLOCK - 1, ADDRESSES, seed=1) as others:
            assert first[5] not in others


def test_the_layout_uses_every_port_once_and_survives_its_file(tmp_path: Path) -> None:
    topology = a_topology(tmp_path)
    used = [
        *topology.dns_ports.values(),
        *topology.ssh_ports.values(),
        *{node.port for node in topology.nodes},
        *{node.drill_port for node in topology.nodes},
        *(port for entry in topology.applications for port in (entry.port, entry.drill_port)),
    ]
    assert sorted(used) == list(range(20_001, 20_001 + ports_needed(small_catalog())))
    topology.write()
    assert Topology.read(tmp_path) == topology
    with pytest.raises(NotFound):
        topology.application("nobody")
    with pytest.raises(NotFound):
        Topology.read(tmp_path / "elsewhere")


def test_documents_hold_what_the_contract_names(tmp_path: Path) -> None:
    topology = a_topology(tmp_path)
    estate = yaml.safe_load(estate_text(estate_of(topology, {})))
    assert estate["applications"]["archive"]["via"] == "mobile-office"
    assert estate["applications"]["mail"]["via"] is None
    assert [server["site"] for server in estate["name_servers"]] == ["piscataway", "valencia"]
    inventory = yaml.safe_load(inventory_text(topology))["all"]
    assert inventory["vars"]["lab_run_as"] == "65534:65534"
    assert inventory["children"]["site_nyc"]["vars"]["drorch_site_address"] == SITE_ADDRESSES["nyc"]
    databases = inventory["children"]["databases"]["hosts"]
    assert databases["db-nyc-platform-nyc"]["pg_peer_port"] == databases["db-nyc-platform-piscataway"]["pg_port"]
    assert databases["db-remote-desktops-piscataway"]["pg_peer_host"] is None


def test_what_does_not_fit_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="geneva"):
        check_catalog_fits(small_catalog(("primary_site: nyc", "primary_site: geneva")), tmp_path)
    with pytest.raises(InputInvalid, match="too long"):
        check_catalog_fits(small_catalog(), tmp_path / ("x" * 120))


def test_a_named_folder_without_programs_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRORCH_PG_BIN", str(tmp_path))
    with pytest.raises(InputInvalid, match="PostgreSQL"):
        find_binaries(tmp_path, None)


def test_a_tree_is_killed_whole_and_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    script = "import subprocess,sys;print(subprocess.Popen(['sleep','60']).pid,flush=True);sys.stdin.read()"
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = process_of(int(parent.stdout.readline()))
        process = process_of(parent.pid)
        assert process is not None
        assert child is not None
        recycled = Process(pid=parent.pid, started=process.started - 1)
        assert kill_all([recycled]) == []
        assert process.alive
        pid_file = tmp_path / "pid.json"
        pid_file.write_text(json.dumps({"pid": recycled.pid, "started": recycled.started}), encoding="utf-8")
        assert read_pid_file(pid_file) is None
        assert tree_of(process) == [process, child]
        assert kill_all(tree_of(process)) == []
        assert not child.alive
    finally:
        parent.kill()
        parent.communicate(timeout=10)


def test_truth_and_faults_survive_their_files(tmp_path: Path) -> None:
    with TruthLog(tmp_path / "truth.jsonl", "nyc") as log:
        log.write("app-listening", application="mail")
        log.write("app-killed", mono=5.0, application="mail", site="valencia")
    lines = read_truth(tmp_path / "truth.jsonl")
    assert [(line["what"], line["site"]) for line in lines] == [("app-listening", "nyc"), ("app-killed", "valencia")]
    assert lines[1]["mono"] == 5.0
    faults = frozenset({Fault(what=What.SITE, target="nyc"), Fault(what=What.APP, target="mail")})
    (tmp_path / "faults.json").write_text(faults_text(faults), encoding="utf-8")
    assert read_faults(tmp_path / "faults.json") == faults
    assert read_faults(tmp_path / "none.json") == frozenset()


async def _echo_slowly(request: Request) -> Response:
    await asyncio.sleep(0)
    return answer({"path": request.path, "body": request.json()})


async def _exchange(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(ADDRESSES[0], port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    writer.write_eof()
    data = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return data


def test_a_listener_keeps_connections_and_answers_in_order() -> None:
    async def play() -> None:
        with free_ports(1, ADDRESSES) as ports:
            listener = Listener(ADDRESSES[0], ports[0], _echo_slowly)
            assert await listener.open()
            assert not await listener.open()
            two = (
                b'POST /a HTTP/1.1\r\ncontent-length: 7\r\n\r\n{"n":1}GET /b?x=1 HTTP/1.1\r\nconnection: close\r\n\r\n'
            )
            data = await _exchange(ports[0], two[:20], two[20:50], two[50:])
            assert data.count(b"HTTP/1.1 200 OK") == 2
            assert data.index(b'"path": "/a", "body": {"n": 1}') < data.index(b'"path": "/b"')
            for bad in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"x" * 9000):
                assert (await _exchange(ports[0], bad)).startswith(b"HTTP/1.1 400")
            assert listener.close()
            assert not listener.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(ADDRESSES[0], ports[0])

    asyncio.run(play())


def test_the_supervisor_client_speaks_over_a_unix_socket(tmp_path: Path) -> None:
    path = Path(f"/tmp/drorch-unit-{os.getpid()}.sock")

    async def play() -> None:
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: HttpProtocol(_echo_slowly, set()), str(path)
        )
        try:
            said = await asyncio.to_thread(ask, path, "PUT", "/applications/mail", {"state": "started"})
            assert said == {"path": "/applications/mail", "body": {"state": "started"}}
        finally:
            server.close()

    try:
        asyncio.run(play())
    finally:
        path.unlink(missing_ok=True)
