"""Under which starts of the machine a run was driven: its journal's instants are comparable only within one of them."""

from __future__ import annotations

import os

from drorch.core.clock import Clock
from drorch.core.codec import to_text
from drorch.core.errors import Broken, Refused
from drorch.core.state_folder import RunFolder, watch_folder
from drorch.evidence.boots import BootSeen, read_boots
from drorch.orchestration.ports import Parts


def note_boot(folder: RunFolder, boot: str, clock: Clock) -> None:
    """Write down, durably, that the run is begun or taken up under ``boot``, unless that was the last one written.

    Nothing when ``boot`` is empty (not known). Broken when the file cannot be written.
    """
    if not boot or boots_of(folder)[-1:] == (boot,):
        return
    now = clock.now()
    try:
        with folder.boots.open("a", encoding="utf-8") as stream:
            stream.write(to_text(BootSeen(boot=boot, mono=now.mono, wall=now.wall.isoformat())))
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


def refuse_watch_of_another_boot(parts: Parts, name: str) -> None:
    """Refused when the watch ``name`` holds samples of another start of the machine: nothing it sees could be measured.

    They are kept as they are: the record of an earlier run may rest on them.
    """
    folder = watch_folder(parts.home, name).path
    if any(sample.boot != parts.boot for sample in parts.watching.samples(folder)):
        raise Refused(
            f"the watch {name} has seen the time before the machine was restarted, or was kept by an older drorch",
            where=str(folder),
            next_step="give the new watch another name; what the old one saw stays where it is",
        )
