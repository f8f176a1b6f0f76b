"""The folder of playbooks that plans are built from and runs use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import drorch
from drorch.core.errors import NotFound


def playbooks_folder() -> Path:
    """``$DRORCH_PLAYBOOKS``, else ``playbooks`` beside the package or in the present folder."""
    named = os.environ.get("DRORCH_PLAYBOOKS")
    candidates = [Path(named)] if named else [Path(drorch.__file__).parent.parent / "playbooks", Path("playbooks")]
    for folder in candidates:
        if folder.is_dir():
            return folder.absolute()
    raise NotFound(
        "there is no playbooks folder",
        where=str(candidates[0]),
        next_step="set DRORCH_PLAYBOOKS to the folder that holds <method>/recover.yml",
    )


def read_playbooks(folder: Path | None = None) -> Mapping[str, bytes]:
    """Every file under the playbooks folder by its relative name (what the plan's playbooks id is made of)."""
    root = folder or playbooks_folder()
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return MappingProxyType(files)
