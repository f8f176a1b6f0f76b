"""Inside a worker process: one playbook by ansible-runner, its result written whole, nothing left behind.

``python -m drorch.adapters.ansible.worker FOLDER`` (cold start), or called in a fork of the warm parent.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pexpect
from ansible_runner.runner import Runner
from ansible_runner.runner_config import RunnerConfig

from drorch.adapters.ansible.attempt import AttemptFolder, without_result
from drorch.adapters.ansible.outcome import OutcomeCollector
from drorch.adapters.ansible.secrecy import Secrecy
from drorch.adapters.ansible.variables import variables_as_text
from drorch.adapters.ansible.vaults import password_file_in
from drorch.adapters.processes import ProcessRef, adopt_orphans, children, end_tree, myself
from drorch.core.codec import plain
from drorch.run.ports import PlaybookResult, PlaybookStatus

_NICENESS = 5
"""Playbooks give way to the probes, whose grid must be kept."""
_LOOK_S = 0.2
"""How often the time limit is looked at."""


def perform(folder: AttemptFolder) -> None:
    """Run the attempt if nobody else does, and write its result."""
    if not folder.claim(myself()):
        return
    os.nice(_NICENESS)
    adopt_orphans()
    started = time.monotonic()
    try:
        result = _Playbook(folder, started).run()
    except Exception as error:
        result = without_result(
            folder.ident, PlaybookStatus.LOST, f"the worker failed: {type(error).__name__}: {error}"
        )
    folder.finish(result, started=started, ended=time.monotonic())


class _Playbook:
    """One playbook under way. ``started`` in monotonic seconds."""

    def __init__(self, folder: AttemptFolder, started: float) -> None:
        request = folder.request()
        if request is None:
            raise FileNotFoundError(folder.path / "request.json")
        self._folder = folder
        self._request = request
        self._deadline = started + request.timeout_s
        self._secrecy = Secrecy.of_files(
            map(Path, request.secret_files), vault_password_file=password_file_in(os.environ)
        )
        self._collector = OutcomeCollector(folder.ident, self._secrecy)
        self._timed_out = False
        self._left_running: set[ProcessRef] = set()
        """What tasks started to stay (a database, an ssh connection): it came to us while the playbook still ran."""

    def run(self) -> PlaybookResult:
        config = self._prepared()
        runner = Runner(
            config,
            event_handler=self._collector.see,
            status_handler=self._on_status,
            cancel_callback=self._end_when_late,
        )
        try:
            runner.run()
        except pexpect.exceptions.TIMEOUT:
            # Something the playbook left running keeps the terminal open; the playbook itself has ended.
            runner.rc = None
        finally:
            if runner.rc is None:  # it was killed, or never came so far: its tasks would go on without it
                self._end_what_is_under_way()
        said = self._keep_output()
        return self._collector.result(*self._status(runner.rc), said)

    def _prepared(self) -> RunnerConfig:
        playbooks = self._request.playbooks
        private = self._folder.runner
        (private / "env").mkdir(parents=True, mode=0o700)
        inputs = variables_as_text("drorch", plain(self._request.variables))
        (private / "env" / "extravars").write_text(inputs, encoding="utf-8")
        (private / "env" / "settings").write_text(json.dumps({"pexpect_timeout": _LOOK_S}), encoding="utf-8")
        config = RunnerConfig(
            private_data_dir=str(private),
            project_dir=playbooks,
            playbook=self._request.playbook,
            inventory=self._request.inventory,
            ident=self._folder.ident,
            host_cwd=playbooks,
            fact_cache_type="memory",
            quiet=True,
        )
        config.prepare()
        return config

    def _on_status(self, status: Mapping[str, object], **_runner_config: object) -> None:
        if status["status"] == "running":
            # ansible-runner has just written its whole environment there, in clear.
            (self._artifacts / "command").unlink(missing_ok=True)

    def _end_when_late(self) -> bool:
        self._note_process()
        if not self._timed_out and time.monotonic() > self._deadline:
            self._timed_out = True
            self._end_what_is_under_way()
        return False

    def _end_what_is_under_way(self) -> None:
        while found := [child for child in children(os.getpid()) if child not in self._left_running]:
            for child in found:
                end_tree(child)

    def _note_process(self) -> None:
        found = children(os.getpid())
        playbook = self._folder.playbook()
        if playbook is None:
            for child in found:
                self._folder.note_playbook(child)
        elif playbook.is_alive():
            self._left_running |= {child for child in found if child != playbook}

    def _status(self, rc: int | None) -> tuple[PlaybookStatus, int | None]:
        if self._timed_out:
            return PlaybookStatus.TIMED_OUT, None
        if rc is None:  # ended by a signal from elsewhere
            return PlaybookStatus.LOST, None
        return PlaybookStatus.ENDED, rc

    @property
    def _artifacts(self) -> Path:
        return self._folder.runner / "artifacts" / self._folder.ident

    def _keep_output(self) -> str:
        """Redacted output and events move to the attempt's folder, the rest goes. Returns the output."""
        said = self._secrecy.text(_text_of(self._artifacts / "stdout"))
        (self._folder.path / "stdout").write_text(said, encoding="utf-8")
        events = self._artifacts / "job_events"
        for unfinished in events.glob("*-partial.json*"):
            unfinished.unlink()
        with suppress(FileNotFoundError):
            shutil.move(events, self._folder.path / "job_events")
        self._folder.clear_runner()
        return said


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    perform(AttemptFolder(path=Path(sys.argv[1])))
