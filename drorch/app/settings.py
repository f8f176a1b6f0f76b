"""What the environment says about the process: its state folder, its database, its estate."""

from __future__ import annotations

import json
import os
from pathlib import Path

from drorch.core.errors import Broken, NotFound

LAB_POINTER = "lab.json"
"""In the state folder: names the folder of the running lab."""


def home() -> Path:
    """The state folder: ``$DRORCH_HOME``, else ``.drorch`` in the present folder. Made when missing."""
    folder = Path(os.environ.get("DRORCH_HOME") or ".drorch").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Broken(
            f"the state folder cannot be made: {error.strerror}",
            where=str(folder),
            next_step="set DRORCH_HOME to a folder that can be written",
        ) from error
    return folder


def store_place(folder: Path) -> str:
    """Where the event store is: the URL or path in ``$DRORCH_STORE``, else ``store.sqlite`` in the state folder."""
    return os.environ.get("DRORCH_STORE", "").strip() or str(folder / "store.sqlite")


def default_estate() -> Path:
    """``$DRORCH_ESTATE``, else the estate of the lab that the state folder points to. NotFound when there is none."""
    named = os.environ.get("DRORCH_ESTATE")
    if named:
        return Path(named)
    pointer = home() / LAB_POINTER
    try:
        folder = Path(json.loads(pointer.read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(
            "no estate is named and no lab is up",
            where=str(pointer),
            next_step="start a lab with 'drorch lab up', or name an estate file with --estate or DRORCH_ESTATE",
        ) from error
    return folder / "estate.yml"
