"""The environment of playbooks: small, explicit, the same for every playbook of an executor. Nothing is inherited."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def playbook_environment(*, playbooks: Path, state: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Environment variables of workers and playbooks. ``state``: folder for Ansible's own files; ``extra`` wins.

    All ``ANSIBLE_*`` settings are read once, when Ansible is loaded: they must not differ between playbooks of one
    warm parent.
    """
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), *_SYSTEM_PATH)),
        "HOME": pwd.getpwuid(os.getuid()).pw_dir,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(playbooks / "ansible.cfg"),
        "ANSIBLE_HOME": str(state / "home"),
        "ANSIBLE_LOCAL_TEMP": str(state / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        **extra,
    }
