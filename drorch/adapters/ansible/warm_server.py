"""The warm parent: Ansible loaded once, a fork per playbook.

``python -m drorch.adapters.ansible.warm_server STATE_FOLDER NAME``. Stays single-threaded: it forks without exec.
Ends when asked, when idle, or when its folder is gone; workers are sessions of their own and go on.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import pty
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pexpect
import ptyprocess
from ansible_runner.utils import get_callback_dir

from drorch.adapters.ansible.attempt import AttemptFolder
from drorch.adapters.ansible.warm import QUIT, TAKEN, socket_address
from drorch.adapters.ansible.worker import perform
from drorch.adapters.processes import myself
from drorch.core.process_lock import process_lock

_IDLE_S = 60.0
_LOOK_S = 1.0


def main(state: Path, name: str) -> None:
    """Serve until idle. Returns at once when another parent of this name is at work."""
    with process_lock(state / f"{name}.lock") as mine:
        if not mine:
            return
        (state / name).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            with socket_address(state, name) as address:
                listener.bind(address)
            listener.listen(128)
            _load_ansible(state)
            gc.collect()
            gc.freeze()
            _serve(listener, state)
        (state / name).unlink(missing_ok=True)


def _serve(listener: socket.socket, state: Path) -> None:
    listener.settimeout(_LOOK_S)
    last_asked = time.monotonic()
    workers: set[int] = set()
    while state.is_dir() and (workers or time.monotonic() - last_asked < _IDLE_S):
        workers -= _ended(workers)
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        last_asked = time.monotonic()
        with connection:
            asked = _question(connection)
            if asked == QUIT:
                return
            if asked is None:
                continue
            workers.add(_fork_worker(Path(asked), listener, connection))
            with suppress(OSError):  # whoever asked may be gone: the worker works all the same
                connection.sendall(TAKEN)


def _question(connection: socket.socket) -> str | None:
    try:
        connection.settimeout(_LOOK_S)
        with connection.makefile("r", encoding="utf-8") as lines:
            return str(json.loads(lines.readline()))
    except (OSError, ValueError):
        return None


def _ended(workers: set[int]) -> set[int]:
    return {pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0] == pid}


def _fork_worker(folder: Path, listener: socket.socket, connection: socket.socket) -> int:
    if pid := os.fork():
        return pid
    try:
        os.setsid()
        listener.close()
        connection.close()
        pexpect.spawn = _ForkedPlaybook
        _ForkedPlaybook.attempt = AttemptFolder(path=folder)
        perform(_ForkedPlaybook.attempt)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)  # at-exit handlers are those of the parent: they would remove its temporary files


class _ForkedPlaybook(pexpect.spawn):  # type: ignore[misc]
    """Where pexpect would start ansible-playbook, go on in a fork that has it loaded already."""

    attempt: ClassVar[AttemptFolder]

    def _spawnpty(self, args: Sequence[bytes], **options: object) -> ptyprocess.PtyProcess:
        pid, terminal = pty.fork()
        if pid == 0:
            environment = options["env"]
            assert isinstance(environment, Mapping)
            _become_playbook(self.attempt, [os.fsdecode(arg) for arg in args], str(options["cwd"]), environment)
        return ptyprocess.PtyProcess(pid, terminal)


def _become_playbook(
    attempt: AttemptFolder, arguments: Sequence[str], folder: str, environment: Mapping[str, str]
) -> None:
    """Do what the program ansible-playbook does, and end this process."""
    code = 250
    try:
        # Known before it does anything: whoever finds its worker killed can end it.
        attempt.note_playbook(myself())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update({str(key): str(value) for key, value in environment.items()})
        os.chdir(folder)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        _aim_event_files()
        from ansible.cli.playbook import PlaybookCLI

        PlaybookCLI.cli_executor(list(arguments))
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _aim_event_files() -> None:
    """ansible-runner's callback remembers at import where events go; in a fork that is the wrong place."""
    for module in list(sys.modules.values()):
        context = getattr(module, "event_context", None)
        if context is not None and hasattr(module, "IsolatedFileWrite"):
            context.cache = module.IsolatedFileWrite()


def _load_ansible(state: Path) -> None:
    """Import what a playbook needs. Settings are read now: they are those of our own environment."""
    (state / "tmp").mkdir(exist_ok=True, mode=0o700)
    of_ansible_runner = {
        "AWX_ISOLATED_DATA_DIR": str(state),
        "ANSIBLE_CALLBACK_PLUGINS": get_callback_dir(),
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
    }
    os.environ.update(of_ansible_runner)
    _import_ansible()
    _read_builtin_routing()
    for name in of_ansible_runner:  # ansible-runner sets them again for each playbook
        del os.environ[name]


def _read_builtin_routing() -> None:
    """Parse the large table of built-in names once: otherwise that is half the processor time of each playbook.

    Ansible gives the content's id to this function so that another implementation may remember what it returned.
    """
    import ansible
    from ansible.utils.collection_loader import _collection_finder as finder

    finder._meta_yml_to_dict = functools.cache(finder._meta_yml_to_dict)
    table = Path(ansible.__file__).parent / "config" / "ansible_builtin_runtime.yml"
    with suppress(OSError):
        finder._meta_yml_to_dict(table.read_bytes(), ("ansible.builtin", "runtime.yml"))


def _import_ansible() -> None:
    import ansible.cli.playbook
    import ansible.executor.playbook_executor
    import ansible.executor.task_queue_manager
    import ansible.plugins.strategy.linear  # noqa: F401
    from ansible.plugins import loader

    for plugins in (
        loader.callback_loader,
        loader.connection_loader,
        loader.shell_loader,
        loader.strategy_loader,
        loader.inventory_loader,
        # Not vars_loader: Ansible readies group_vars and host_vars only when nobody has listed their plugins before.
        loader.cache_loader,
        loader.become_loader,
        loader.lookup_loader,
        loader.filter_loader,
        loader.test_loader,
        loader.action_loader,
    ):
        with suppress(Exception):  # a plugin that cannot be loaded is the concern of the playbook that uses it
            list(plugins.all(class_only=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
