"""Processes, named so that a recycled pid is never mistaken for the one we started. Linux (/proc)."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drorch.core.codec import from_text
from drorch.core.errors import InputInvalid

_PR_SET_CHILD_SUBREAPER = 36
_STATE, _PARENT, _STARTED = 0, 1, 19
"""Places in /proc/<pid>/stat, counted behind the command name in brackets."""


@dataclass(frozen=True, kw_only=True)
class ProcessRef:
    """A process: its pid and its start time in clock ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessRef | None:
        """The process that has this pid now; None when there is none (or only its remains)."""
        stat = _stat(pid)
        return None if stat is None or stat[_STATE] in "ZX" else cls(pid=pid, started=int(stat[_STARTED]))

    def is_alive(self) -> bool:
        """Whether exactly this process still runs. An unreaped dead child does not."""
        return ProcessRef.of(self.pid) == self


def read_process(path: Path) -> ProcessRef | None:
    """The process that a file names (``to_text`` of a ref); None when there is no such file, or it is damaged."""
    try:
        return from_text(ProcessRef, path.read_bytes(), where=str(path), next_step=None)
    except (OSError, InputInvalid):
        return None


def myself() -> ProcessRef:
    """The calling process."""
    found = ProcessRef.of(os.getpid())
    assert found is not None, "a running process has an entry in /proc"
    return found


def adopt_orphans() -> None:
    """From now on processes below the caller whose parent dies become its children, not those of process 1."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def end_tree(root: ProcessRef) -> None:
    """Kill ``root`` and everything below it. Harmless when it has ended.

    Each process is stopped before its children are looked up, so that none can be born unseen. Process groups are of
    no use here: Ansible's task workers leave the group of their parent.
    """
    if not root.is_alive():
        return
    frozen = [root]
    _signal(root, signal.SIGSTOP)
    while newly := [child for child in _descendants(frozen) if child not in frozen]:
        for child in newly:
            _signal(child, signal.SIGSTOP)
        frozen += newly
    for process in frozen:
        _signal(process, signal.SIGKILL)


def children(pid: int) -> list[ProcessRef]:
    """Direct children of ``pid``."""
    return [child for child, parent in _table() if parent == pid]


def _descendants(roots: list[ProcessRef]) -> list[ProcessRef]:
    below: dict[int, list[ProcessRef]] = {}
    for process, parent in _table():
        below.setdefault(parent, []).append(process)
    found: list[ProcessRef] = []
    todo = [root.pid for root in roots]
    while todo:
        for process in below.pop(todo.pop(), []):
            found.append(process)
            todo.append(process.pid)
    return found


def _table() -> Iterator[tuple[ProcessRef, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) and stat[_STATE] not in "ZX":
            yield ProcessRef(pid=int(entry.name), started=int(stat[_STARTED])), int(stat[_PARENT])


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return text.rpartition(")")[2].split()


def _signal(process: ProcessRef, number: signal.Signals) -> None:
    if process.is_alive():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)
