"""Brings a lab up from nothing, and takes any lab down again."""

from __future__ import annotations

import base64
import json
import os
import pwd
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import drorch
from drorch.catalog.model import Catalog
from drorch.core.errors import Broken, DrorchError, Refused
from drorch.lab.binaries import find_binaries
from drorch.lab.daemons import sshd
from drorch.lab.daemons.databases import kill_nodes, make_template, remove_node, start_group
from drorch.lab.documents import estate_of, estate_text, inventory_text
from drorch.lab.faults import faults_text
from drorch.lab.identity import check_reachable, give, make_folder, run_tool, servers_identity, write_file
from drorch.lab.layout import check_catalog_fits, lay_out, ports_needed
from drorch.lab.ports import free_ports
from drorch.lab.processes import Process, kill_all, process_of, read_pid_file
from drorch.lab.topology import DATABASE_USER, SITE_ADDRESSES, Topology

Progress = Callable[[str], None]
AT_ONCE = 4
"""Groups that are made at the same time: copying waits for the disk, starting for the processor."""
OURS = (
    *("sites", "pids", "secrets", "template", "postgresql", "lab.json", "truth.jsonl", "faults.json"),
    *("estate.yml", "inventory.yml"),
)


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def prepare_folder(wanted: Path | None) -> tuple[Path, bool]:
    """The lab's folder and whether it was made here. Refused when another lab, or anything else, is in it."""
    if wanted is None:
        folder = Path(tempfile.mkdtemp(prefix=f"drorch-lab-{_user_name()}-"))
        folder.chmod(0o755)
        return folder, True
    folder = wanted.absolute()
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "lab.json").exists():
        raise Refused("there is a lab in this folder", where=str(folder), next_step="end it with 'drorch lab down'")
    if any(folder.iterdir()):
        raise Refused("the folder is not empty", where=str(folder), next_step="name an empty or a new folder")
    return folder, is_new


def bring_up(catalog: Catalog, wanted: Path | None, progress: Progress) -> Topology:
    """Start everything. On any failure everything that was started is ended again."""
    folder, is_new = prepare_folder(wanted)
    try:
        check_catalog_fits(catalog, folder)
        run_as = servers_identity()
        check_reachable(folder, run_as)
        binaries = find_binaries(folder, run_as)
        with free_ports(ports_needed(catalog), tuple(SITE_ADDRESSES.values())) as ports:
            topology = lay_out(
                catalog,
                folder=folder,
                folder_is_ours=is_new,
                run_as=run_as,
                binaries=binaries,
                ports=iter(ports),
                with_ssh=sshd.is_available(),
            )
            topology.write()
            _start_everything(topology, progress)
    except BaseException:
        tear_down(folder)
        raise
    return topology


def _start_everything(topology: Topology, progress: Progress) -> None:
    progress(f"folder {topology.folder}, PostgreSQL {topology.pg_version} from {topology.pg_bin}")
    password_file = _write_files(topology)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = pool.submit(launch, topology, *(f"dns:{site}" for site in topology.dns_ports))
        make_template(topology, password_file)
        password_file.unlink()
        progress("database template made")
        _start_databases(topology, pool, progress)
        names.result()
    progress("names are served")
    _start_applications(topology, progress)
    ssh = sshd.start_all(topology)
    write_file(topology.estate_file, estate_text(estate_of(topology, ssh)), topology.run_as)
    write_file(topology.inventory_file, inventory_text(topology), topology.run_as)


def _start_databases(topology: Topology, pool: ThreadPoolExecutor, progress: Progress) -> None:
    groups = {
        group: pool.submit(start_group, topology, topology.nodes_of(group), topology.template_folder)
        for group in topology.groups
    }
    for group, started in groups.items():
        started.result()
        progress(f"{group}: {' → '.join(node.site for node in topology.nodes_of(group))}")


def _start_applications(topology: Topology, progress: Progress) -> None:
    launch(topology, *(f"site:{site}:started" for site in SITE_ADDRESSES))
    progress(f"{len(topology.applications)} applications started")


def put_back(topology: Topology, progress: Progress) -> None:
    """Everything as it was when the lab came up: data, roles, names, power; nothing broken. Ports and secrets stay.

    All databases are new clusters: nothing that was written is left. The truth log goes on. Broken when something does
    not end or does not start; then only `tear_down` helps.
    """
    servers = [process for site in SITE_ADDRESSES for process in server_processes(topology, site, ("site", "dns"))]
    kill_nodes(topology, topology.nodes, servers)
    for node in topology.nodes:
        remove_node(topology, node)
    for site in SITE_ADDRESSES:
        write_file(topology.power_file(site), "on\n", topology.run_as)
        (topology.site_folder(site) / "zone.jsonl").unlink(missing_ok=True)
    write_file(topology.faults_file, faults_text(frozenset()), topology.run_as)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = pool.submit(launch, topology, *(f"dns:{site}" for site in topology.dns_ports))
        _start_databases(topology, pool, progress)
        names.result()
    _start_applications(topology, progress)
    for site in topology.ssh_ports:
        if read_pid_file(topology.pids_folder / f"ssh-{site}.json") is None:
            with suppress(DrorchError):
                sshd.start_sshd(topology, site)


def _write_files(topology: Topology) -> Path:
    """Folders, secrets and first states. Returns the file with the database password, for initdb."""
    run_as = topology.run_as
    make_folder(topology.pids_folder, run_as)
    make_folder(topology.folder / "secrets", run_as, 0o700)
    for site in SITE_ADDRESSES:
        make_folder(topology.site_folder(site), run_as)
        make_folder(topology.site_folder(site) / "ansible", run_as, 0o700)
        write_file(topology.power_file(site), "on\n", run_as)
    write_file(topology.truth_file, "", run_as)
    write_file(topology.faults_file, faults_text(frozenset()), run_as)
    password = secrets.token_urlsafe(24)
    key = {
        "name": "drorch-lab.",
        "algorithm": "hmac-sha256",
        "secret": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    write_file(topology.dns_key_file, json.dumps(key) + "\n", run_as, 0o600)
    write_file(topology.pgpass_file, f"*:*:*:{DATABASE_USER}:{password}\n", run_as, 0o600)
    password_file = topology.folder / "secrets" / "password"
    write_file(password_file, password + "\n", run_as, 0o600)
    give(topology.folder / "secrets", run_as)
    return password_file


def launch(topology: Topology, *roles: str) -> None:
    """Start server processes and wait until they listen. Broken when one does not."""
    run_tool(
        [sys.executable, "-m", "drorch.lab.daemons.start", str(topology.folder), *roles],
        run_as=None,
        cwd=topology.folder,
        timeout_s=60,
        env={"PYTHONPATH": str(Path(drorch.__file__).parent.parent)},
    )


def server_processes(topology: Topology, site: str, kinds: Sequence[str] = ("site", "dns", "ssh")) -> list[Process]:
    """Application server, name server and ssh server of a site, as far as they run, in this order."""
    files = (topology.pids_folder / f"{kind}-{site}.json" for kind in kinds)
    return [process for file in files if (process := read_pid_file(file)) is not None]


def _strays(topology: Topology) -> Iterator[Process]:
    """Programs of this lab that no pid file names (``lab up`` was killed half-way)."""
    inside = f"{topology.folder}/"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_server = "drorch.lab.daemons.start" in argv and str(topology.folder) in argv
            is_database = argv[0].startswith(f"{topology.pg_bin}/") and any(inside in word for word in argv[1:])
            process = process_of(int(entry.name)) if is_server or is_database else None
            if process is not None:
                yield process


def tear_down(folder: Path) -> None:
    """End every process of the lab in ``folder`` and remove its files. Harmless when there is none.

    Broken when a process does not end.
    """
    if (folder / "lab.json").exists():
        topology = Topology.read(folder)
        servers = [process for site in SITE_ADDRESSES for process in server_processes(topology, site)]
        kill_nodes(topology, topology.nodes, servers)
        left = kill_all(_strays(topology))
        if left:
            raise Broken(
                f"processes do not end: {', '.join(str(process.pid) for process in left)}",
                where=str(folder),
                next_step="look at them, then repeat 'drorch lab down'",
            )
        folder_is_ours = topology.folder_is_ours
    else:
        folder_is_ours = folder.name.startswith("drorch-lab-") and folder.parent == Path(tempfile.gettempdir())
    if folder_is_ours:
        shutil.rmtree(folder, ignore_errors=True)
    for name in OURS:
        shutil.rmtree(folder / name, ignore_errors=True)
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
