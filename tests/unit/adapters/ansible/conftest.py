"""Tiny real playbooks on this machine, run by the real adapter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drorch.adapters.ansible import AnsibleExecutor
from drorch.estate.model import Estate
from drorch.plan.model import PlaybookAct
from drorch.run.ports import PlaybookRequest, PlaybookResult

INVENTORY = f"""
all:
  vars: {{ansible_connection: local, ansible_python_interpreter: "{sys.executable}"}}
  hosts:
    here: {{}}
    there: {{}}
    dead: {{ansible_connection: ssh, ansible_host: 127.10.99.99, ansible_port: 1, ansible_ssh_common_args: "-F none"}}
"""

PLAYBOOKS = {
    "good.yml": """
- hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Act
      ansible.builtin.command: {argv: [printf, "%s", "{{ drorch.application }}"]}
      register: said
    - name: Emit
      ansible.builtin.set_stats:
        data: {drorch: {said: "{{ said.stdout }}", run: "{{ drorch.run }}", step: "{{ drorch.step }}"}}
""",
    "elsewhere.yml": """
- hosts: data_bases
  tasks:
    - name: Never done
      ansible.builtin.command: {argv: ["true"]}
""",
    "ignoring.yml": """
- hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Fails and is ignored
      ansible.builtin.command: {argv: ["false"]}
      ignore_errors: true
""",
    "ignoring_unreachable.yml": """
- hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Cannot be reached
      ansible.builtin.command: {argv: ["true"]}
      ignore_unreachable: true
""",
    "failing.yml": """
- hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Promote
      ansible.builtin.command: {argv: [sh, "-c", "echo the standby is still in recovery >&2; exit 3"]}
""",
    "long.yml": """
- hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Sleep
      ansible.builtin.command: {argv: [sleep, "{{ drorch.marker }}"]}
""",
    "secret.yml": """
- hosts: "{{ drorch.hosts }}"
  tasks:
    - name: Print what must not be kept
      ansible.builtin.command: {argv: [sh, "-c", "cat {{ drorch.file }}; env"]}
      register: said
    - name: Hidden
      ansible.builtin.command: {argv: [printf, "no-log-value-4711"]}
      no_log: true
    - name: Emit
      ansible.builtin.set_stats:
        data: {drorch: {said: "{{ said.stdout }}"}}
""",
    "broken.yml": "- hosts: [\n",
}


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    """A folder of small playbooks."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "ansible.cfg").write_text("[defaults]\ngathering = explicit\n")
    for name, text in PLAYBOOKS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """An estate of hosts on this machine; one cannot be reached."""
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("127.0.0.1:*:*:drorch:pg-secret-0815\n")
    pgpass.chmod(0o600)
    return Estate(
        schema=1,
        name="test",
        zone="apps.drorch.test",
        inventory=str(tmp_path / "inventory.yml"),
        name_servers=(),
        sites={},
        databases=(),
        applications={},
        database_name="drorch",
        database_user="drorch",
        pgpass_file=str(pgpass),
        ssh={},
        ansible_env={"ANSIBLE_SSH_RETRIES": "0", "ANSIBLE_TIMEOUT": "3"},
    )


@pytest.fixture(params=["cold", "warm"])
def executor(
    request: pytest.FixtureRequest, tmp_path: Path, playbooks: Path, estate: Estate
) -> Iterator[AnsibleExecutor]:
    """The real executor, starting Ansible anew and from the warm parent."""
    with AnsibleExecutor(tmp_path / "runs", playbooks, estate, warm=request.param == "warm") as made:
        yield made


Runner = Callable[..., PlaybookResult]


def request_for(
    playbook: str, *hosts: str, ident: str = "app--start.1", timeout_s: float = 60, **variables: object
) -> PlaybookRequest:
    """A request for one of the small playbooks."""
    act = PlaybookAct(playbook=playbook, hosts=hosts or ("here",), variables=variables)
    return PlaybookRequest(run="run-1", ident=ident, act=act, timeout_s=timeout_s)


@pytest.fixture
def perform(executor: AnsibleExecutor) -> Runner:
    """Launch and wait."""

    def run(playbook: str, *hosts: str, **options: object) -> PlaybookResult:
        asked = request_for(playbook, *hosts, **options)  # type: ignore[arg-type]
        executor.launch(asked)
        result = executor.wait(asked.run, asked.ident, 60)
        assert result is not None
        return result

    return run
