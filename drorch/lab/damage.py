"""Breaks things for real, and heals them. Nothing here repairs roles: that is what recovery plans are for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import MappingProxyType

from drorch.core.errors import Broken, DrorchError, InputInvalid, Refused
from drorch.lab.daemons import sshd
from drorch.lab.daemons.databases import kill_nodes, role_of, set_replication, start_node
from drorch.lab.daemons.supervisor import ask
from drorch.lab.faults import Fault, What, faults_text, read_faults
from drorch.lab.identity import write_file
from drorch.lab.processes import Process, kill_all, postmaster_of, read_pid_file
from drorch.lab.startup import launch, server_processes
from drorch.lab.topology import NAME_SERVER_SITES, SITE_ADDRESSES, Node, Topology
from drorch.lab.truth import TruthLog


def power_is_on(topology: Topology, site: str) -> bool:
    """Whether the site has power."""
    return topology.power_file(site).read_text(encoding="utf-8").strip() == "on"


def states_at(topology: Topology, site: str) -> dict[str, dict[str, str]]:
    """Application id to its ``state`` and ``drill`` at a site; empty when its supervisor does not answer."""
    try:
        answer = ask(topology.control_socket(site), "GET", "/applications", timeout_s=2)
    except Broken:
        return {}
    assert isinstance(answer, list)
    return {str(entry["id"]): {"state": entry["state"], "drill": entry["drill"]} for entry in answer}


def primary_of(topology: Topology, group: str) -> Node | None:
    """The node that is the primary at present; None when none is running."""
    return next((node for node in topology.nodes_of(group) if role_of(topology, node) == "primary"), None)


def name_server_process(topology: Topology, site: str) -> Process | None:
    """The name server of a site, if it runs."""
    return read_pid_file(topology.pids_folder / f"dns-{site}.json")


def check_target(topology: Topology, what: What, target: str) -> None:
    """InputInvalid or NotFound when there is no such thing to break or to heal."""
    match what:
        case What.SITE:
            known = tuple(SITE_ADDRESSES)
        case What.DNS:
            known = tuple(topology.dns_ports)
        case What.DNS_STALE:
            known = NAME_SERVER_SITES[1:]
        case What.DNS_UPDATES:
            known = NAME_SERVER_SITES[:1]
        case What.DB:
            known = topology.groups
        case What.REPLICATION:
            known = tuple(group for group in topology.groups if len(topology.nodes_of(group)) > 1)
        case What.LINK:
            known = tuple(sorted(_links(topology)))
        case _:
            known = tuple(topology.by_id)
    if target not in known:
        raise InputInvalid(f"{what.value}: there is no {target!r}", next_step=f"known are {', '.join(known)}")


def _links(topology: Topology) -> dict[str, list[str]]:
    """Link to the groups replicated over it; both ways of writing a link are known."""
    found: dict[str, list[str]] = {}
    for node in topology.nodes:
        if node.peer_site is not None:
            found.setdefault(f"{node.site}-{node.peer_site}", []).append(node.group)
    return found


def _groups_of(topology: Topology, fault: Fault) -> list[str]:
    return _links(topology)[fault.target] if fault.what is What.LINK else [fault.target]


# Breaking


def _break_site(topology: Topology, fault: Fault, truth: TruthLog) -> None:
    site = fault.target
    nodes = [node for node in topology.nodes if node.site == site]
    states = states_at(topology, site)
    write_file(topology.power_file(site), "off\n", topology.run_as)
    servers = server_processes(topology, site)
    # The first one serves the applications. From this signal on nobody is answered any more; that everything is gone
    # is known only some milliseconds later, when probes may have been refused already.
    dark = time.monotonic()
    kill_all(servers[:1])
    killed = kill_nodes(topology, nodes, servers)
    gone = time.monotonic()
    for application, state in states.items():
        for drill in (False, True):
            if state["drill" if drill else "state"] == "started":
                truth.write("app-killed", mono=dark, site=site, application=application, drill=drill)
    for node in killed:
        truth.write("db-killed", mono=gone, site=site, group=node.group)


def _break_app(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    killed = False
    for site in topology.application(fault.target).sites:
        if states_at(topology, site).get(fault.target, {}).get("state") == "started":
            ask(topology.control_socket(site), "PUT", f"/kill/{fault.target}")
            killed = True
    if not killed:
        raise Refused(f"{fault.target} is not started anywhere", next_step="see 'drorch lab status'")


def _break_db(topology: Topology, fault: Fault, truth: TruthLog) -> None:
    node = primary_of(topology, fault.target)
    if node is None:
        raise Refused(f"no primary database of {fault.target} is running", next_step="see 'drorch lab status'")
    kill_nodes(topology, [node])
    truth.write("db-killed", site=node.site, group=node.group)


def _break_replication(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    nodes = [node for group in _groups_of(topology, fault) for node in topology.nodes_of(group)]
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda node: set_replication(topology, node, allowed=False), nodes))


def _break_dns(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    process = name_server_process(topology, fault.target)
    if process is not None:
        kill_all([process])


def _nothing_more(_topology: Topology, _fault: Fault, _truth: TruthLog) -> None:
    """The servers read the fault themselves."""


# Healing


def _heal_site(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    site = fault.target
    write_file(topology.power_file(site), "on\n", topology.run_as)
    dns_is_broken = Fault(what=What.DNS, target=site) in read_faults(topology.faults_file)
    roles = [f"site:{site}"] + ([f"dns:{site}"] if site in topology.dns_ports and not dns_is_broken else [])
    launch(topology, *roles)
    if site in topology.ssh_ports:
        with suppress(DrorchError):
            sshd.start_sshd(topology, site)


def _heal_app(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    start_application(topology, fault.target)


def _heal_db(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    for node in topology.nodes_of(fault.target):
        if postmaster_of(topology.data_folder(node)) is None and not start_if_safe(topology, node):
            raise Refused(
                f"{node.name} was the primary and another node may be now: two writers would be possible",
                next_step="return it with a failback plan",
            )


def _heal_replication(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    still = {
        group
        for other in read_faults(topology.faults_file)
        if other.what in (What.LINK, What.REPLICATION)
        for group in _groups_of(topology, other)
    }
    for group in _groups_of(topology, fault):
        for node in topology.nodes_of(group):
            set_replication(topology, node, allowed=group not in still)


def _heal_dns(topology: Topology, fault: Fault, _truth: TruthLog) -> None:
    if power_is_on(topology, fault.target) and name_server_process(topology, fault.target) is None:
        launch(topology, f"dns:{fault.target}")


Act = Callable[[Topology, Fault, TruthLog], None]
BREAK: Mapping[What, Act] = MappingProxyType(
    {
        What.SITE: _break_site,
        What.APP: _break_app,
        What.DB: _break_db,
        What.REPLICATION: _break_replication,
        What.LINK: _break_replication,
        What.DNS: _break_dns,
    }
)
HEAL: Mapping[What, Act] = MappingProxyType(
    {
        What.SITE: _heal_site,
        What.APP: _heal_app,
        What.DB: _heal_db,
        What.REPLICATION: _heal_replication,
        What.LINK: _heal_replication,
        What.DNS: _heal_dns,
    }
)
"""What is in neither is done by the servers themselves, who read the faults."""


def change(topology: Topology, fault: Fault, *, breaks: bool) -> bool:
    """Break it, or heal it; False when it was so already. See `What` for what each does."""
    check_target(topology, fault.what, fault.target)
    before = read_faults(topology.faults_file)
    if (fault in before) == breaks and fault.what is not What.APP:
        return False
    truth = TruthLog(topology.truth_file)
    with truth:
        if breaks:
            truth.write("broken", fault=fault.what.value, target=fault.target)
        # Healing needs the fault gone from the file before servers start anew; breaking wants it only when it is done.
        acts = BREAK if breaks else HEAL
        if not breaks:
            _keep(topology, before - {fault})
        try:
            acts.get(fault.what, _nothing_more)(topology, fault, truth)
        except Refused:
            _keep(topology, before)
            raise
        if breaks:
            _keep(topology, before | {fault})
        else:
            truth.write("healed", fault=fault.what.value, target=fault.target)
    return True


def _keep(topology: Topology, faults: frozenset[Fault]) -> None:
    """Write the present faults and let every server read them."""
    write_file(topology.faults_file, faults_text(faults), topology.run_as)
    sockets = [topology.control_socket(site) for site in SITE_ADDRESSES]
    sockets += [topology.dns_control_socket(site) for site in topology.dns_ports]
    for socket in sockets:
        with suppress(Broken):
            ask(socket, "POST", "/faults")


def start_application(topology: Topology, application_id: str) -> None:
    """Start it at the site whose database of its group is the primary, if it is started nowhere."""
    application = topology.application(application_id)
    states = [states_at(topology, site).get(application_id, {}) for site in application.sites]
    if any(state.get("state") == "started" for state in states):
        return
    node = primary_of(topology, application.group)
    if node is not None and node.site in application.sites:
        ask(topology.control_socket(node.site), "PUT", f"/applications/{application_id}", {"state": "started"})


def start_if_safe(topology: Topology, node: Node) -> bool:
    """Start a stopped database unless that could make a second writer; whether it runs now."""
    data = topology.data_folder(node)
    peer = topology.peer(node)
    is_standby = (data / "standby.signal").exists()
    peer_is_standby = peer is None or (topology.data_folder(peer) / "standby.signal").exists()
    if not data.exists() or not power_is_on(topology, node.site) or not (is_standby or peer_is_standby):
        return False
    start_node(topology, node)
    return True
