"""The port ``run.ports.Executor`` with Ansible behind it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from drorch.adapters.ansible.attempt import NOBODY, AttemptFolder, AttemptRequest, without_result
from drorch.adapters.ansible.environment import playbook_environment
from drorch.adapters.ansible.secrecy import secret_files_of
from drorch.adapters.ansible.terminals import check_terminals
from drorch.adapters.ansible.vaults import password_file_in, variable_files_of
from drorch.adapters.ansible.warm import WarmParent
from drorch.adapters.processes import end_tree
from drorch.core.errors import InputInvalid, NotFound
from drorch.core.templates import TEMPLATE, template_in
from drorch.estate.model import Estate
from drorch.run.ports import Executor, PlaybookRequest, PlaybookResult, PlaybookState, PlaybookStatus

_LOOK_S = 0.02
_GRACE_S = 5.0


class AnsibleExecutor(Executor):
    """Runs playbooks; safe for several threads. ``close`` ends the warm parent, never a playbook.

    ``secret_files``: files whose secrets are removed from everything kept, besides the estate's pgpass file.
    ``warm`` False starts Ansible anew for each playbook.
    """

    def __init__(
        self,
        runs_folder: Path,
        playbooks: Path,
        estate: Estate,
        *,
        secret_files: Iterable[Path] = (),
        warm: bool = True,
    ) -> None:
        self._runs = runs_folder.absolute()
        self._playbooks = playbooks.absolute()
        self._estate = estate
        vault, inventory = password_file_in(estate.ansible_env), Path(estate.inventory)
        named = [Path(estate.pgpass_file), *secret_files, *secret_files_of(inventory), *variable_files_of(inventory)]
        named += [vault] if vault is not None else []
        self._secret_files = tuple(sorted({str(file.absolute()) for file in named}))
        state = self._runs / ".ansible"
        self._environment = playbook_environment(playbooks=self._playbooks, state=state, extra=estate.ansible_env)
        self._warm = WarmParent(state, self._environment) if warm else None
        self._cold: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> AnsibleExecutor:
        """Broken where no playbook could run: better known before a run starts than from its first step."""
        check_terminals()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the warm parent. Playbooks under way go on."""
        if self._warm is not None:
            self._warm.close()
        self._reap()

    def launch(self, request: PlaybookRequest) -> None:
        """Start it and return. Launching an ident that was ever launched does nothing.

        NotFound when there is no such playbook, InputInvalid for a name that leads out of its folder.
        """
        playbook = self._playbook_file(request.act.playbook)
        if (place := template_in(request.act, f"run {request.run} {request.ident}")) is not None:
            raise InputInvalid(TEMPLATE, where=place, next_step="find out who wrote this plan; nothing was launched")
        folder = AttemptFolder.at(self._runs, request.run, request.ident)
        step = request.ident.rpartition(".")[0].replace("--", "/")
        variables = {**request.act.variables, "run": request.run, "step": step, "hosts": list(request.act.hosts)}
        taken = folder.open(
            AttemptRequest(
                run=request.run,
                ident=request.ident,
                playbook=str(playbook),
                playbooks=str(self._playbooks),
                inventory=str(Path(self._estate.inventory).absolute()),
                variables=variables,
                timeout_s=request.timeout_s,
                secret_files=self._secret_files,
            )
        )
        if taken and not (self._warm is not None and self._warm.launch(folder)):
            self._launch_cold(folder)

    def state(self, run: str, ident: str) -> PlaybookState:
        """Whether the ident was ever launched, runs, or has ended (also without a result)."""
        folder = AttemptFolder.at(self._runs, run, ident)
        if not folder.exists:
            return PlaybookState.ABSENT
        return PlaybookState.RUNNING if self._outcome(folder) is None else PlaybookState.ENDED

    def wait(self, run: str, ident: str, timeout_s: float) -> PlaybookResult | None:
        """The result when it has ended within ``timeout_s`` seconds, else None. NotFound for an unknown ident."""
        folder = AttemptFolder.at(self._runs, run, ident)
        if not folder.exists:
            raise NotFound(f"{ident} was never launched", next_step="launch it")
        deadline = time.monotonic() + timeout_s
        while (result := self._outcome(folder)) is None and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        return result

    def give_up(self, run: str, ident: str) -> bool:
        """See the port. The attempt's folder is the lock: who makes it is the only one to launch."""
        folder = AttemptFolder.at(self._runs, run, ident)
        if not folder.open(AttemptRequest(run=run, ident=ident, given_up=True)):
            return False
        folder.claim(NOBODY)
        folder.finish(without_result(ident, PlaybookStatus.LOST, "given up: it was never launched"))
        return True

    def stop(self, run: str, ident: str) -> None:
        """End the whole process tree of the ident. Harmless when it has ended or was never there."""
        folder = AttemptFolder.at(self._runs, run, ident)
        if not folder.exists or self._outcome(folder) is not None:
            return
        if not folder.claim(NOBODY):
            self._end_processes(folder)
        folder.finish(without_result(ident, PlaybookStatus.STOPPED, "stopped"), ended=time.monotonic())
        folder.clear_runner()
        self._reap()

    def _outcome(self, folder: AttemptFolder) -> PlaybookResult | None:
        """The result; None while a worker is at it or is about to be. A dead worker without a result is LOST."""
        self._reap()
        if (result := folder.result()) is not None:
            return result
        worker = folder.worker()
        if worker is None:
            if folder.is_being_launched() or not folder.claim(NOBODY):
                return None
        elif worker.is_alive():
            return None
        if (result := folder.result()) is not None:
            return result
        self._end_processes(folder)
        folder.finish(without_result(folder.ident, PlaybookStatus.LOST, "the worker is gone and left no result"))
        folder.clear_runner()
        return folder.result()

    def _end_processes(self, folder: AttemptFolder) -> None:
        for process in (folder.worker(), folder.playbook()):
            if process is not None:
                end_tree(process)

    def _playbook_file(self, name: str) -> Path:
        file = (self._playbooks / name).resolve()
        if not file.is_relative_to(self._playbooks.resolve()):
            raise InputInvalid(f"playbook {name!r} is outside of the playbooks folder", where=str(self._playbooks))
        if not file.is_file():
            raise NotFound(
                f"there is no playbook {name!r}", where=str(self._playbooks), next_step="check the method's name"
            )
        return file

    def _launch_cold(self, folder: AttemptFolder) -> None:
        command = [sys.executable, "-I", "-m", "drorch.adapters.ansible.worker", str(folder.path)]
        with (folder.path / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with self._lock:
            self._cold.append(process)

    def _reap(self) -> None:
        """Collect ended children, so that none stays behind as a zombie."""
        with self._lock:
            self._cold = [process for process in self._cold if process.poll() is None]
