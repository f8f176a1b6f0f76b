"""What to watch: a complete, plain value that a watcher process reads from ``watch.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from drorch.catalog.model import Catalog
from drorch.core.codec import from_text
from drorch.core.errors import NotFound
from drorch.estate.model import ApplicationNames, Estate, NameServer
from drorch.plan.model import Plan, ValidateAct

WATCH_SCHEMA: Final = 1
DRILL_GRID_S = 1.0
"""A drill's copy is down most of the time and its instants are not measured: it is looked at less often."""


@dataclass(frozen=True, kw_only=True)
class WatchTarget:
    """One application, or the drill copy of one, as its users reach it.

    ``prefix`` comes before the paths when it is reached through a gateway (``via``). ``data`` are the database nodes
    it may answer with, ``address:port`` to site; empty when only the address is known (drill copies).
    """

    application: str
    name: str
    port: int
    prefix: str = ""
    via: str | None = None
    drill: bool = False
    canary: bool = False
    data: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    grid_s: float


@dataclass(frozen=True, kw_only=True)
class WatchSpec:
    """Everything a watcher needs. Times in seconds; ``sites`` is site to address; paths as the process sees them."""

    targets: tuple[WatchTarget, ...]
    name_servers: tuple[NameServer, ...]
    sites: Mapping[str, str]
    samples: str
    canaries: str
    stop_file: str
    max_s: float
    timeout_s: float = 2.0
    name_timeout_s: float = 0.8
    full_every_s: float = 1.0
    canary_every_s: float = 1.0
    schema: Literal[1] = WATCH_SCHEMA

    @classmethod
    def from_text(cls, text: str, source: str = "watch.json") -> WatchSpec:
        """A watch out of its file. InputInvalid for anything else."""
        return from_text(cls, text, where=source, next_step="let drorch write the file, do not edit it")


def watch_target(
    estate: Estate, application: str, *, drill: bool = False, grid_s: float = 0.2, group: str | None = None
) -> WatchTarget:
    """How ``application`` is reached in ``estate``. NotFound when the estate does not have it.

    ``group`` is its protection group: its answers then have to come from exactly that group's database nodes.
    """
    names = _names(estate, application)
    reached = _names(estate, names.via) if names.via else names
    nodes = (
        {}
        if drill or group is None
        else {
            f"{node.endpoint.address}:{node.endpoint.port}": node.site
            for node in estate.databases
            if node.group == group
        }
    )
    return WatchTarget(
        application=application,
        name=reached.drill_name if drill else reached.name,
        port=reached.drill_port if drill else reached.port,
        prefix=f"/via/{application}" if names.via else "",
        via=names.via,
        drill=drill,
        canary=not drill and names.via is None,
        data=nodes,
        grid_s=max(grid_s, DRILL_GRID_S) if drill else grid_s,
    )


def _names(estate: Estate, application: str) -> ApplicationNames:
    try:
        return estate.applications[application]
    except KeyError:
        raise NotFound(f"the estate {estate.name} has no application {application}") from None


def build_watch_spec(
    catalog: Catalog, estate: Estate, plan: Plan, *, folder: str, max_s: float, grid_s: float = 0.2
) -> WatchSpec:
    """Watch every application in the plan's scope, and the drill copies that the plan validates.

    Files are ``samples.jsonl``, ``canaries.jsonl`` and ``watch.stop`` in ``folder``.
    """
    drills = [step.act.application for step in plan.steps if isinstance(step.act, ValidateAct) and step.act.drill]
    wanted = [(scope.application, False) for scope in plan.scope] + [(application, True) for application in drills]
    return watch_spec(catalog, estate, dict.fromkeys(wanted), folder=folder, max_s=max_s, grid_s=grid_s)


def watch_spec(
    catalog: Catalog,
    estate: Estate,
    wanted: Iterable[tuple[str, bool]],
    *,
    folder: str,
    max_s: float,
    grid_s: float = 0.2,
) -> WatchSpec:
    """Watch ``wanted``: pairs of application id and whether its drill copy is meant."""
    return WatchSpec(
        targets=tuple(
            watch_target(estate, app, drill=drill, grid_s=grid_s, group=catalog.application(app).group)
            for app, drill in wanted
        ),
        name_servers=estate.name_servers,
        sites=dict(estate.sites),
        samples=f"{folder}/samples.jsonl",
        canaries=f"{folder}/canaries.jsonl",
        stop_file=f"{folder}/watch.stop",
        max_s=max_s,
    )
