"""What a run rests on, taken from the world before its first act and kept in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.core.codec import to_text
from drorch.core.files import write_whole
from drorch.core.state_folder import RunFolder
from drorch.estate.inventory import host_hashes
from drorch.estate.model import Estate
from drorch.evidence.fingerprint import FINGERPRINT_SCHEMA, Fingerprints, Parts, World, fingerprint, playbook_pieces
from drorch.plan.model import Plan, PlaybookAct
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_used


def world_of(plan: Plan, catalog: Catalog, estate: Estate) -> World:
    """What fingerprints of the plan's applications are taken from, as it is now."""
    acts = [act for step in plan.steps for act in (step.act, step.undo) if isinstance(act, PlaybookAct)]
    hosts = frozenset(host for act in acts for host in act.hosts)
    return World(
        catalog=catalog,
        estate=estate,
        playbooks=playbook_pieces(playbooks_used(plan), read_playbooks()),
        hosts=host_hashes(Path(estate.inventory), hosts),
    )


def fingerprints(plan: Plan, world: World) -> Mapping[str, Parts]:
    """Fingerprint of every application of the plan's scope."""
    return {scope.application: fingerprint(scope.application, plan, world) for scope in plan.scope}


def write_fingerprints(folder: RunFolder, run: str, plan: Plan, catalog: Catalog, estate: Estate) -> None:
    """Keep what the run rests on, as it was before its first act."""
    found = fingerprints(plan, world_of(plan, catalog, estate))
    write_whole(folder.fingerprint, to_text(Fingerprints(schema=FINGERPRINT_SCHEMA, run=run, applications=found)))
