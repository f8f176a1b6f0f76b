"""Starts server processes of the lab: ``python -m drorch.lab.daemons.start FOLDER ROLE...``.

Imports everything once, then forks one daemon per role (``site:nyc``, ``site:nyc:started``, ``dns:valencia``), waits
until each says that it listens, and ends. Daemons run in their own session, as the lab's unprivileged user when
started by root: privileges are dropped after the imports, because that user may not be able to read drorch's files.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import dns.rdata

from drorch.lab.daemons.dns_server import DnsServer
from drorch.lab.daemons.site_server import SiteServer
from drorch.lab.identity import drop_privileges
from drorch.lab.processes import write_pid_file
from drorch.lab.topology import Topology

READY_S = 30.0


def pid_file(topology: Topology, role: str) -> Path:
    """Where a role's daemon says who it is. Roles with options share the file of the plain role."""
    kind, site = role.split(":")[:2]
    return topology.pids_folder / f"{kind}-{site}.json"


def log_file(topology: Topology, role: str) -> Path:
    """What the role's daemon prints."""
    kind, site = role.split(":")[:2]
    return topology.site_folder(site) / f"{kind}.log"


def _serve(topology: Topology, role: str, ready: Callable[[], None]) -> None:
    kind, site, *options = role.split(":")
    if kind == "site":
        asyncio.run(SiteServer(topology, site).run(start_applications="started" in options, ready=ready))
    else:
        asyncio.run(DnsServer(topology, site).run(ready=ready))


def _fork(topology: Topology, role: str) -> int:
    """Start the daemon of a role; the descriptor tells ``ready`` or just ends."""
    reading, writing = os.pipe()
    if os.fork() != 0:
        os.close(writing)
        return reading
    try:
        os.close(reading)
        os.setsid()
        drop_privileges(topology.run_as)
        os.chdir(topology.site_folder(role.split(":")[1]))
        write_pid_file(pid_file(topology, role))
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(log_file(topology, role), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        _serve(topology, role, lambda: _say_ready(writing))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _say_ready(descriptor: int) -> None:
    os.write(descriptor, b"ready")
    os.close(descriptor)


def main(arguments: list[str]) -> int:
    """0 when every role is ready, else 1 with the failed roles on stderr."""
    dns.rdata.load_all_types(disable_dynamic_load=True)  # type: ignore[no-untyped-call]
    topology = Topology.read(Path(arguments[0]))
    waiting = {_fork(topology, role): role for role in arguments[1:]}
    failed: list[str] = []
    until = time.monotonic() + READY_S
    while waiting and (left := until - time.monotonic()) > 0:
        for descriptor in select.select(list(waiting), [], [], left)[0]:
            role = waiting.pop(descriptor)
            if os.read(descriptor, 16) != b"ready":
                failed.append(role)
            os.close(descriptor)
    failed += waiting.values()
    if failed:
        sys.stderr.write(f"not started: {', '.join(failed)}; see {log_file(topology, failed[0])}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
