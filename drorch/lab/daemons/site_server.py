"""All applications of one site in one process: really open or closed listeners, and the supervisor they obey.

The supervisor speaks HTTP on a Unix socket (docs/architecture.md, "Application supervisor"). Two requests are the lab's
own: ``PUT /kill/<id>`` and ``POST /faults`` (read the file of present faults again).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from drorch.lab.daemons.application import Instance, Started
from drorch.lab.daemons.http_server import HttpProtocol, Request, Response, answer, refusal
from drorch.lab.faults import Fault, What, read_faults
from drorch.lab.processes import Process, postmaster_of
from drorch.lab.topology import Topology
from drorch.lab.truth import TruthLog

WATCH_S = 0.2


class SiteServer:
    """The applications of one site and their drill copies."""

    def __init__(self, topology: Topology, site: str) -> None:
        self._topology = topology
        self._site = site
        self._truth = TruthLog(topology.truth_file, site)
        here = [application for application in topology.applications if site in application.sites]

        def instance(application_id: str, *, drill: bool) -> Instance:
            return Instance(
                topology=topology,
                application=topology.by_id[application_id],
                site=site,
                drill=drill,
                truth=self._truth,
            )

        self._applications = {entry.id: instance(entry.id, drill=False) for entry in here}
        self._drills = {entry.id: instance(entry.id, drill=True) for entry in here}

    async def run(self, *, start_applications: bool, ready: Callable[[], None]) -> None:
        """Serve until the lab's folder is gone. ``ready`` is called when everything listens."""
        await self._apply_faults()
        socket_path = self._topology.control_socket(self._site)
        socket_path.unlink(missing_ok=True)
        connections: set[asyncio.Transport] = set()
        await asyncio.get_running_loop().create_unix_server(
            lambda: HttpProtocol(self._control, connections), str(socket_path)
        )
        if start_applications:
            at_home = [entry for entry in self._applications.values() if entry.application.sites[0] == self._site]
            await asyncio.gather(*(entry.start() for entry in at_home))
        ready()
        await self._watch_databases()

    async def _watch_databases(self) -> None:
        nodes = [node for node in self._topology.nodes if node.site == self._site]
        seen: dict[str, Process | None] = {node.group: None for node in nodes}
        while self._topology.lab_file.exists():
            for node in nodes:
                present = postmaster_of(self._topology.data_folder(node))
                if present != seen[node.group]:
                    self._truth.write("db-started" if present else "db-stopped", group=node.group)
                    seen[node.group] = present
            await asyncio.sleep(WATCH_S)
        os._exit(0)  # The lab is gone: nothing is left to be closed in good order.

    def _control(self, request: Request) -> Response | Awaitable[Response]:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["applications"]:
                return answer([self._describe(application_id) for application_id in self._applications])
            case "GET", ["applications", application_id] if application_id in self._applications:
                return answer(self._describe(application_id))
            case "PUT", ["applications", application_id] if application_id in self._applications:
                return self._set(self._applications[application_id], request)
            case "PUT", ["drill", application_id] if application_id in self._drills:
                return self._set(self._drills[application_id], request)
            case "PUT", ["kill", application_id] if application_id in self._applications:
                return self._kill(self._applications[application_id])
            case "POST", ["faults"]:
                return self._reload()
        return refusal(404, "unknown", f"{request.method} {request.path} at {self._site}")

    def _describe(self, application_id: str) -> dict[str, str]:
        return {
            "id": application_id,
            "state": self._applications[application_id].state,
            "drill": self._drills[application_id].state,
        }

    async def _set(self, instance: Instance, request: Request) -> Response:
        wanted = request.json().get("state")
        if wanted not in ("started", "stopped"):
            return refusal(400, "bad request", "state is started or stopped")
        if wanted == "stopped":
            return _told(await instance.stop())
        if instance.stuck:
            return refusal(503, "stuck", f"{instance.application.id} does not start")
        try:
            return _told(await instance.start())
        except OSError as error:
            return refusal(503, "port", str(error))

    async def _kill(self, instance: Instance) -> Response:
        return _told(await instance.stop(killed=True))

    async def _reload(self) -> Response:
        await self._apply_faults()
        return answer({"changed": True})

    async def _apply_faults(self) -> None:
        faults = read_faults(self._topology.faults_file)

        async def apply(instance: Instance) -> None:
            application = instance.application
            instance.stuck = Fault(what=What.APP_STUCK, target=application.id) in faults
            node = self._topology.node(application.group, self._site)
            old_data = Fault(what=What.APP_OLD_DATA, target=application.id) in faults
            if old_data and not instance.drill and self._site in application.sites[1:]:
                node = self._topology.peer(node) or node
            await instance.data.point_to(
                node.address,
                node.drill_port if instance.drill else node.port,
                read_only=Fault(what=What.APP_READONLY, target=application.id) in faults,
            )

        await asyncio.gather(*(apply(entry) for entry in (*self._applications.values(), *self._drills.values())))


def _told(result: Started) -> Response:
    return answer(asdict(result))
