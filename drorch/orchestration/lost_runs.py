"""Runs whose folder is there and whose events are not: the store was lost, replaced or rolled back."""

from __future__ import annotations

from pathlib import Path

from drorch.core.errors import Broken
from drorch.core.state_folder import runs_folder
from drorch.run.ports import Journal

NO_EVENTS_NEXT = "restore the store from its export; a folder whose run was never begun may be removed"


def runs_without_events(home: Path, journal: Journal) -> tuple[str, ...]:
    """Their ids, sorted."""
    folder, known = runs_folder(home), set(journal.runs())
    # Beside the runs lie folders that only programs use, such as Ansible's own; their names begin with a dot.
    found = [path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "."] if folder.is_dir() else []
    return tuple(sorted(name for name in found if name not in known))


def lost(run: str) -> Broken:
    """What is said of one."""
    return Broken(f"the run {run} has no events in the store", where=f"run {run}", next_step=NO_EVENTS_NEXT)
