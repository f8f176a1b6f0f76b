"""What a plan says is never performed by Ansible: refused before the launch, and unsafe text behind that wall."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from contract.ansible_harness import AnsibleHarness
from contract.harness import HOST, Case
from drorch.adapters.ansible.attempt import AttemptFolder, AttemptRequest
from drorch.adapters.ansible.environment import playbook_environment
from drorch.core.errors import InputInvalid
from drorch.plan.model import PlaybookAct
from drorch.run.ports import PlaybookRequest, PlaybookState

RUN = "20130301-030000-abcd"
IDENT = "a--x.1"
DEADLINE_S = 60.0


def pipe(file: Path) -> str:
    """A template that makes ``file`` when Ansible performs it."""
    return "{{ lookup('ansible.builtin.pipe', 'touch " + str(file) + "; echo done') }}"


@pytest.mark.parametrize("place", ["value", "name", "deep", "host"])
def test_a_template_is_refused_before_anything_is_launched(tmp_path: Path, place: str) -> None:
    harness, mark = AnsibleHarness(tmp_path), tmp_path / "performed-by-ansible"
    variables: dict[str, object] = {
        "value": {"group": pipe(mark)},
        "name": {pipe(mark): "x"},
        "deep": {"applications": ("a", {"b": [pipe(mark)]})},
        "host": {},
    }[place]
    hosts = (pipe(mark),) if place == "host" else (HOST,)
    executor = harness.executor()
    act = PlaybookAct(playbook=f"{Case.OK}.yml", hosts=hosts, variables=variables)
    with pytest.raises(InputInvalid, match="template"):
        executor.launch(PlaybookRequest(run=RUN, ident=IDENT, act=act, timeout_s=50.0))
    assert executor.state(RUN, IDENT) is PlaybookState.ABSENT
    assert not (tmp_path / "runs" / RUN).exists()
    assert not mark.exists()


def test_what_comes_to_a_worker_all_the_same_is_text_to_ansible(tmp_path: Path) -> None:
    """The real worker and the real ansible-playbook, with a request that no executor of ours would write."""
    AnsibleHarness(tmp_path)
    playbooks, mark, seen = tmp_path / "playbooks", tmp_path / "performed-by-ansible", tmp_path / "seen"
    odd = 'quote " back\\slash tab\t nel\x85 smile \U0001f600 line\nbreak \x7f'
    tasks: list[dict[str, object]] = [
        {"ansible.builtin.copy": {"content": "{{ drorch | to_json }}", "dest": str(seen)}},
        {"ansible.builtin.assert": {"that": ["drorch.count == 3", "drorch.flag is true", "drorch.group == 'g'"]}},
    ]
    (playbooks / "see.yml").write_text(yaml.safe_dump([{"hosts": HOST, "tasks": tasks}]))
    variables = {"group": "g", "x": pipe(mark), "deep": [{"y": pipe(mark)}], "count": 3, "flag": True, "odd": odd}
    # Texts that look like something else stay texts: an id may be anything.
    variables |= {
        "like": ["23108.4734071312862", "1e5", "007", "yes", "null", "~", "2014-01-01", "=", "", " a", "0x1f"]
    }
    folder = AttemptFolder.at(tmp_path / "runs", RUN, IDENT)
    folder.open(
        AttemptRequest(
            run=RUN,
            ident=IDENT,
            playbook=str(playbooks / "see.yml"),
            playbooks=str(playbooks),
            inventory=str(tmp_path / "inventory.yml"),
            variables=variables,
            timeout_s=DEADLINE_S,
            secret_files=(),
        )
    )
    environment = playbook_environment(playbooks=playbooks, state=tmp_path / "runs" / ".ansible", extra={})
    command = [sys.executable, "-I", "-m", "drorch.adapters.ansible.worker", str(folder.path)]
    subprocess.run(command, env=environment, cwd=os.sep, check=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    result = folder.result()
    assert result is not None
    assert result.rc == 0, (folder.path / "stdout").read_text()
    assert not mark.exists(), "Ansible performed a template of a variable"
    assert json.loads(seen.read_text()) == variables
