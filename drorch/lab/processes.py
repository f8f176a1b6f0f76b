"""The lab's processes, each known by pid *and* start time, so that a recycled pid is never touched. Linux /proc."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

IPC_RMID = 0


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process. ``started`` in clock ticks since boot."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        return _stat(self.pid) == (self.started, True)

    def kill(self) -> None:
        """SIGKILL, if it is still this process."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _fields(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state on; None when there is no such process."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return raw[raw.rindex(")") + 2 :].split() or None


def _stat(pid: int) -> tuple[int, bool] | None:
    """(start time, runs) of a pid; None when there is none."""
    fields = _fields(pid)
    return (int(fields[19]), fields[0] not in "ZX") if fields else None


def process_of(pid: int) -> Process | None:
    """The process that has this pid now; None when there is none."""
    found = _stat(pid)
    return Process(pid=pid, started=found[0]) if found and found[1] else None


def write_pid_file(path: Path) -> None:
    """Say who this process is, before it does anything else."""
    found = _stat(os.getpid())
    path.write_text(json.dumps({"pid": os.getpid(), "started": found[0] if found else 0}), encoding="utf-8")


def read_pid_file(path: Path) -> Process | None:
    """The process a pid file names, if it still runs."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        process = Process(pid=int(data["pid"]), started=int(data["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if process.alive else None


def tree_of(*roots: Process) -> list[Process]:
    """The processes and all their descendants as they are now, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _fields(int(entry.name))):
            children.setdefault(int(found[1]), []).append(int(entry.name))
    ordered = [process for process in roots if process.alive]
    for process in ordered:
        ordered += [child for pid in children.get(process.pid, ()) if (child := process_of(pid))]
    return ordered


def kill_all(processes: Iterable[Process], *, deadline_s: float = 5) -> list[Process]:
    """SIGKILL every one, in this order, and wait until they are gone. Returns those that are not."""
    left = list(processes)
    for process in left:
        process.kill()
    until = time.monotonic() + deadline_s
    while (left := [process for process in left if process.alive]) and time.monotonic() < until:
        time.sleep(0.005)
    return left


def postmaster_of(data_folder: Path) -> Process | None:
    """The PostgreSQL server that runs on ``data_folder``, proved by its working folder; None when there is none."""
    try:
        pid = int((data_folder / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        same = Path(os.readlink(f"/proc/{pid}/cwd")) == data_folder.resolve()
    except (OSError, ValueError):
        return None
    return process_of(pid) if same else None


def shared_memory_of(data_folder: Path) -> tuple[int, int] | None:
    """(key, id) of the System V segment that a PostgreSQL server would leave behind when it is killed."""
    try:
        line = (data_folder / "postmaster.pid").read_text(encoding="utf-8").split("\n")[6]
        key, segment = line.split()
    except (OSError, ValueError, IndexError):
        return None
    return int(key), int(segment)


def remove_shared_memory(segment: tuple[int, int] | None) -> None:
    """Remove the segment if it is still the same and nobody is attached to it."""
    if segment is None:
        return
    try:
        rows = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return
    for row in rows:
        columns = row.split()
        # The file shows keys as signed, postmaster.pid as unsigned numbers.
        if int(columns[0]) & 0xFFFFFFFF == segment[0] & 0xFFFFFFFF and int(columns[1]) == segment[1]:
            if columns[6] == "0":
                ctypes.CDLL(None, use_errno=True).shmctl(segment[1], IPC_RMID, None)
            return
