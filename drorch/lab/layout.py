"""From a catalog to the topology of a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drorch.catalog.model import Application, Arrangement, Catalog
from drorch.core.errors import InputInvalid
from drorch.lab.binaries import Binaries
from drorch.lab.identity import RunAs
from drorch.lab.topology import NAME_SERVER_SITES, SITE_ADDRESSES, LabApplication, Node, Topology

LONGEST_SOCKET = 100
"""A Unix socket's path has at most 107 bytes on Linux and 103 on macOS."""


def ports_needed(catalog: Catalog) -> int:
    """How many port numbers `lay_out` takes."""
    return 2 * len(catalog.applications) + 2 * len(catalog.groups) + len(NAME_SERVER_SITES) + len(SITE_ADDRESSES)


def check_catalog_fits(catalog: Catalog, folder: Path) -> None:
    """InputInvalid when the lab cannot show this catalog, or not in this folder."""
    for group in catalog.groups:
        for site in (group.primary_site, group.recovery_site):
            if site is not None and site not in SITE_ADDRESSES:
                raise InputInvalid(
                    f"the lab has no site {site!r} (needed by protection group {group.id!r})",
                    next_step=f"use {', '.join(SITE_ADDRESSES)}",
                )
    longest = folder / "sites" / max(SITE_ADDRESSES, key=len) / "control.sock"
    if len(str(longest).encode()) > LONGEST_SOCKET:
        raise InputInvalid(
            "the folder's name is too long for Unix sockets", where=str(folder), next_step="name a shorter one"
        )


def gateway_of(catalog: Catalog, application: Application) -> str | None:
    """The application through which a remote-access application is reached; None for others."""
    if application.arrangement is not Arrangement.REMOTE_ACCESS:
        return None
    known = {entry.id: entry for entry in catalog.applications}
    needed = [known[entry] for entry in application.depends_on if entry in known]
    candidates = [entry for entry in needed if entry.gateway] or [
        entry for entry in needed if entry.arrangement is not Arrangement.REMOTE_ACCESS
    ]
    return candidates[0].id if candidates else None


def _nodes(catalog: Catalog, ports: Iterator[int]) -> Iterator[Node]:
    for group in catalog.groups:
        port, drill_port = next(ports), next(ports)
        sites = [group.primary_site] + ([group.recovery_site] if group.recovery_site else [])
        for site in sites:
            others = [other for other in sites if other != site]
            yield Node(
                group=group.id,
                site=site,
                address=SITE_ADDRESSES[site],
                port=port,
                drill_port=drill_port,
                peer_site=others[0] if others else None,
                starts_as_primary=site == group.primary_site,
            )


def _application(catalog: Catalog, application: Application, ports: Iterator[int]) -> LabApplication:
    recovery = catalog.recovery_site_of(application)
    primary = catalog.primary_site_of(application)
    return LabApplication(
        id=application.id,
        group=application.group,
        port=next(ports),
        drill_port=next(ports),
        sites=(primary, recovery) if recovery else (primary,),
        via=gateway_of(catalog, application),
    )


def lay_out(
    catalog: Catalog,
    *,
    folder: Path,
    folder_is_ours: bool,
    run_as: RunAs,
    binaries: Binaries,
    ports: Iterator[int],
    with_ssh: bool,
) -> Topology:
    """Give every part of the catalog its place and ports."""
    return Topology(
        folder=folder,
        folder_is_ours=folder_is_ours,
        run_as=run_as,
        pg_bin=binaries.folder,
        pg_version=binaries.version,
        dns_ports={site: next(ports) for site in NAME_SERVER_SITES},
        ssh_ports={site: next(ports) for site in SITE_ADDRESSES} if with_ssh else {},
        nodes=tuple(_nodes(catalog, ports)),
        applications=tuple(_application(catalog, entry, ports) for entry in catalog.applications),
    )
