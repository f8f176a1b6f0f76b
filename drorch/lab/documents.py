"""The lab as drorch sees it (``estate.yml``) and as Ansible sees it (``inventory.yml``)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import yaml

from drorch.estate.model import ApplicationNames, DatabaseNode, Endpoint, Estate, NameServer, SiteCapacity, SshEndpoint
from drorch.lab.topology import (
    DATABASE,
    DATABASE_USER,
    NAMES_TTL_S,
    SITE_ADDRESSES,
    ZONE,
    Node,
    Topology,
)

PLUGINS = Path(__file__).parent / "ansible_plugins"
SYSTEM_PYTHON = Path("/usr/bin/python3")


def estate_of(topology: Topology, ssh: Mapping[str, SshEndpoint]) -> Estate:
    """Where the catalog's things answer in this lab."""
    return Estate(
        schema=1,
        name="lab",
        zone=ZONE,
        inventory=str(topology.inventory_file),
        name_servers=tuple(
            NameServer(site=site, endpoint=Endpoint(address=SITE_ADDRESSES[site], port=port))
            for site, port in topology.dns_ports.items()
        ),
        sites=dict(SITE_ADDRESSES),
        databases=tuple(
            DatabaseNode(
                group=node.group,
                site=node.site,
                endpoint=Endpoint(address=node.address, port=node.port),
                drill_data=str(topology.drill_data_folder(node)),
                drill_port=node.drill_port,
            )
            for node in topology.nodes
        ),
        applications={
            entry.id: ApplicationNames(
                name=entry.name,
                port=entry.port,
                drill_name=entry.drill_name,
                drill_port=entry.drill_port,
                via=entry.via,
            )
            for entry in topology.applications
        },
        database_name=DATABASE,
        database_user=DATABASE_USER,
        pgpass_file=str(topology.pgpass_file),
        ssh=dict(ssh),
        ansible_env={"ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS / "connection")},
        capacity=_capacity(topology),
    )


def _capacity(topology: Topology) -> dict[str, SiteCapacity]:
    """What each site's supervisor was set up for: the applications that have a listener there."""
    today = datetime.now(UTC).date()
    return {
        site: SiteCapacity(
            applications=sum(site in entry.sites for entry in topology.applications), verified=today, by="drorch lab up"
        )
        for site in SITE_ADDRESSES
    }


def estate_text(estate: Estate) -> str:
    """YAML with exactly the field names of `Estate`."""
    data = asdict(estate)
    data["name_servers"] = list(data["name_servers"])
    data["databases"] = list(data["databases"])
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _database_host(topology: Topology, node: Node) -> dict[str, object]:
    peer = topology.peer(node)
    return {
        "pg_bin": str(topology.pg_bin),
        "pg_data": str(topology.data_folder(node)),
        "pg_port": node.port,
        "pg_peer_host": peer.address if peer else None,
        "pg_peer_port": peer.port if peer else None,
        "pg_slot": node.slot,
        "pg_log": str(topology.log_file(node)),
        "pg_drill_data": str(topology.drill_data_folder(node)),
        "pg_drill_port": node.drill_port,
        "pg_application_name": node.name,
    }


def _common(topology: Topology) -> dict[str, object]:
    interpreter = SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)
    common: dict[str, object] = {
        "ansible_connection": "lab_site",
        "ansible_python_interpreter": str(interpreter),
        "drorch_zone": ZONE,
        "drorch_dns_servers": [
            {"site": site, "address": SITE_ADDRESSES[site], "port": port} for site, port in topology.dns_ports.items()
        ],
        "drorch_dns_key_file": str(topology.dns_key_file),
        "drorch_db_name": DATABASE,
        "drorch_db_user": DATABASE_USER,
        "drorch_pgpass_file": str(topology.pgpass_file),
        "drorch_names_ttl": NAMES_TTL_S,
    }
    if topology.run_as is not None:
        common["lab_run_as"] = f"{topology.run_as[0]}:{topology.run_as[1]}"
    return common


def inventory_text(topology: Topology) -> str:
    """The Ansible inventory (hosts only, no secrets)."""
    databases = {node.name: node for node in topology.nodes}
    site_groups: dict[str, object] = {}
    for site, address in SITE_ADDRESSES.items():
        hosts = [f"apps-{site}", *(f"db-{name}" for name, node in databases.items() if node.site == site)]
        site_groups[f"site_{site}"] = {
            "hosts": {host: {} for host in hosts},
            "vars": {
                "drorch_site": site,
                "drorch_site_address": address,
                "lab_power_file": str(topology.power_file(site)),
                "ansible_remote_tmp": str(topology.site_folder(site) / "ansible"),
            },
        }
    applications = {
        f"apps-{site}": {"control_socket": str(topology.control_socket(site)), "control_url": "http://localhost"}
        for site in SITE_ADDRESSES
    }
    children = {
        "databases": {"hosts": {f"db-{name}": _database_host(topology, node) for name, node in databases.items()}},
        "application_servers": {"hosts": applications},
        **site_groups,
    }
    return yaml.safe_dump({"all": {"vars": _common(topology), "children": children}}, sort_keys=False)
