"""The folder of one attempt at a playbook: who may run it, who runs it, how it ended.

```
runs/<run>/playbooks/<ident>/   made exclusively: the first to make it is the only one to launch
    request.json                what is to be done, and by which process it was asked
    worker.json                 made exclusively: its owner is the only one to run the playbook, ever
    playbook.json               the process of ansible-playbook
    result.json                 made exclusively and whole: how it ended
    stdout, job_events/         what Ansible said, redacted
    runner/                     ansible-runner's private data, gone when the attempt has ended
```
Exclusive creation is the only lock: it works between processes, across a kill -9 of any of them, and after a restart.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drorch.adapters.processes import ProcessRef, myself
from drorch.core.errors import InputInvalid
from drorch.run.ports import PlaybookResult, PlaybookStatus

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_TO_WRITE_S = 10.0
NO_WORKER = ProcessRef(pid=0, started=0)
"""Owner of an attempt that was given up before a worker took it."""


@dataclass(frozen=True, kw_only=True)
class AttemptFolder:
    """Access to the files of one attempt."""

    path: Path

    @classmethod
    def at(cls, runs_folder: Path, run: str, ident: str) -> AttemptFolder:
        """The folder of ``ident`` in ``run``. InputInvalid when a name would lead elsewhere."""
        for name in (run, ident):
            if not _NAME.fullmatch(name):
                raise InputInvalid(
                    f"{name!r} is not the name of a run or an attempt", next_step="use letters, digits, .-_"
                )
        return cls(path=runs_folder / run / "playbooks" / ident)

    @property
    def ident(self) -> str:
        """Name of the attempt."""
        return self.path.name

    @property
    def runner(self) -> Path:
        """Private data of ansible-runner while the playbook runs."""
        return self.path / "runner"

    @property
    def exists(self) -> bool:
        """Whether the attempt was ever asked for."""
        return self.path.is_dir()

    def open(self, request: Mapping[str, object]) -> bool:
        """Take the attempt for launching. False when somebody has taken it before."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            return False
        self._put("request.json", {**request, "launcher": _ref_to_json(myself())})
        return True

    def request(self) -> dict[str, object] | None:
        """What was asked; None while it is being written."""
        return self._read("request.json")

    def is_being_launched(self) -> bool:
        """Whether the process that asked may still be about to start a worker."""
        request = self.request()
        if request is None:  # it may have died between making the folder and writing the request
            return time.time() - self.path.stat().st_mtime < _TO_WRITE_S
        return _ref_from_json(request["launcher"]).is_alive()

    def claim(self, owner: ProcessRef) -> bool:
        """Become the one worker of this attempt. False when there is one: then nothing may be run."""
        return self._put("worker.json", _ref_to_json(owner))

    def worker(self) -> ProcessRef | None:
        """The worker that took the attempt, dead or alive; None when none has."""
        data = self._read("worker.json")
        return None if data is None else _ref_from_json(data)

    def note_playbook(self, process: ProcessRef) -> None:
        """Remember the process of ansible-playbook."""
        self._put("playbook.json", _ref_to_json(process))

    def playbook(self) -> ProcessRef | None:
        """The process of ansible-playbook."""
        data = self._read("playbook.json")
        return None if data is None else _ref_from_json(data)

    def finish(self, result: PlaybookResult, *, started: float | None = None, ended: float | None = None) -> bool:
        """Say how it ended. The first word counts: False when one was there. Times in monotonic seconds."""
        return self._put("result.json", {**result_to_json(result), "started_mono": started, "ended_mono": ended})

    def result(self) -> PlaybookResult | None:
        """How it ended; None when nobody has said so yet."""
        data = self._read("result.json")
        return None if data is None else result_from_json(data)

    def clear_runner(self) -> None:
        """Remove ansible-runner's private data and half-written events: they are not redacted."""
        shutil.rmtree(self.runner, ignore_errors=True)

    def _put(self, name: str, data: Mapping[str, object]) -> bool:
        """Make a file exclusively and whole. False when it exists."""
        draft = self.path / f".{name}.{os.getpid()}"
        draft.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        draft.chmod(0o600)
        try:
            os.link(draft, self.path / name)
        except FileExistsError:
            return False
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        return True

    def _read(self, name: str) -> dict[str, object] | None:
        try:
            data = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        if not isinstance(data, dict):
            raise InputInvalid("not an object", where=str(self.path / name))
        return data


_SETS = ("processed", "dark", "failures", "ignored", "changed")


def result_to_json(result: PlaybookResult) -> dict[str, object]:
    """Plain data of a result; sets are sorted."""
    return {
        "ident": result.ident,
        "status": result.status.value,
        "rc": result.rc,
        "facts": dict(result.facts),
        "message": result.message,
        **{name: sorted(getattr(result, name)) for name in _SETS},
    }


def result_from_json(data: Mapping[str, object]) -> PlaybookResult:
    """Inverse of :func:`result_to_json`."""
    hosts = {name: data[name] for name in _SETS}
    rc, facts = data["rc"], data["facts"]
    if not isinstance(facts, dict) or not all(isinstance(names, list) for names in hosts.values()):
        raise InputInvalid("result.json is not as drorch writes it", next_step="do not edit artifacts")
    return PlaybookResult(
        ident=str(data["ident"]),
        status=PlaybookStatus(str(data["status"])),
        rc=rc if isinstance(rc, int) else None,
        facts=facts,
        message=str(data["message"]),
        **{name: frozenset(map(str, names)) for name, names in hosts.items() if isinstance(names, list)},
    )


def without_result(ident: str, status: PlaybookStatus, message: str) -> PlaybookResult:
    """A result of a playbook that could not tell its own."""
    nobody: frozenset[str] = frozenset()
    return PlaybookResult(
        ident=ident,
        status=status,
        rc=None,
        processed=nobody,
        dark=nobody,
        failures=nobody,
        ignored=nobody,
        changed=nobody,
        message=message,
    )


def _ref_to_json(process: ProcessRef) -> dict[str, object]:
    return {"pid": process.pid, "started": process.started}


def _ref_from_json(data: object) -> ProcessRef:
    if not isinstance(data, dict):
        raise InputInvalid("a process is an object with pid and started")
    return ProcessRef(pid=int(data["pid"]), started=int(data["started"]))
