"""An optional ssh server per site: OpenSSH with its own host key, running as the caller.

Not offered to root: there the servers run as a user without a login shell, and a root login is more than a lab may
open.
"""

from __future__ import annotations

import json
import os
import pwd
import time
from contextlib import suppress
from pathlib import Path

from drorch.core.errors import Broken, DrorchError
from drorch.estate.model import Endpoint, SshEndpoint
from drorch.lab.identity import make_folder, run_tool, write_file
from drorch.lab.processes import process_of
from drorch.lab.topology import SITE_ADDRESSES, Topology

SSHD = Path("/usr/sbin/sshd")
KEYGEN = Path("/usr/bin/ssh-keygen")
START_S = 10.0


def is_available() -> bool:
    """Whether this machine and this user can have ssh servers."""
    if os.geteuid() == 0 or not SSHD.exists() or not KEYGEN.exists():
        return False
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_shell).name not in ("nologin", "false")
    except KeyError:
        return False


def _user() -> str:
    """The caller's own name: not what the environment claims, because the server asks the system too."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _folder(topology: Topology, site: str) -> Path:
    return topology.site_folder(site) / "ssh"


def _client_key(topology: Topology) -> Path:
    return topology.folder / "secrets" / "id_ed25519"


def _make_key(path: Path) -> str:
    """A new key pair; returns the public one-line form."""
    if not path.exists():
        run_tool(
            [str(KEYGEN), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], run_as=None, cwd=path.parent
        )
    return " ".join(path.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])


def start_sshd(topology: Topology, site: str) -> SshEndpoint:
    """Start the site's server. Broken when it does not come up."""
    folder = _folder(topology, site)
    make_folder(folder, None, 0o700)
    host_key = _make_key(folder / "host_key")
    write_file(folder / "authorized_keys", _make_key(_client_key(topology)) + "\n", None, 0o600)
    pid_file = folder / "sshd.pid"
    config = (
        f"ListenAddress {SITE_ADDRESSES[site]}:{topology.ssh_ports[site]}\nHostKey {folder / 'host_key'}\n"
        f"PidFile {pid_file}\nAuthorizedKeysFile {folder / 'authorized_keys'}\nUsePAM no\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n"
        f"AllowUsers {_user()}\n"
    )
    write_file(folder / "sshd_config", config, None, 0o600)
    run_tool([str(SSHD), "-f", str(folder / "sshd_config"), "-E", str(folder / "log")], run_as=None, cwd=folder)
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with suppress(OSError, ValueError):
            process = process_of(int(pid_file.read_text(encoding="utf-8")))
            if process is not None:
                write_file(
                    topology.pids_folder / f"ssh-{site}.json",
                    json.dumps({"pid": process.pid, "started": process.started}),
                    None,
                )
                return _endpoint(topology, site, host_key)
        time.sleep(0.02)
    raise Broken("the ssh server does not start", where=str(folder / "log"))


def _endpoint(topology: Topology, site: str, host_key: str) -> SshEndpoint:
    return SshEndpoint(
        endpoint=Endpoint(address=SITE_ADDRESSES[site], port=topology.ssh_ports[site]),
        user=_user(),
        host_key=host_key,
        identity_file=str(_client_key(topology)),
    )


def start_all(topology: Topology) -> dict[str, SshEndpoint]:
    """Those that can be started; a site without one is simply not reached by ssh."""
    found: dict[str, SshEndpoint] = {}
    for site in topology.ssh_ports:
        with suppress(DrorchError):
            found[site] = start_sshd(topology, site)
    return found
