"""What one lab consists of: sites, database nodes, applications, name servers, with their ports and files.

Written once by ``lab up`` as ``lab.json``; every process of the lab reads it. Holds no secrets, only files' names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from drorch.core.errors import Broken, NotFound

SCHEMA = 1
ZONE = "apps.drorch.test"
SITE_ADDRESSES: Mapping[str, str] = MappingProxyType(
    {"nyc": "127.10.0.1", "piscataway": "127.20.0.1", "brindisi": "127.30.0.1", "valencia": "127.40.0.1"}
)
NAME_SERVER_SITES = ("piscataway", "valencia")
"""The first takes the updates, the second follows it and passes updates on; it takes them itself while the first is
silent, and the first catches up before it answers again."""
DATABASE = "drorch"
DATABASE_USER = "drorch"
NAMES_TTL_S = 1


@dataclass(frozen=True, kw_only=True)
class Node:
    """One PostgreSQL server: the database of a protection group at a site. ``peer_site`` is None without a standby."""

    group: str
    site: str
    address: str
    port: int
    drill_port: int
    peer_site: str | None
    starts_as_primary: bool

    @property
    def name(self) -> str:
        """``<group>-<site>``: folder and replication application name."""
        return f"{self.group}-{self.site}"

    @property
    def slot(self) -> str:
        """Replication slot that the standby of this group uses on whichever node is the primary."""
        return "drorch_" + self.group.replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class LabApplication:
    """One application: the same port at each of its ``sites`` (primary first). ``via`` is its gateway, if any."""

    id: str
    group: str
    port: int
    drill_port: int
    sites: tuple[str, ...]
    via: str | None = None

    @property
    def schema(self) -> str:
        """Its schema in the database of its group."""
        return "app_" + self.id.replace("-", "_")

    @property
    def name(self) -> str:
        """The DNS name its users know."""
        return f"{self.id}.{ZONE}"

    @property
    def drill_name(self) -> str:
        """The DNS name of its isolated copy."""
        return f"{self.id}.drill.{ZONE}"


@dataclass(frozen=True, kw_only=True)
class Topology:
    """All of it. ``run_as`` is (uid, gid) of the servers when the lab was started by root, else None."""

    folder: Path
    folder_is_ours: bool
    run_as: tuple[int, int] | None
    pg_bin: Path
    pg_version: int
    dns_ports: Mapping[str, int]
    ssh_ports: Mapping[str, int]
    nodes: tuple[Node, ...]
    applications: tuple[LabApplication, ...]

    @cached_property
    def by_id(self) -> Mapping[str, LabApplication]:
        """Applications by id."""
        return MappingProxyType({application.id: application for application in self.applications})

    @property
    def sites(self) -> Mapping[str, str]:
        """Site id to address."""
        return SITE_ADDRESSES

    @property
    def groups(self) -> tuple[str, ...]:
        """Ids of the protection groups, each once, in order."""
        return tuple(dict.fromkeys(node.group for node in self.nodes))

    def application(self, application_id: str) -> LabApplication:
        """The application; NotFound when the lab has none of that id."""
        if application_id not in self.by_id:
            raise NotFound(f"the lab has no application {application_id!r}", next_step="see 'drorch lab status'")
        return self.by_id[application_id]

    def nodes_of(self, group: str) -> tuple[Node, ...]:
        """The one or two nodes of a group; NotFound when the lab has no such group."""
        found = tuple(node for node in self.nodes if node.group == group)
        if not found:
            raise NotFound(
                f"the lab has no protection group {group!r}", next_step=f"name one of {', '.join(self.groups)}"
            )
        return found

    def node(self, group: str, site: str) -> Node:
        """The node of a group at a site; NotFound if there is none."""
        for node in self.nodes_of(group):
            if node.site == site:
                return node
        raise NotFound(f"{group!r} has no database at {site!r}")

    def peer(self, node: Node) -> Node | None:
        """The other node of the group."""
        return None if node.peer_site is None else self.node(node.group, node.peer_site)

    def site_folder(self, site: str) -> Path:
        """Everything of one site."""
        return self.folder / "sites" / site

    def power_file(self, site: str) -> Path:
        """Holds ``on`` or ``off``."""
        return self.site_folder(site) / "power"

    def control_socket(self, site: str) -> Path:
        """Unix socket of the application supervisor."""
        return self.site_folder(site) / "control.sock"

    def dns_control_socket(self, site: str) -> Path:
        """Unix socket on which the name server is told of faults."""
        return self.site_folder(site) / "dns.sock"

    def node_folder(self, node: Node) -> Path:
        """Configuration, data and log of one PostgreSQL server."""
        return self.site_folder(node.site) / "databases" / node.group

    def data_folder(self, node: Node) -> Path:
        """``PGDATA``."""
        return self.node_folder(node) / "data"

    def drill_data_folder(self, node: Node) -> Path:
        """``PGDATA`` of the isolated copy a drill makes; its parent holds the copy's own configuration."""
        return self.node_folder(node) / "drill" / "data"

    def log_file(self, node: Node) -> Path:
        """What the server says."""
        return self.node_folder(node) / "postgres.log"

    @property
    def lab_file(self) -> Path:
        """This description."""
        return self.folder / "lab.json"

    @property
    def truth_file(self) -> Path:
        """What really happened, for tests."""
        return self.folder / "truth.jsonl"

    @property
    def faults_file(self) -> Path:
        """What is broken on purpose at present."""
        return self.folder / "faults.json"

    @property
    def estate_file(self) -> Path:
        """The lab as drorch sees it."""
        return self.folder / "estate.yml"

    @property
    def inventory_file(self) -> Path:
        """The lab as Ansible sees it."""
        return self.folder / "inventory.yml"

    @property
    def pgpass_file(self) -> Path:
        """Password file in libpq's format."""
        return self.folder / "secrets" / "pgpass"

    @property
    def dns_key_file(self) -> Path:
        """TSIG key."""
        return self.folder / "secrets" / "tsig.json"

    @property
    def template_folder(self) -> Path:
        """The database cluster all nodes are copied from, now and at each reset."""
        return self.folder / "template"

    @property
    def pids_folder(self) -> Path:
        """One file per server process: pid and start time."""
        return self.folder / "pids"

    def write(self) -> None:
        """Write ``lab.json``."""
        data = asdict(self) | {"schema": SCHEMA, "folder": str(self.folder), "pg_bin": str(self.pg_bin)}
        self.lab_file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Topology:
        """The lab in ``folder``. NotFound when there is none, Broken when its description is damaged."""
        path = folder / "lab.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                raise Broken(
                    f"written by another version (schema {data['schema']})",
                    where=str(path),
                    next_step="end that lab with the drorch that started it",
                )
            return cls(
                folder=folder.absolute(),
                folder_is_ours=bool(data["folder_is_ours"]),
                run_as=None if data["run_as"] is None else (int(data["run_as"][0]), int(data["run_as"][1])),
                pg_bin=Path(data["pg_bin"]),
                pg_version=int(data["pg_version"]),
                dns_ports=data["dns_ports"],
                ssh_ports=data["ssh_ports"],
                nodes=tuple(Node(**node) for node in data["nodes"]),
                applications=tuple(
                    LabApplication(**(entry | {"sites": tuple(entry["sites"])})) for entry in data["applications"]
                ),
            )
        except FileNotFoundError as error:
            raise NotFound(
                "there is no lab in this folder", where=str(folder), next_step="start one with 'drorch lab up'"
            ) from error
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise Broken(f"the lab's description is damaged: {error!r}", where=str(path)) from error
