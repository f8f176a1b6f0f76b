"""The lab's PostgreSQL servers: made from one template, streaming from primary to standby, started, asked and killed.

The data folder of both nodes of a group holds the same configuration; what differs (address, port, access rules) lies
beside it in ``node.conf``. So pg_rewind and pg_basebackup, which copy the data folder, never carry it across.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from drorch.core.errors import Broken
from drorch.lab.daemons.data import schema_sql
from drorch.lab.daemons.system_identifier import give_identifier
from drorch.lab.identity import make_folder, run_tool, write_file
from drorch.lab.processes import (
    Process,
    kill_all,
    postmaster_of,
    remove_shared_memory,
    shared_memory_of,
    tree_of,
)
from drorch.lab.topology import DATABASE, DATABASE_USER, Node, Topology

START_S = 30.0
BLOCK_REPLICATION = "host replication all 127.0.0.0/8 reject\n"
ACCESS = "host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n"
COMMON = """\
# Written by drorch lab up. Durability settings are for speed: a lab's data is worth nothing.
fsync = off
wal_log_hints = on
wal_level = replica
hot_standby = on
wal_retrieve_retry_interval = 200ms
wal_receiver_status_interval = 1s
wal_keep_size = 16MB
min_wal_size = 2MB
max_wal_size = 32MB
max_wal_senders = 6
max_replication_slots = 6
max_connections = 60
max_worker_processes = 2
max_logical_replication_workers = 0
max_parallel_workers = 0
autovacuum = off
jit = off
shared_buffers = 2MB
dynamic_shared_memory_type = mmap
timezone = UTC
log_timezone = UTC
lc_messages = C
"""
BESIDE = "include '../node.conf'\n"


def node_settings(topology: Topology, node: Node, port: int, rules: Path) -> str:
    """What differs between the nodes of a group."""
    newer = "io_method = sync\n" if topology.pg_version >= 18 else ""
    return (
        f"listen_addresses = '{node.address}'\nport = {port}\nunix_socket_directories = ''\n"
        f"hba_file = '{rules}'\ncluster_name = '{node.name}'\n{newer}"
    )


def make_template(topology: Topology, password_file: Path) -> Path:
    """One database cluster that all nodes are copied from: a third of the files initdb makes are dropped."""
    template = topology.template_folder
    make_folder(template, topology.run_as, 0o700)
    run_tool(
        [
            *(str(topology.pg_bin / "initdb"), "--pgdata", str(template), "--username", DATABASE_USER),
            *("--pwfile", str(password_file), "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"),
            *("--wal-segsize", "1", "--no-sync"),
        ],
        run_as=topology.run_as,
        cwd=topology.folder,
    )
    # Before the first start: a standby refuses settings smaller than those its control file remembers.
    write_file(template / "postgresql.conf", COMMON, topology.run_as, 0o600)
    run_tool(
        [str(topology.pg_bin / "postgres"), "--single", "-F", "-D", str(template), "template1"],
        run_as=topology.run_as,
        cwd=topology.folder,
        text_in=(
            f"ALTER DATABASE postgres RENAME TO {DATABASE};\n"
            "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';\n"
            "DROP DATABASE template0;\n"
        ),
    )
    write_file(template / "postgresql.conf", COMMON + BESIDE, topology.run_as, 0o600)
    return template


def make_node(topology: Topology, node: Node, source: Path) -> None:
    """Copy a data folder and write the configuration of the node and of its later drill copy."""
    folder = topology.node_folder(node)
    drill = topology.drill_data_folder(node).parent
    make_folder(drill, topology.run_as)
    run_tool(["cp", "-a", str(source), str(topology.data_folder(node))], run_as=topology.run_as, cwd=folder)
    for place, port in ((folder, node.port), (drill, node.drill_port)):
        write_file(place / "pg_hba.conf", ACCESS, topology.run_as, 0o600)
        write_file(
            place / "node.conf", node_settings(topology, node, port, place / "pg_hba.conf"), topology.run_as, 0o600
        )


def follow_settings(topology: Topology, node: Node, primary: Node) -> str:
    """Content of postgresql.auto.conf of a standby."""
    return (
        f"primary_conninfo = 'host={primary.address} port={primary.port} user={DATABASE_USER}"
        f" passfile={topology.pgpass_file} application_name={node.name} sslmode=disable gssencmode=disable'\n"
        f"primary_slot_name = '{node.slot}'\n"
    )


def start_node(topology: Topology, node: Node) -> None:
    """Start the server and wait until it answers. Broken with the end of its log when it does not."""
    data = topology.data_folder(node)
    run_tool(
        [
            *(str(topology.pg_bin / "pg_ctl"), "--pgdata", str(data), "--log", str(topology.log_file(node))),
            *("--no-wait", "start"),
        ],
        run_as=topology.run_as,
        cwd=data.parent,
    )
    until = time.monotonic() + START_S
    was_there = gone = 0
    while time.monotonic() < until:
        lines: list[str] = []
        # pg_ctl itself waits for this line, but only looks ten times a second.
        with suppress(OSError):
            lines = (data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
        if len(lines) > 7 and lines[7].strip() == "ready" and postmaster_of(data) is not None:
            return
        # A stale file of a killed server is replaced by the new one: only a lasting absence means that it ended.
        was_there, gone = (1, 0) if lines else (was_there, gone + 1)
        if was_there and gone > 5:
            break
        time.sleep(0.02)
    tail = ""
    with suppress(OSError):
        said = topology.log_file(node).read_text(encoding="utf-8", errors="replace").splitlines()
        tail = " | ".join([line for line in said if "FATAL" in line or "ERROR" in line][-3:] or said[-3:])
    raise Broken(f"the database {node.name} does not start: {tail}", where=str(topology.log_file(node)))


def start_group(topology: Topology, nodes: tuple[Node, ...], template: Path) -> None:
    """Make and start the primary with its schemas, and the standby that streams from it."""
    primary = next(node for node in nodes if node.starts_as_primary)
    make_node(topology, primary, template)
    give_identifier(topology, topology.data_folder(primary), secrets.randbits(62))
    for node in nodes:
        if node is not primary:
            make_node(topology, node, topology.data_folder(primary))
    start_node(topology, primary)
    schemas = [entry.schema for entry in topology.applications if entry.group == primary.group]
    with connect(topology, primary) as connection:
        if len(nodes) > 1:
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", (primary.slot,))
        connection.execute("".join(map(schema_sql, schemas)).encode() or b"SELECT 1")
    for node in nodes:
        if node is not primary:
            data = topology.data_folder(node)
            write_file(data / "postgresql.auto.conf", follow_settings(topology, node, primary), topology.run_as, 0o600)
            write_file(data / "standby.signal", "", topology.run_as, 0o600)
            start_node(topology, node)


def connect(topology: Topology, node: Node) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to a node. psycopg.Error when it does not answer within two seconds."""
    return psycopg.connect(
        host=node.address,
        port=node.port,
        dbname=DATABASE,
        user=DATABASE_USER,
        passfile=str(topology.pgpass_file),
        connect_timeout=2,
        options="-c statement_timeout=5000",
        sslmode="disable",
        gssencmode="disable",
        autocommit=True,
        application_name="drorch-lab",
    )


def role_of(topology: Topology, node: Node) -> str:
    """``primary``, ``standby``, ``streaming`` (a standby that receives) or ``down``."""
    try:
        with connect(topology, node) as connection:
            row = connection.execute(
                "SELECT pg_is_in_recovery(), EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
            ).fetchone()
    except psycopg.Error:
        return "down"
    assert row is not None
    if not row[0]:
        return "primary"
    return "streaming" if row[1] else "standby"


def remove_node(topology: Topology, node: Node) -> None:
    """Remove the files of a stopped node, with what drills left there; its log stays."""
    for folder in (topology.data_folder(node), topology.drill_data_folder(node).parent):
        shutil.rmtree(folder, ignore_errors=True)
    for left in topology.node_folder(node).glob("data.*"):
        shutil.rmtree(left, ignore_errors=True)


def kill_nodes(topology: Topology, nodes: Iterable[Node], first: Iterable[Process] = ()) -> list[Node]:
    """SIGKILL the servers of ``nodes`` with all their processes, of drill copies too, after those in ``first``.

    Returns the nodes that ran. Broken when something does not end.
    """
    homes = {topology.data_folder(node): node for node in nodes}
    drills = [topology.drill_data_folder(node) for node in homes.values()]
    running = {folder: found for folder in (*homes, *drills) if (found := postmaster_of(folder)) is not None}
    segments = [shared_memory_of(folder) for folder in running]
    left = kill_all(tree_of(*first, *running.values()))
    if left:
        raise Broken(f"processes do not end: {', '.join(str(process.pid) for process in left)}")
    for segment in segments:
        remove_shared_memory(segment)
    for folder in running:
        # Where nobody collects ended processes, the pid stays taken, and the next start would find the server running.
        (folder / "postmaster.pid").unlink(missing_ok=True)
    return [node for folder, node in homes.items() if folder in running]


def set_replication(topology: Topology, node: Node, *, allowed: bool) -> None:
    """Let standbys stream from this node, or not; what streams now is ended. Works for stopped nodes too."""
    rules = topology.node_folder(node) / "pg_hba.conf"
    write_file(rules, ACCESS if allowed else BLOCK_REPLICATION + ACCESS, topology.run_as, 0o600)
    with suppress(psycopg.Error), connect(topology, node) as connection:
        connection.execute("SELECT pg_reload_conf()")
        if not allowed:
            _end_senders(connection)


def _end_senders(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Reloading takes effect a moment later: end senders until none comes back."""
    query = sql.SQL("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication")
    quiet = 0
    until = time.monotonic() + 5
    while quiet < 3 and time.monotonic() < until:
        row = connection.execute(query).fetchone()
        quiet = quiet + 1 if row is not None and row[0] == 0 else 0
        time.sleep(0.1)
