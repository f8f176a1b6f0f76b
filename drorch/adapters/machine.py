"""What the machine under drorch can do: terminals, disks, programs, the clock. Linux."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from drorch.adapters.probes.kinds.dns import DnsProbe
from drorch.estate.model import NameServer

_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
_TIMEX_BYTES = 256
"""More than the kernel's ``struct timex`` on any architecture; all zero asks and sets nothing."""
NAME_TIMEOUT_S = 2.0


class ThisMachine:
    """See the port `drorch.app.doctor.Machine`."""

    def pseudo_terminal(self) -> str:
        """See the port."""
        try:
            ends = os.openpty()
        except OSError as error:
            return error.strerror or str(error)
        for end in ends:
            os.close(end)
        return ""

    def program(self, name: str) -> str | None:
        """See the port. Looks beside the running Python first, as playbooks do."""
        beside = Path(sys.executable).parent / name
        return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)

    def clock_synchronised(self) -> bool | None:
        """See the port."""
        try:
            state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        except (OSError, AttributeError):
            return None
        return None if state < 0 else state != _TIME_ERROR

    def free_bytes(self, folder: Path) -> int:
        """See the port."""
        return shutil.disk_usage(folder).free

    def file_system(self, folder: Path) -> str:
        """See the port."""
        best, kind = "", ""
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, name, *_ = line.split(" ")
            point = point.replace("\\040", " ")
            if folder.is_relative_to(point) and len(point) >= len(best):
                best, kind = point, name
        return kind

    def mode(self, file: Path) -> int:
        """See the port."""
        return stat.S_IMODE(file.stat().st_mode)

    def name_servers(self, servers: Sequence[NameServer], name: str) -> Mapping[str, str]:
        """See the port."""
        asked = {server.site: DnsProbe(name=name, servers=(server,)).look(NAME_TIMEOUT_S) for server in servers}
        return {site: "" if found.ok else found.reason or found.code.value for site, found in asked.items()}
