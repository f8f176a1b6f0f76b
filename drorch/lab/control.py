"""The lab as an object: up, open, status, break, heal, down. Its servers live in their own sessions and outlive it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from drorch.catalog.model import Catalog
from drorch.core.errors import DrorchError, InputInvalid
from drorch.lab.damage import change, check_target, start_application, start_if_safe
from drorch.lab.faults import Fault, What, read_faults
from drorch.lab.processes import postmaster_of
from drorch.lab.startup import Progress, bring_up, put_back, tear_down
from drorch.lab.status import LabStatus, status_of
from drorch.lab.topology import Node, Topology

HEALING_ORDER = (
    *(What.SITE, What.DNS, What.LINK, What.REPLICATION, What.DNS_STALE, What.DNS_UPDATES),
    *(What.APP_STUCK, What.APP_READONLY, What.APP_OLD_DATA, What.DB, What.APP),
)


def fault_of(what: str, target: str) -> Fault:
    """A fault by its words. InputInvalid when ``what`` is none."""
    try:
        return Fault(what=What(what), target=target)
    except ValueError as error:
        raise InputInvalid(
            f"{what!r} cannot be broken", next_step=f"name one of {', '.join(known.value for known in What)}"
        ) from error


class Lab:
    """A running lab. Several objects, also in several processes, may stand for the same one."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology

    @classmethod
    def up(cls, catalog: Catalog, folder: Path | None = None, progress: Progress = lambda _: None) -> Self:
        """Start all of the catalog; returns when every application at its primary site serves.

        Without ``folder`` a new one is made in the folder for temporary files. Nothing is left when it fails.
        """
        return cls(bring_up(catalog, folder, progress))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The lab that was started in ``folder``. NotFound when there is none."""
        return cls(Topology.read(folder))

    @property
    def folder(self) -> Path:
        """Everything of this lab."""
        return self.topology.folder

    @property
    def estate_file(self) -> Path:
        """The lab as drorch sees it."""
        return self.topology.estate_file

    @property
    def truth_file(self) -> Path:
        """What really happened, for tests."""
        return self.topology.truth_file

    def status(self) -> LabStatus:
        """What is up, what is down, what is broken."""
        return status_of(self.topology)

    def faults(self) -> frozenset[Fault]:
        """What is broken on purpose."""
        return read_faults(self.topology.faults_file)

    def break_(self, what: str, target: str) -> bool:
        """Break it; False if it was broken. InputInvalid when there is no such thing, Refused when it is down."""
        return change(self.topology, fault_of(what, target), breaks=True)

    def heal(self, what: str, target: str) -> bool:
        """Heal it; False if it was not broken. Refused when healing could make two writers."""
        fault = fault_of(what, target)
        check_target(self.topology, fault.what, fault.target)
        return fault in self.faults() and change(self.topology, fault, breaks=False)

    def heal_all(self) -> tuple[str, ...]:
        """Heal everything, start what is stopped where that is safe; returns what could not be healed, and why.

        Roles are not repaired: what was failed over stays where it is.
        """
        problems: list[str] = []
        for fault in sorted(self.faults(), key=lambda fault: HEALING_ORDER.index(fault.what)):
            try:
                change(self.topology, fault, breaks=False)
            except DrorchError as error:
                problems.append(f"{fault.what.value} {fault.target}: {error.what}")
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(self._runs_now, self.topology.nodes))
        problems += [
            f"{node.name}: stays stopped, it may not be the primary any more"
            for node, running in zip(self.topology.nodes, runs, strict=True)
            if not running
        ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda entry: start_application(self.topology, entry.id), self.topology.applications))
        return tuple(problems)

    def _runs_now(self, node: Node) -> bool:
        return postmaster_of(self.topology.data_folder(node)) is not None or start_if_safe(self.topology, node)

    def reset(self, progress: Progress = lambda _: None) -> None:
        """Everything as it was when the lab came up, with new databases; a third of the time of down and up."""
        put_back(self.topology, progress)

    def down(self) -> None:
        """End every process and remove what the lab made. Harmless when that is done already."""
        tear_down(self.folder)
