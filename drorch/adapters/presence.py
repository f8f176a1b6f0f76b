"""Who this process is, and whether another one of this machine lives."""

from __future__ import annotations

import platform

from drorch.adapters.processes import ProcessRef, myself
from drorch.schedules.events import Process


class MachinePresence:
    """See the port `drorch.schedules.ports.Presence`. Linux (/proc)."""

    def myself(self) -> Process:
        """See the port."""
        me = myself()
        return Process(host=platform.node(), pid=me.pid, started=me.started)

    def lives(self, process: Process) -> bool | None:
        """See the port."""
        if process.host != platform.node():
            return None
        return ProcessRef(pid=process.pid, started=process.started).is_alive()
