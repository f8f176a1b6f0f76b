"""The file of a call tree. It holds addresses of people."""

from __future__ import annotations

import stat
from pathlib import Path

from drorch.catalog.text import MAX_BYTES
from drorch.core.errors import InputInvalid
from drorch.core.files import read_input


def read_private(path: Path) -> bytes:
    """The bytes of a file with people's addresses. InputInvalid when others than its owner may read it."""
    content = read_input(path, MAX_BYTES)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = "holds people's addresses and can be read by others than its owner"
        raise InputInvalid(what, where=str(path), next_step=f"chmod 600 {path}")
    return content
