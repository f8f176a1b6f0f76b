"""Connection to a site of the lab: this machine, but out of reach when the site has lost its power."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
    name: lab_site
    short_description: run on this machine as if it were a site of the lab
    description:
        - Like C(local), but the host is unreachable while the file I(power_file) does not say C(on).
        - When started by root, everything runs as the unprivileged I(run_as).
    author: drorch
    options:
        power_file:
            description: File that holds C(on) while the site has power. A missing file means no power.
            type: path
            required: true
            vars:
                - name: lab_power_file
        run_as:
            description: C(uid:gid) to run as, when the connection is made by root.
            type: str
            vars:
                - name: lab_run_as
        become_success_timeout:
            description: Seconds to wait for become to succeed.
            type: int
            default: 10
        become_strip_preamble:
            description: Remove what become prints.
            type: bool
            default: true
    extends_documentation_fragment:
        - connection_pipelining
"""


class Connection(LocalConnection):
    """Looks at the power before every use, so that a site lost between two tasks is lost for the second."""

    transport = "lab_site"
    has_pipelining = True

    def _connect(self):
        self._need_power()
        return super()._connect()

    def exec_command(self, cmd, in_data=None, sudoable=True):
        self._need_power()
        owner = self._owner()
        if owner is not None:
            uid, gid = owner
            drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"]
            cmd = shlex.join([*drop, "--", "/bin/sh", "-c", cmd])
        self.cwd = "/"
        return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path, out_path):
        self._need_power()
        super().put_file(in_path, out_path)
        if (owner := self._owner()) is not None:
            shutil.chown(out_path, *owner)

    def fetch_file(self, in_path, out_path):
        self._need_power()
        super().put_file(in_path, out_path)

    def _need_power(self):
        power = Path(self.get_option("power_file"))
        try:
            has_power = power.read_text(encoding="utf-8").strip() == "on"
        except OSError:
            has_power = False
        if not has_power:
            raise AnsibleConnectionFailure(f"no route to {self._play_context.remote_addr}: its site has no power")

    def _owner(self):
        run_as = self.get_option("run_as")
        if not run_as or os.geteuid() != 0:
            return None
        uid, _, gid = run_as.partition(":")
        return int(uid), int(gid or uid)
