"""Under which starts of the machine a run was driven: its journal's instants are comparable only within one of them."""

from __future__ import annotations

import os

from drorch.app.folders import RunFolder
from drorch.core.clock import Clock
from drorch.core.errors import Broken
from drorch.evidence.boots import boot_line, read_boots


def note_boot(folder: RunFolder, boot: str, clock: Clock) -> None:
    """Write down, durably, that the run is begun or taken up under ``boot``, unless that was the last one written.

    Nothing when ``boot`` is empty (not known). Broken when the file cannot be written.
    """
    if not boot or boots_of(folder)[-1:] == (boot,):
        return
    now = clock.now()
    try:
        with folder.boots.open("a", encoding="utf-8") as stream:
            stream.write(boot_line(boot, mono=now.mono, wall=now.wall.isoformat()))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise Broken(
            f"cannot be written: {error.strerror}",
            where=str(folder.boots),
            next_step="free space or permissions, then repeat",
        ) from error


def boots_of(folder: RunFolder) -> tuple[str, ...]:
    """The boots of a run in order; empty for a run of a drorch that did not write them. InputInvalid when damaged."""
    try:
        text = folder.boots.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(
            f"cannot be read: {error}", where=str(folder.boots), next_step="restore the file from a copy"
        ) from error
    return read_boots(text, str(folder.boots))
