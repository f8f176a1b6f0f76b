"""The capacity model as a flow network: department → group → pool → site → gateway → line → identity → licence.

Every limit is one arc and carries its name, so that the minimum cut names what to buy. What is not declared at all is
unknown, and what was declared and is lost has no seats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drorch.access.constraints import (
    bandwidth_seats,
    gateway_sessions,
    gateway_throughput,
    licence_seats,
    logon_seats,
    vda_seats,
)
from drorch.access.flow import ENDLESS, Arc
from drorch.access.model import CapacityModel, Constraint, IdentityService, Pool
from drorch.access.seats import UNLIMITED, Seats, total, unknown

SOURCE, SINK = "people", "working"
_OUTSIDE, _KNOWN = "outside", "identity-0"
"""Nodes behind all lines, and before the first purpose of identity."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is gone. Ids of the model; losing a site takes along what stands there."""

    sites: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    licence_servers: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One thing that can run out: ``subject`` is its id in the model, ``site`` None for what serves all sites."""

    constraint: Constraint
    subject: str
    site: str | None
    seats: Seats
    tail: str
    head: str
    purpose: str | None = None
    """Identity only."""


NOTHING = Loss()


def limits(model: CapacityModel, loss: Loss = NOTHING) -> tuple[Limit, ...]:
    """Every limit that is left after a loss."""
    parts = (_pools, _site_identity, _gateways, _links, _identity, _licences)
    return tuple(limit for part in parts for limit in part(model, loss))


def arcs(model: CapacityModel, found: Sequence[Limit], *, at_most: bool, scale: int = 1) -> list[Arc]:
    """Entitlements and limits as arcs, with unknown seats at their lower or upper (``at_most``) bound, times ``scale``.

    The arcs from the source (demand) are not among them.
    """
    endless = [Arc(tail=tail, head=head, capacity=ENDLESS * scale) for tail, head in _ways(model, found)]
    bounds = ((limit, limit.seats.most if at_most else limit.seats.least) for limit in found)
    return endless + [
        Arc(tail=limit.tail, head=limit.head, capacity=scale * (ENDLESS if math.isinf(seats) else int(seats)))
        for limit, seats in bounds
    ]


def layered(found: Sequence[Limit]) -> Seats:
    """The smallest of the sums over each layer: what a table of totals would say, always at least the flow.

    Identity that only one site needs is no layer of its own and is left out.
    """
    layers: dict[str, list[Seats]] = {}
    for limit in found:
        if limit.constraint is not Constraint.IDENTITY:
            layers.setdefault(limit.constraint.value, []).append(limit.seats)
        elif limit.site is None:
            layers.setdefault(f"identity {limit.purpose}", []).append(limit.seats)
    smallest = UNLIMITED
    for parts in layers.values():
        smallest = smallest.capped(total(parts))
    missing_layer = {constraint.value for constraint in Constraint} - {name.split()[0] for name in layers}
    return total(()) if missing_layer else smallest


def department_node(department: str) -> str:
    """Where the demand of a department comes in."""
    return f"department {department}"


def _ways(model: CapacityModel, found: Sequence[Limit]) -> Iterator[tuple[str, str]]:
    """Arcs without a limit."""
    alive = {limit.subject for limit in found if limit.constraint is Constraint.VDA}
    for department in model.departments:
        for group in department.groups:
            yield department_node(department.id), f"group {group}"
    for pool in model.pools:
        if pool.id in alive:
            yield f"group {pool.group}", f"pool {pool.id}"
    working = {limit.subject for limit in found if limit.constraint is Constraint.GATEWAY_SESSION}
    for gateway in model.gateways:
        if gateway.id in working:
            yield from ((_ready(model, site), f"gateway {gateway.id}") for site in gateway.serves)
    yield _OUTSIDE, _KNOWN


def _pools(model: CapacityModel, loss: Loss) -> Iterator[Limit]:
    groups = {group.id: group for group in model.groups}
    for pool in model.pools:
        if pool.site in loss.sites or pool.cluster in loss.clusters:
            continue
        inside, outside = f"pool {pool.id}", f"pool {pool.id} logon"
        seats = vda_seats(pool, groups[pool.group], model.planning)
        yield _of_pool(pool, Constraint.VDA, seats, inside, outside)
        yield _of_pool(pool, Constraint.LOGON_RATE, logon_seats(pool, model.planning), outside, f"site {pool.site}")


def _of_pool(pool: Pool, constraint: Constraint, seats: Seats, tail: str, head: str) -> Limit:
    return Limit(constraint=constraint, subject=pool.id, site=pool.site, seats=seats, tail=tail, head=head)


def _purposes(services: Iterable[IdentityService]) -> tuple[str, ...]:
    return tuple(sorted({service.purpose for service in services}))


def _ready(model: CapacityModel, site: str) -> str:
    """The node of a site behind its own identity services."""
    own = _purposes(service for service in model.identity if service.serves == site)
    return f"site {site} {len(own)}" if own else f"site {site}"


def _site_identity(model: CapacityModel, loss: Loss) -> Iterator[Limit]:
    for site in model.sites:
        own = [service for service in model.identity if service.serves == site]
        for place, purpose in enumerate(_purposes(own)):
            tail = f"site {site} {place}" if place else f"site {site}"
            yield from _chained(own, purpose, loss, tail, f"site {site} {place + 1}")


def _chained(services: Iterable[IdentityService], purpose: str, loss: Loss, tail: str, head: str) -> Iterator[Limit]:
    for service in services:
        if service.purpose == purpose and service.site not in loss.sites:
            yield Limit(
                constraint=Constraint.IDENTITY,
                subject=service.id,
                site=service.serves,
                seats=service.seats,
                tail=tail,
                head=head,
                purpose=purpose,
            )


def _gateways(model: CapacityModel, loss: Loss) -> Iterator[Limit]:
    for gateway in model.gateways:
        if gateway.id in loss.gateways or gateway.site in loss.sites:
            continue
        inside, outside = f"gateway {gateway.id}", f"gateway {gateway.id} throughput"
        network = f"network {gateway.site}"
        yield Limit(
            constraint=Constraint.GATEWAY_SESSION,
            subject=gateway.id,
            site=gateway.site,
            seats=gateway_sessions(gateway),
            tail=inside,
            head=outside,
        )
        yield Limit(
            constraint=Constraint.GATEWAY_THROUGHPUT,
            subject=gateway.id,
            site=gateway.site,
            seats=gateway_throughput(gateway, model.planning),
            tail=outside,
            head=network,
        )
    for site in _alive(_without_gateway(model), loss):
        way = _ready(model, site), f"network {site}"
        yield _undeclared(Constraint.GATEWAY_SESSION, f"gateway that serves {site}", site, *way)


def _without_gateway(model: CapacityModel) -> tuple[str, ...]:
    """Sites with desktops that no declared gateway reaches."""
    served = {site for gateway in model.gateways for site in gateway.serves}
    return tuple(dict.fromkeys(pool.site for pool in model.pools if pool.site not in served))


def _links(model: CapacityModel, loss: Loss) -> Iterator[Limit]:
    for link in model.links:
        if link.id not in loss.links and link.site not in loss.sites:
            yield Limit(
                constraint=Constraint.BANDWIDTH,
                subject=link.id,
                site=link.site,
                seats=bandwidth_seats(link, model.planning),
                tail=f"network {link.site}",
                head=_OUTSIDE,
            )
    with_link = {link.site for link in model.links}
    with_gateway = (gateway.site for gateway in model.gateways)
    for site in _alive(dict.fromkeys((*with_gateway, *_without_gateway(model))), loss):
        if site not in with_link:
            yield _undeclared(Constraint.BANDWIDTH, f"line of {site}", site, f"network {site}", _OUTSIDE)


def _identity(model: CapacityModel, loss: Loss) -> Iterator[Limit]:
    general = [service for service in model.identity if service.serves is None]
    purposes = _purposes(general)
    for place, purpose in enumerate(purposes):
        yield from _chained(general, purpose, loss, f"identity-{place}", f"identity-{place + 1}")
    if not purposes:
        what = "identity services (second factor, directory, profiles)"
        yield _undeclared(Constraint.IDENTITY, what, None, _KNOWN, "identity-1")


def _licences(model: CapacityModel, loss: Loss) -> Iterator[Limit]:
    purposes = _purposes(service for service in model.identity if service.serves is None)
    tail = f"identity-{max(1, len(purposes))}"
    for licence in model.licences:
        if licence.server not in loss.licence_servers and (licence.site is None or licence.site not in loss.sites):
            yield Limit(
                constraint=Constraint.LICENSE,
                subject=licence.id,
                site=None,
                seats=licence_seats(licence),
                tail=tail,
                head=SINK,
            )
    if not model.licences:
        yield _undeclared(Constraint.LICENSE, "licences", None, tail, SINK)


def _undeclared(constraint: Constraint, what: str, site: str | None, tail: str, head: str) -> Limit:
    seats = unknown(f"{what}: not declared")
    return Limit(constraint=constraint, subject=what, site=site, seats=seats, tail=tail, head=head)


def _alive(sites: Iterable[str], loss: Loss) -> list[str]:
    return [site for site in sites if site not in loss.sites]
