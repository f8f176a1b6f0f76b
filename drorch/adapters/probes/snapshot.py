"""One look at everything in the scope of a run: databases, names and services at every site. Changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from drorch.adapters.probes.judge import Judgement
from drorch.adapters.probes.kinds.names import NameClient
from drorch.adapters.probes.kinds.sql import connection
from drorch.adapters.probes.kinds.tcp import TcpProbe
from drorch.adapters.probes.kinds.wire import request_bytes
from drorch.adapters.probes.service import try_exchange
from drorch.catalog.model import Catalog, ProtectionGroup
from drorch.core.clock import Clock
from drorch.core.errors import NotFound
from drorch.estate.model import DatabaseNode, Endpoint, Estate
from drorch.evidence.baseline import Baseline, DatabaseSeen, NameSeen, Role, ServiceSeen, told

LOOK_S = 3.0
AT_ONCE = 8
MARKER = ".drorch-drill"
"""Ending of the file beside a drill's copy that says whose it is (playbooks/postgresql_streaming/vars_drill.yml)."""

_NODE = b"""
select json_build_object(
  'in_recovery', pg_is_in_recovery(),
  'follows', (select sender_host from pg_stat_wal_receiver where status = 'streaming'),
  'followers', (select count(*) from pg_stat_replication where state = 'streaming'),
  'slots', (select coalesce(json_agg(slot_name || case when active then ' active' else ' inactive' end
                                     order by slot_name), '[]')
            from pg_replication_slots where slot_type = 'physical' and not temporary),
  'system', (select system_identifier::text from pg_control_system()),
  'timeline', case when pg_is_in_recovery() then (select received_tli from pg_stat_wal_receiver)
              else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
  'lsn', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)
"""
_FILES = b"select (pg_stat_file(%s, true)).size is not null, (pg_stat_file(%s, true)).size is not null"


def take_snapshot(estate: Estate, catalog: Catalog, applications: Sequence[str], clock: Clock) -> Baseline:
    """Look at ``applications`` and at the databases of their groups. Never raises for what it observes.

    NotFound when the estate or the catalog does not have one of them. Takes at most about three times `LOOK_S`.
    """
    for application in applications:
        if application not in estate.applications:
            raise NotFound(f"the estate {estate.name} has no application {application}")
    taken = clock.now()
    wanted = sorted(set(applications))
    groups = {catalog.application(application).group for application in wanted}
    nodes = sorted(
        (node for node in estate.databases if node.group in groups), key=lambda node: (node.group, node.site)
    )
    names, services = asyncio.run(_look_around(estate, catalog, wanted))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        databases = tuple(pool.map(lambda node: look_at_node(estate, node), nodes))
    return Baseline(taken=taken, databases=databases, names=names, services=services)


def look_at_node(estate: Estate, node: DatabaseNode) -> DatabaseSeen:
    """One database node."""
    try:
        with connection(
            node.endpoint,
            database=estate.database_name,
            user=estate.database_user,
            pgpass_file=estate.pgpass_file,
            timeout_s=LOOK_S,
        ) as opened:
            row = opened.execute(_NODE).fetchone()
            assert row is not None, "a select without a table gives one row"
            return _seen(estate, node, row[0], _drill_files(opened, node))
    except psycopg.Error:
        return DatabaseSeen(group=node.group, site=node.site, role=Role.UNREACHABLE)


def _seen(estate: Estate, node: DatabaseNode, told_us: Mapping[str, Any], files: list[str] | None) -> DatabaseSeen:
    host = told_us["follows"]
    return DatabaseSeen(
        group=node.group,
        site=node.site,
        role=Role.STANDBY if told_us["in_recovery"] else Role.PRIMARY,
        follows=None if host is None else estate.site_of_address(host) or str(host),
        followers=int(told_us["followers"]),
        slots=tuple(told_us["slots"]),
        system=told_us["system"],
        timeline=told_us["timeline"],
        lsn=told_us["lsn"],
        drill_copy=None if files is None else (*files, *_drill_server(node)),
    )


def _drill_files(opened: psycopg.Connection[Any], node: DatabaseNode) -> list[str] | None:
    """What lies where a drill makes its copy, asked of the server itself: it is on that machine."""
    if node.drill_data is None:
        return None
    try:
        row = opened.execute(_FILES, (node.drill_data, node.drill_data + MARKER)).fetchone()
    except psycopg.Error:
        return None  # our user may not look at files there
    there = row or (False, False)
    return [what for what, found in zip(("data", "marker"), there, strict=True) if found]


def _drill_server(node: DatabaseNode) -> list[str]:
    if node.drill_port is None:
        return []
    endpoint = Endpoint(address=node.endpoint.address, port=node.drill_port)
    return ["server"] if TcpProbe(endpoint=endpoint).look(LOOK_S).ok else []


async def _look_around(
    estate: Estate, catalog: Catalog, applications: Sequence[str]
) -> tuple[tuple[NameSeen, ...], tuple[ServiceSeen, ...]]:
    client = await NameClient.open(estate.name_servers)
    busy = asyncio.Semaphore(AT_ONCE)

    async def name(application: str, drill: bool) -> list[NameSeen]:
        async with busy:
            return await _look_at_name(client, estate, catalog, application, drill=drill)

    async def service(application: str, site: str, drill: bool) -> ServiceSeen:
        async with busy:
            return await _look_at_service(estate, catalog, application, site, drill=drill)

    try:
        both = [(application, drill) for application in applications for drill in (False, True)]
        names = await asyncio.gather(*(name(*entry) for entry in both))
        sites = {
            application: _sites(catalog.group(catalog.application(application).group)) for application in applications
        }
        services = await asyncio.gather(
            *(service(application, site, drill) for application, drill in both for site in sites[application])
        )
    finally:
        client.close()
    return tuple(entry for found in names for entry in found), tuple(services)


def _sites(group: ProtectionGroup) -> list[str]:
    return [site for site in (group.primary_site, group.recovery_site) if site is not None]


async def _look_at_name(
    client: NameClient, estate: Estate, catalog: Catalog, application: str, *, drill: bool
) -> list[NameSeen]:
    entry = estate.applications[application]
    name = entry.drill_name if drill else entry.name
    replies = await client.ask(name, LOOK_S)
    return [
        NameSeen(
            application=application,
            group=catalog.application(application).group,
            drill=drill,
            name=name,
            server=server,
            points_to=None if address is None else estate.site_of_address(address) or address,
        )
        for server, (address, _) in sorted(replies.items())
    ]


async def _look_at_service(
    estate: Estate, catalog: Catalog, application: str, site: str, *, drill: bool
) -> ServiceSeen:
    entry = estate.applications[application]
    request = request_bytes("GET", "/whoami", entry.drill_name if drill else entry.name)
    answer = await try_exchange(estate.sites[site], entry.drill_port if drill else entry.port, request, LOOK_S)
    if isinstance(answer, Judgement):
        answers = None
    else:
        answers = _who(answer.body) if answer.status == 200 else f"HTTP {answer.status}"
    return ServiceSeen(
        application=application,
        group=catalog.application(application).group,
        drill=drill,
        site=site,
        answers=answers,
    )


def _who(body: bytes) -> str:
    try:
        data = json.loads(body)
        return told(str(data["application"]), str(data["site"]), drill=data["drill"] is True)
    except (ValueError, KeyError, TypeError):
        return "somebody who does not say who it is"
