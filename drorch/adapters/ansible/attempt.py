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
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from drorch.adapters.processes import ProcessRef, myself
from drorch.core.codec import LEFT_OUT, from_text, plain
from drorch.core.errors import InputInvalid
from drorch.run.ports import PlaybookResult, PlaybookStatus

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_TO_WRITE_S = 10.0
NOBODY = ProcessRef(pid=0, started=0)
"""Owner of an attempt that was given up before a worker took it."""


@dataclass(frozen=True, kw_only=True)
class AttemptRequest:
    """``request.json``: what is to be done. ``launcher``: the process that asked; the folder writes who that is."""

    run: str
    ident: str
    playbook: str = ""
    playbooks: str = ""
    inventory: str = ""
    variables: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    timeout_s: float = 0.0
    secret_files: tuple[str, ...] = ()
    launcher: ProcessRef = NOBODY
    given_up: bool = field(default=False, metadata=LEFT_OUT)
    """Nothing is to be done: the folder was made so that nobody ever does."""


@dataclass(frozen=True, kw_only=True)
class AttemptResult(PlaybookResult):
    """``result.json``: the result, and when the worker began and ended, in monotonic seconds."""

    started_mono: float | None
    ended_mono: float | None


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

    def open(self, request: AttemptRequest) -> bool:
        """Take the attempt for launching. False when somebody has taken it before."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            return False
        self._put("request.json", plain(replace(request, launcher=myself())))
        return True

    def request(self) -> AttemptRequest | None:
        """What was asked; None while it is being written."""
        return self._read("request.json", AttemptRequest)

    def is_being_launched(self) -> bool:
        """Whether the process that asked may still be about to start a worker."""
        request = self.request()
        if request is None:  # it may have died between making the folder and writing the request
            return time.time() - self.path.stat().st_mtime < _TO_WRITE_S
        return request.launcher.is_alive()

    def claim(self, owner: ProcessRef) -> bool:
        """Become the one worker of this attempt. False when there is one: then nothing may be run."""
        return self._put("worker.json", plain(owner))

    def worker(self) -> ProcessRef | None:
        """The worker that took the attempt, dead or alive; None when none has."""
        return self._read("worker.json", ProcessRef)

    def note_playbook(self, process: ProcessRef) -> None:
        """Remember the process of ansible-playbook."""
        self._put("playbook.json", plain(process))

    def playbook(self) -> ProcessRef | None:
        """The process of ansible-playbook."""
        return self._read("playbook.json", ProcessRef)

    def finish(self, result: PlaybookResult, *, started: float | None = None, ended: float | None = None) -> bool:
        """Say how it ended. The first word counts: False when one was there. Times in monotonic seconds."""
        return self._put("result.json", plain(AttemptResult(**vars(result), started_mono=started, ended_mono=ended)))

    def result(self) -> PlaybookResult | None:
        """How it ended; None when nobody has said so yet."""
        return self._read("result.json", AttemptResult)

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

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.path / name
        try:
            return from_text(kind, path.read_bytes(), where=str(path), next_step="artifacts are not meant to be edited")
        except FileNotFoundError:
            return None


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
