"""What the lab looks like at present, asked from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from drorch.lab.daemons.databases import role_of
from drorch.lab.damage import name_server_process, power_is_on, states_at
from drorch.lab.faults import read_faults
from drorch.lab.processes import read_pid_file
from drorch.lab.topology import SITE_ADDRESSES, Topology


@dataclass(frozen=True, kw_only=True)
class SiteStatus:
    """One site. ``name_server`` is None where there is none."""

    site: str
    address: str
    power: bool
    application_server: bool
    name_server: bool | None


@dataclass(frozen=True, kw_only=True)
class DatabaseStatus:
    """One node. ``role`` is primary, streaming (a standby that receives), standby or down."""

    group: str
    site: str
    port: int
    role: str


@dataclass(frozen=True, kw_only=True)
class ApplicationStatus:
    """One application: the sites where it is started, and where each name server points."""

    id: str
    group: str
    started: tuple[str, ...]
    drill: tuple[str, ...]
    names: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class LabStatus:
    """The whole lab."""

    folder: str
    sites: tuple[SiteStatus, ...]
    databases: tuple[DatabaseStatus, ...]
    applications: tuple[ApplicationStatus, ...]
    faults: tuple[str, ...]


def ask_name(topology: Topology, site: str, name: str) -> str | None:
    """The address that the name server of ``site`` gives; None when it does not answer or knows none."""
    query = dns.message.make_query(name, dns.rdatatype.A)
    try:
        response = dns.query.udp(query, SITE_ADDRESSES[site], timeout=0.5, port=topology.dns_ports[site])
    except (dns.exception.DNSException, OSError):
        return None
    return next((rdata.to_text() for rrset in response.answer for rdata in rrset), None)


def _names(topology: Topology, site: str) -> dict[str, str | None]:
    if name_server_process(topology, site) is None:
        return {}
    by_address = {address: site for site, address in SITE_ADDRESSES.items()}
    found: dict[str, str | None] = {}
    for entry in topology.applications:
        address = ask_name(topology, site, entry.name)
        found[entry.id] = by_address.get(address, address) if address else None
    return found


def status_of(topology: Topology) -> LabStatus:
    """Ask every part. What does not answer is down."""
    with ThreadPoolExecutor(8) as pool:
        roles = list(pool.map(lambda node: role_of(topology, node), topology.nodes))
        names = dict(
            zip(topology.dns_ports, pool.map(lambda site: _names(topology, site), topology.dns_ports), strict=True)
        )
        states = dict(
            zip(SITE_ADDRESSES, pool.map(lambda site: states_at(topology, site), SITE_ADDRESSES), strict=True)
        )

    def where(application_id: str, key: str) -> tuple[str, ...]:
        return tuple(site for site in states if states[site].get(application_id, {}).get(key) == "started")

    return LabStatus(
        folder=str(topology.folder),
        sites=tuple(
            SiteStatus(
                site=site,
                address=address,
                power=power_is_on(topology, site),
                application_server=read_pid_file(topology.pids_folder / f"site-{site}.json") is not None,
                name_server=name_server_process(topology, site) is not None if site in topology.dns_ports else None,
            )
            for site, address in SITE_ADDRESSES.items()
        ),
        databases=tuple(
            DatabaseStatus(group=node.group, site=node.site, port=node.port, role=role)
            for node, role in zip(topology.nodes, roles, strict=True)
        ),
        applications=tuple(
            ApplicationStatus(
                id=entry.id,
                group=entry.group,
                started=where(entry.id, "state"),
                drill=where(entry.id, "drill"),
                names={site: names[site].get(entry.id) for site in topology.dns_ports},
            )
            for entry in topology.applications
        ),
        faults=tuple(f"{fault.what.value} {fault.target}" for fault in sorted(read_faults(topology.faults_file))),
    )
