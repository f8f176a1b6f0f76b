"""What a test rested on, piece by piece, so that a later change can be named: the evidence then is stale. Pure.

The pieces of one application (NIST SP 800-34r1 3.6 asks for a new test after a change of any of them):

- ``playbooks``  each file that the playbooks of its steps are made of (`plan.playbook_files`)
- ``catalog``    each field of its entry and of its protection group that says what is tested, or against what
- ``inventory``  each host its steps play on, with all variables
- ``probes``     how it is looked at: the catalog's probes, its name and ports, the addresses of its sites
- ``dependencies``  the entry of each application it depends on, directly or not, and which those are

Only hashes are kept. A description, a name and a provenance are no such piece: a correction of a text changes no test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from drorch.catalog.model import Application, Catalog
from drorch.core.ids import content_hash
from drorch.estate.model import Estate
from drorch.plan.model import Plan, PlaybookAct, Step
from drorch.plan.playbook_files import files_used

FINGERPRINT_SCHEMA: Final = 1
_FIELDS = ("tier", "department", "arrangement", "group", "rto_from", "gateway")


class Source(StrEnum):
    """Where a piece comes from."""

    PLAYBOOKS = "playbooks"
    CATALOG = "catalog"
    INVENTORY = "inventory"
    PROBES = "probes"
    DEPENDENCIES = "dependencies"


Parts = Mapping[Source, Mapping[str, str]]
"""Source to piece to hash."""


@dataclass(frozen=True, kw_only=True)
class Fingerprints:
    """The content of a run's ``fingerprint.json``: application to its pieces."""

    schema: Literal[1]
    run: str
    applications: Mapping[str, Parts]


@dataclass(frozen=True, kw_only=True)
class World:
    """What the pieces are taken from: the catalog, the estate, files of playbooks, hash of each host's variables."""

    catalog: Catalog
    estate: Estate
    playbooks: Mapping[str, Mapping[str, str]]
    """Playbook to the files it is made of, with the hash of each: `playbook_pieces`."""
    hosts: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One piece that is not as it was."""

    source: Source
    piece: str
    how: str
    """``changed``, ``added`` or ``removed``."""

    def __str__(self) -> str:
        return f"{self.source.value}: {self.piece} {self.how}"


def playbook_pieces(playbooks: Iterable[str], files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, str]]:
    """For each playbook the files it is made of with their hashes; none for one that is not there."""
    return MappingProxyType(
        {
            playbook: MappingProxyType(
                {name: f"sha256:{hashlib.sha256(files[name]).hexdigest()}" for name in files_used(playbook, files)}
            )
            for playbook in playbooks
        }
    )


def fingerprint(application: str, plan: Plan, world: World) -> Parts:
    """The pieces that a run of ``plan`` rests on for ``application``. What is not there (any more) has no piece."""
    entry = next((app for app in world.catalog.applications if app.id == application), None)
    steps = [step for step in plan.steps if entry is not None and step.subject in {application, entry.group}]
    return MappingProxyType(
        {
            Source.PLAYBOOKS: MappingProxyType(dict(_playbooks(steps, world))),
            Source.CATALOG: MappingProxyType(dict(_entry(entry, world.catalog)) if entry else {}),
            Source.INVENTORY: MappingProxyType(dict(_hosts(steps, world))),
            Source.PROBES: MappingProxyType(dict(_probes(entry, world)) if entry else {}),
            Source.DEPENDENCIES: MappingProxyType(dict(_dependencies(entry, world.catalog)) if entry else {}),
        }
    )


def changes(before: Parts, now: Parts) -> tuple[Change, ...]:
    """What is not as it was, in the order of the sources and of the pieces' names."""
    found: list[Change] = []
    for source in Source:
        old, new = before.get(source, {}), now.get(source, {})
        for piece in sorted(old.keys() | new.keys()):
            if old.get(piece) != new.get(piece):
                how = "added" if piece not in old else "removed" if piece not in new else "changed"
                found.append(Change(source=source, piece=piece, how=how))
    return tuple(found)


def _playbooks(steps: list[Step], world: World) -> Iterator[tuple[str, str]]:
    acts = [act for step in steps for act in (step.act, step.undo) if isinstance(act, PlaybookAct)]
    for playbook in sorted({act.playbook for act in acts}):
        yield from world.playbooks.get(playbook, {}).items()


def _hosts(steps: list[Step], world: World) -> Iterator[tuple[str, str]]:
    acts = [act for step in steps for act in (step.act, step.undo) if isinstance(act, PlaybookAct)]
    for host in sorted({host for act in acts for host in act.hosts}):
        if host in world.hosts:
            yield host, world.hosts[host]


def _entry(entry: Application, catalog: Catalog) -> Iterator[tuple[str, str]]:
    for name in _FIELDS:
        yield name, content_hash(getattr(entry, name))
    yield "rto", content_hash(entry.rto.seconds)
    yield "rpo", content_hash(entry.rpo.seconds)
    yield "depends_on", content_hash(sorted(entry.depends_on))
    group = next((item for item in catalog.groups if item.id == entry.group), None)
    if group is not None:
        yield "group.method", content_hash(group.method)
        yield "group.primary_site", content_hash(group.primary_site)
        yield "group.recovery_site", content_hash(group.recovery_site)


def _probes(entry: Application, world: World) -> Iterator[tuple[str, str]]:
    shown = [[probe.kind.value, probe.path, probe.port_name] for probe in entry.probes]
    yield "probes", content_hash(shown)
    names = world.estate.applications.get(entry.id)
    if names is not None:
        seen = [names.name, names.port, names.drill_name, names.drill_port, names.via]
        yield "name and ports", content_hash(seen)
    for node in world.estate.databases:
        if node.group == entry.group:
            seen = [node.endpoint.address, node.endpoint.port, node.drill_port]
            yield f"database at {node.site}", content_hash(seen)


def _dependencies(entry: Application, catalog: Catalog) -> Iterator[tuple[str, str]]:
    known = {app.id: app for app in catalog.applications}
    seen: set[str] = set()
    todo = list(entry.depends_on)
    while todo:
        name = todo.pop()
        if name in known and name not in seen and name != entry.id:
            seen.add(name)
            todo += known[name].depends_on
    for name in sorted(seen):
        yield name, content_hash(dict(_entry(known[name], catalog)))
