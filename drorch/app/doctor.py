"""What would stop you tonight: the machine, the state folder, the files and the name servers, looked at one by one.

Nothing is changed, no service is asked for its data, and one thing that cannot be looked at never hides the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from drorch.app import settings
from drorch.catalog.check import check_catalog
from drorch.catalog.files import load_catalog_file
from drorch.catalog.model import Catalog
from drorch.core.errors import DrorchError
from drorch.core.findings import Severity
from drorch.core.ids import short
from drorch.estate.files import load_estate
from drorch.estate.model import Estate, NameServer
from drorch.orchestration.held_groups import Known, known_of
from drorch.orchestration.lost_runs import NO_EVENTS_NEXT, runs_without_events
from drorch.orchestration.operator_requests import Operations
from drorch.plan.playbook_folder import playbooks_folder, read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run.ports import Journal

LITTLE_BYTES = 1 << 30
"""Less free space than this is told: a watched failover of 76 applications writes some hundred megabytes an hour."""
NONE_BYTES = 64 << 20
"""With less than this a run may end in the middle."""
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"})
"""SQLite's write-ahead log needs shared memory between processes and so a local file system (sqlite.org/wal.html)."""
OPEN_TO_OTHERS = 0o077


class Health(StrEnum):
    """How one thing stands. ``unknown`` is no ``good``."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at: what it is, how it stands, what was seen, and what to do."""

    name: str
    health: Health
    said: str
    next_step: str = ""


class Machine(Protocol):
    """What can be asked of the machine. Methods raise OSError when a thing cannot be looked at."""

    def pseudo_terminal(self) -> str:
        """Empty when one can be opened (every playbook needs one), else why not."""
        ...

    def program(self, name: str) -> str | None:
        """Where a program is; None when there is none."""
        ...

    def clock_synchronised(self) -> bool | None:
        """Whether the kernel calls the clock synchronised; None when it cannot be asked."""
        ...

    def free_bytes(self, folder: Path) -> int:
        """Free space for this user in the file system of ``folder``."""
        ...

    def file_system(self, folder: Path) -> str:
        """Its kind as the kernel names it: ``ext4``, ``nfs4``, …"""
        ...

    def mode(self, file: Path) -> int:
        """Permission bits."""
        ...

    def name_servers(self, servers: Sequence[NameServer], name: str) -> Mapping[str, str]:
        """Each server's site to why it does not answer for ``name``; empty when it does."""
        ...


@dataclass(frozen=True, kw_only=True)
class Patient:
    """What is examined."""

    home: Path
    catalog_file: Path
    estate_file: Path | None
    """None: the one that is found by itself, if any."""


class Doctor:
    """Looks at everything a run needs. One object per command."""

    def __init__(
        self,
        machine: Machine,
        journal: Callable[[], Journal],
        operations: Callable[[], Operations],
        secret_files: Callable[[Estate], Sequence[Path]],
    ) -> None:
        """``journal`` and ``operations`` are made when they are looked at: making them may already fail."""
        self._machine = machine
        self._journal = journal
        self._operations = operations
        self._secret_files = secret_files

    def examine(self, patient: Patient) -> Iterator[Check]:
        """Every check, as soon as its answer is there."""
        looks: tuple[tuple[str, Callable[[Patient], Iterator[Check]]], ...] = (
            ("pseudo-terminal", self._terminal),
            ("ansible", self._ansible),
            ("clock", self._clock),
            ("state folder", self._folder),
            ("journal", self._journal_holds),
            ("lost runs", self._lost_runs),
            ("runs", self._runs),
            ("catalog", self._catalog),
            ("playbooks", self._playbooks),
            ("estate", self._estate),
        )
        for name, look in looks:
            try:
                yield from look(patient)
            except DrorchError as error:
                said = f"{error.where}: {error.what}" if error.where else error.what
                yield Check(name=name, health=Health.BAD, said=said, next_step=error.next_step or "")
            except OSError as error:
                said = f"cannot be looked at: {error.strerror or error}"
                yield Check(name=name, health=Health.UNKNOWN, said=said, next_step="look at it by hand")

    def _terminal(self, _: Patient) -> Iterator[Check]:
        problem = self._machine.pseudo_terminal()
        yield _check(
            "pseudo-terminal",
            not problem,
            "can be opened",
            f"cannot be opened ({problem}): every playbook would be lost",
            "mount devpts on /dev/pts, or start the container with a terminal",
        )

    def _ansible(self, _: Patient) -> Iterator[Check]:
        found = self._machine.program("ansible-playbook")
        step = "install drorch anew: it brings ansible-core"
        yield _check("ansible", found is not None, str(found), "ansible-playbook is not found", step)

    def _clock(self, _: Patient) -> Iterator[Check]:
        synchronised = self._machine.clock_synchronised()
        if synchronised is None:
            step = "see to it that a time service runs"
            yield Check(name="clock", health=Health.UNKNOWN, said="the kernel does not say", next_step=step)
        elif synchronised:
            yield Check(name="clock", health=Health.GOOD, said="synchronised")
        else:
            yield Check(
                name="clock",
                health=Health.WARNING,
                said="not synchronised: durations are right all the same, times of day may be wrong",
                next_step="start a time service (chrony, systemd-timesyncd)",
            )

    def _folder(self, patient: Patient) -> Iterator[Check]:
        kind, free = self._machine.file_system(patient.home), self._machine.free_bytes(patient.home)
        if kind in NETWORK_FILE_SYSTEMS:
            said = f"{patient.home} is on a network file system ({kind}): the journal may be damaged there"
            step = "set DRORCH_HOME to a folder on a local disk, or DRORCH_STORE to a PostgreSQL database"
            yield Check(name="state folder", health=Health.BAD, said=said, next_step=step)
        else:
            yield Check(name="state folder", health=Health.GOOD, said=f"{patient.home} ({kind or 'unknown kind'})")
        health = Health.GOOD if free >= LITTLE_BYTES else Health.WARNING if free >= NONE_BYTES else Health.BAD
        step = "" if health is Health.GOOD else "make room before a run is started"
        yield Check(name="free space", health=health, said=f"{free / (1 << 30):.1f} GiB", next_step=step)
        mode = self._machine.mode(patient.home)
        if mode & 0o022:
            said = f"others may write in it (mode {mode:04o}): they could change what is recorded"
            yield Check(name="permissions", health=Health.WARNING, said=said, next_step=f"chmod go-w {patient.home}")

    def _journal_holds(self, _: Patient) -> Iterator[Check]:
        journal = self._journal()
        runs = journal.runs()
        broken = [known for run in runs if (known := known_of(journal, run)).problem is not None]
        yield _check(
            "journal",
            not broken,
            f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}, every chain holds",
            "; ".join(f"run {known.run}: {known.problem}; it holds {_held(known)}" for known in broken),
            "keep the store, restore it from its export, and find out who changed it",
        )

    def _lost_runs(self, patient: Patient) -> Iterator[Check]:
        lost = runs_without_events(patient.home, self._journal())
        said = f"these have a folder and no events in the store: {_some(lost)}"
        yield _check("lost runs", not lost, "every run folder has its events", said, NO_EVENTS_NEXT)

    def _runs(self, _: Patient) -> Iterator[Check]:
        journal, operations, alone = self._journal(), self._operations(), []
        unreadable: list[Known] = []
        for run in journal.runs():
            try:
                now = operations.now(run)
            except DrorchError:
                unreadable.append(known_of(journal, run))
                continue
            if now.state.head.started_at is not None and now.state.ended is None and not now.driven:
                alone.append(run)
        step = f"drorch run watch {alone[0]}, then drorch run attach {alone[0]}" if alone else ""
        if alone or not unreadable:
            said = "none is under way without a driver"
            yield _check("runs", not alone, said, f"no driver is at: {', '.join(alone)}", step)
        step = "look at them on the machine that began them, or restore this state folder's runs from its copy"
        under_way = [known for known in unreadable if known.holds]
        if under_way:
            names = "; ".join(f"{known.run} holds {_held(known)}" for known in under_way)
            said = f"{len(under_way)} under way cannot be looked at from here: {names}"
            yield Check(name="runs", health=Health.BAD, said=said, next_step=step)
        if others := [known.run for known in unreadable if not known.holds]:
            said = f"the files of {len(others)} cannot be read: {', '.join(others[:3])}"
            yield Check(name="runs", health=Health.WARNING, said=said, next_step=step)

    def _catalog(self, patient: Patient) -> Iterator[Check]:
        catalog = load_catalog_file(patient.catalog_file)
        found = [finding.severity for finding in check_catalog(catalog)]
        errors, warnings = found.count(Severity.ERROR), found.count(Severity.WARNING)
        said = f"{len(catalog.applications)} applications, {errors} errors, {warnings} warnings"
        health = Health.BAD if errors else Health.WARNING if warnings else Health.GOOD
        step = f"drorch catalog check {patient.catalog_file}" if errors or warnings else ""
        yield Check(name="catalog", health=health, said=said, next_step=step)

    def _playbooks(self, _: Patient) -> Iterator[Check]:
        files = read_playbooks()
        said = f"{len(files)} files, {short(playbooks_id(files))}, in {playbooks_folder()}"
        yield Check(name="playbooks", health=Health.GOOD, said=said)

    def _estate(self, patient: Patient) -> Iterator[Check]:
        file = patient.estate_file or settings.default_estate()
        estate = load_estate(file)
        said = f"{estate.name}: {len(estate.sites)} sites, {len(estate.applications)} applications ({file})"
        yield Check(name="estate", health=Health.GOOD, said=said)
        yield from self._belongs_together(patient, estate)
        yield from self._secrets(estate)
        name = next(iter(sorted(item.name for item in estate.applications.values())), None)
        if name is not None:
            for site, problem in self._machine.name_servers(estate.name_servers, name).items():
                step = "no application is called good while an authoritative server is silent: mend it"
                yield _check(f"name server at {site}", not problem, "answers", problem, step)

    def _belongs_together(self, patient: Patient, estate: Estate) -> Iterator[Check]:
        try:
            catalog: Catalog = load_catalog_file(patient.catalog_file)
        except DrorchError:
            return  # told by the check of the catalog
        known = {application.id for application in catalog.applications}
        absent, extra = sorted(known - set(estate.applications)), sorted(set(estate.applications) - known)
        if absent or extra:
            parts = [f"without an address: {_some(absent)}"] if absent else []
            parts += [f"not in the catalog: {_some(extra)}"] if extra else []
            step = "give each application of the catalog its name and port in the estate"
            yield Check(name="estate", health=Health.WARNING, said="; ".join(parts), next_step=step)

    def _secrets(self, estate: Estate) -> Iterator[Check]:
        files = self._secret_files(estate)
        wrong: list[str] = []
        for file in files:
            try:
                mode = self._machine.mode(file)
            except OSError as error:
                wrong.append(f"{file}: {error.strerror}")
                continue
            if mode & OPEN_TO_OTHERS:
                wrong.append(f"{file} is open to others (mode {mode:04o})")
        said = f"{len(files)} files, closed to others"
        yield _check("secrets", not wrong, said, "; ".join(wrong), "chmod 600, owned by the user drorch runs as")


def _check(name: str, holds: bool, good: str, bad: str, step: str) -> Check:
    if holds:
        return Check(name=name, health=Health.GOOD, said=good)
    return Check(name=name, health=Health.BAD, said=bad, next_step=step)


def _held(known: Known) -> str:
    if known.created is None:
        return "every protection group"
    return _some(known.groups) if known.groups else "nothing"


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
