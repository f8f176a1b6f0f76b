"""The estate: where the catalog's things answer in one real environment (addresses, ports, files with secrets).

The catalog says *what* there is and is the same everywhere; the estate says *where*. The lab writes one each time it
starts (free ports); a production estate is kept under ``inventories/<estate>/estate.yml``. Nothing secret is inside:
secrets are named by file. Parsed at the edge by ``drorch.app.settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A TCP or UDP endpoint. ``address`` is an IP address: names are resolved through the estate's own DNS."""

    address: str
    port: int


@dataclass(frozen=True, kw_only=True)
class NameServer:
    """One authoritative server of the zone, at a site."""

    site: str
    endpoint: Endpoint


@dataclass(frozen=True, kw_only=True)
class SshEndpoint:
    """An ssh server with its pinned host key (OpenSSH one-line form) and the private key file to log in with."""

    endpoint: Endpoint
    user: str
    host_key: str
    identity_file: str


@dataclass(frozen=True, kw_only=True)
class DatabaseNode:
    """The database of one protection group at one site."""

    group: str
    site: str
    endpoint: Endpoint
    drill_data: str | None = None
    """Folder in which a drill makes its copy on this node (``pg_drill_data`` of the inventory); None: not told."""
    drill_port: int | None = None
    """Port of that copy, at the same address."""


@dataclass(frozen=True, kw_only=True)
class ApplicationNames:
    """How an application is reached by its users: its own DNS name and fixed port.

    ``drill_name``/``drill_port`` are those of the isolated copy. ``via`` is set for remote-access applications: the
    id of the application that is the gateway; the path is then ``/via/<application id>/...`` on the gateway's name.
    """

    name: str
    port: int
    drill_name: str
    drill_port: int
    via: str | None = None


@dataclass(frozen=True, kw_only=True)
class AlertSource:
    """The Alertmanager in which planned moves are silenced."""

    url: str
    """Its address, ``http://127.0.0.1:9093``."""
    label: str = "app"
    """The label of alerts whose value is an application's id."""
    token_file: str | None = None
    """File with a bearer token, where one is asked for."""
    ca_file: str | None = None
    """File with the authority that signed its certificate; None: the system's."""


@dataclass(frozen=True, kw_only=True)
class SiteCapacity:
    """What a site was verified to carry. A number nobody verified is left out: it would count for nothing."""

    applications: int
    """So many applications at once, its own included."""
    verified: date
    by: str
    """Who verified it: a person, or a test's name."""


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Everything needed to reach the real things named in the catalog."""

    schema: int
    name: str
    zone: str
    inventory: str
    """Path of the Ansible inventory."""
    name_servers: tuple[NameServer, ...]
    sites: Mapping[str, str]
    """Site id to the address of its services."""
    databases: tuple[DatabaseNode, ...]
    applications: Mapping[str, ApplicationNames]
    database_name: str
    database_user: str
    pgpass_file: str
    ssh: Mapping[str, SshEndpoint]
    """Site id to its ssh server; empty where none is installed."""
    ansible_env: Mapping[str, str]
    """Extra environment of playbooks (plugin paths); never secrets."""
    alerts: AlertSource | None = None
    """Where planned moves are silenced; None: nowhere."""
    capacity: Mapping[str, SiteCapacity] = field(default_factory=dict)
    """Site id to what it was verified to carry; a site that is absent was not verified."""

    def database(self, group: str, site: str) -> DatabaseNode:
        """The node of ``group`` at ``site``; KeyError if there is none."""
        for node in self.databases:
            if node.group == group and node.site == site:
                return node
        raise KeyError(f"{group}@{site}")

    def site_of_address(self, address: str) -> str | None:
        """Which site an address belongs to (the served-by proof), None if none."""
        for site, site_address in self.sites.items():
            if site_address == address:
                return site
        return None
