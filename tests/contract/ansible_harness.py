"""The real executor under the contract suite: tiny playbooks on this machine."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import yaml

from contract.harness import HOST, Case
from drorch.adapters.ansible import AnsibleExecutor
from drorch.adapters.ansible.attempt import AttemptFolder
from drorch.adapters.clock import SystemClock
from drorch.estate.model import Estate
from drorch.plan.model import PlaybookAct
from drorch.run.ports import Executor, PlaybookState

_PLAYS: dict[Case, tuple[str, list[dict[str, object]]]] = {
    Case.OK: (HOST, [{"ansible.builtin.set_stats": {"data": {"drorch": {"answer": "{{ 41 + 1 }}"}}}}]),
    Case.FAILING: (HOST, [{"ansible.builtin.fail": {"msg": "it failed"}}]),
    Case.IGNORING: (HOST, [{"ansible.builtin.fail": {"msg": "it failed"}, "ignore_errors": True}]),
    Case.UNREACHABLE: (HOST, [{"ansible.builtin.raw": "true", "vars": {"ansible_connection": "ssh"}}]),
    Case.NO_HOST: ("no-such-group", [{"ansible.builtin.raw": "true"}]),
    Case.ENDLESS: (HOST, [{"ansible.builtin.raw": "sleep 600"}]),
}


class AnsibleHarness:
    """`AnsibleExecutor` with its warm parent, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self._runs, self._log = folder / "runs", folder / "performed"
        self._playbooks = folder / "playbooks"
        self._playbooks.mkdir()
        (self._playbooks / "ansible.cfg").write_text("[defaults]\ngathering = explicit\nlocalhost_warning = False\n")
        mark = {"ansible.builtin.raw": f"echo '{{{{ drorch.run }}}} {{{{ drorch.step }}}}' >> {self._log}"}
        for case, (hosts, tasks) in _PLAYS.items():
            marked = [mark, *tasks] if case is Case.OK else tasks
            (self._playbooks / f"{case}.yml").write_text(yaml.safe_dump([{"hosts": hosts, "tasks": marked}]))
        nowhere = {"ansible_host": "127.10.99.99", "ansible_port": 1, "ansible_ssh_common_args": "-F none"}
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **nowhere}
        (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {HOST: host}}}))
        self._estate = Estate(
            schema=1,
            name="contract",
            zone="apps.drorch.test",
            inventory=str(folder / "inventory.yml"),
            name_servers=(),
            sites={},
            databases=(),
            applications={},
            database_name="d",
            database_user="d",
            pgpass_file=str(folder / "no-pgpass"),
            ssh={},
            ansible_env={"ANSIBLE_SSH_RETRIES": "0"},
        )
        self._made: list[AnsibleExecutor] = []

    def act(self, case: Case) -> PlaybookAct:
        return PlaybookAct(playbook=f"{case}.yml", hosts=(HOST,))

    def executor(self) -> Executor:
        made = AnsibleExecutor(self._runs, self._playbooks, self._estate)
        self._made.append(made)
        return made

    def times_performed(self, run: str, ident: str) -> int:
        step = ident.rpartition(".")[0].replace("--", "/")
        return self._log.read_text().splitlines().count(f"{run} {step}")

    def lose(self, run: str, ident: str) -> None:
        folder = AttemptFolder.at(self._runs, run, ident)
        while (worker := folder.worker()) is None:
            self.clock.sleep(0.02)
        os.kill(worker.pid, signal.SIGKILL)

    def close(self) -> None:
        for made in self._made:
            for attempt in self._runs.glob("*/playbooks/*"):
                run, ident = attempt.parents[1].name, attempt.name
                if made.state(run, ident) is PlaybookState.RUNNING:
                    made.stop(run, ident)
            made.close()
