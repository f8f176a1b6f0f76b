"""What remains when one thing is lost: people served by class, who is short, and the bottleneck by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from drorch.access.demand import Demand
from drorch.access.flow import ENDLESS, Arc, FlowNetwork
from drorch.access.model import CapacityModel, Constraint, StaffClass
from drorch.access.network import NOTHING, SINK, SOURCE, Limit, Loss, arcs, department_node, layered, limits
from drorch.access.seats import Seats, exactly, show

NORMAL = "normal"
_REQUIRED = (StaffClass.CRITICAL, StaffClass.DEPENDANT)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A situation to be carried. ``id`` is ``normal`` or ``loss_of_...``."""

    id: str
    title: str
    loss: Loss = NOTHING


@dataclass(frozen=True, kw_only=True)
class Share:
    """People of a department and class: how many need a seat, and how many get one."""

    department: str
    staff: StaffClass
    needed: int
    served: int

    @property
    def short(self) -> int:
        """People without a seat."""
        return self.needed - self.served


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a scenario carries. ``shares`` are those for sure: with unknown limits at their lower bound."""

    scenario: Scenario
    required: int
    served: Seats
    """Required people who get a seat."""
    critical_short: Seats
    required_short: Seats
    standard_short: Seats
    layered: Seats
    """What a table of totals would say; the flow is never larger."""
    bottleneck: tuple[Limit, ...]
    """The minimum cut when required people are short; when no way is left, what was lost in it (0 seats). With unknown
    limits: the cut at their upper bound when people are short even then, else at the lower bound."""
    shares: tuple[Share, ...]
    missing: tuple[str, ...]

    def short_departments(self) -> tuple[Share, ...]:
        """Only those without a seat for everybody. Which of several departments of one pool it hits is for people to
        decide; their sum is certain."""
        return tuple(share for share in self.shares if share.short > 0)


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """How far the required demand of all departments can grow alike. ``factor`` 1.2 is 20 %; infinite without a limit.

    ``bottleneck`` is what stops it: the next thing to buy.
    """

    factor: float
    seats: float
    """Required people more (negative: fewer) than now."""
    bottleneck: tuple[Limit, ...]


def scenarios(model: CapacityModel) -> tuple[Scenario, ...]:
    """Normal, and the loss of each site, gateway, line, licence server and hypervisor cluster."""
    clusters = dict.fromkeys(pool.cluster for pool in model.pools if pool.cluster is not None)
    servers = dict.fromkeys(licence.server for licence in model.licences)
    return (
        Scenario(id=NORMAL, title="nothing is lost"),
        *(lose_site(site) for site in model.sites),
        *(_loss("gateway", item.id, Loss(gateways=frozenset({item.id}))) for item in model.gateways),
        *(_loss("link", item.id, Loss(links=frozenset({item.id}))) for item in model.links),
        *(_loss("licence_server", server, Loss(licence_servers=frozenset({server}))) for server in servers),
        *(_loss("cluster", cluster, Loss(clusters=frozenset({cluster}))) for cluster in clusters),
    )


def lose_site(site: str) -> Scenario:
    """The site and everything that stands there are gone."""
    return Scenario(id=f"loss_of_{site}", title=f"loss of the site {site}", loss=Loss(sites=frozenset({site})))


def evaluate(model: CapacityModel, demand: Sequence[Demand], scenario: Scenario) -> Outcome:
    """What the scenario carries. Critical people get seats first, then dependants, then the others."""
    found = limits(model, scenario.loss)
    missing = tuple(dict.fromkeys(item for limit in found for item in limit.seats.missing))
    least = _solve(model, found, demand, at_most=False)
    most = _solve(model, found, demand, at_most=True) if missing else least
    required = sum(item.required for item in demand)
    deciding = most if most.short(_REQUIRED) > 0 else least
    return Outcome(
        scenario=scenario,
        required=required,
        served=Seats(least=least.served(_REQUIRED), most=most.served(_REQUIRED), missing=missing),
        critical_short=_short(least, most, (StaffClass.CRITICAL,), missing),
        required_short=_short(least, most, _REQUIRED, missing),
        standard_short=_short(least, most, (StaffClass.STANDARD,), missing),
        layered=layered(found),
        bottleneck=(deciding.cut or _lost(model, found, demand)) if deciding.short(_REQUIRED) > 0 else (),
        shares=least.shares,
        missing=missing,
    )


def headroom(model: CapacityModel, demand: Sequence[Demand], scenario: Scenario) -> Headroom | None:
    """The largest factor by which the required demand can be multiplied; None without any demand.

    Newton's method on the minimum cut: the cut at too large a factor says which factor it allows; that one is tried
    next, until everybody is served. Exact, because factors are fractions. Unknown limits count with their lower bound.
    """
    required = sum(item.required for item in demand)
    if required == 0:
        return None
    found = limits(model, scenario.loss)
    factor = Fraction(ENDLESS)
    cut: tuple[Limit, ...] = ()
    while True:
        flow, side = _scaled(model, found, demand, factor)
        if flow == factor.numerator * required:
            break
        # Departments on the source's side want more than the cut lets through; the others are satisfied.
        stopped = sum(item.required for item in demand if department_node(item.department) in side)
        through = flow - factor.numerator * (required - stopped)
        cut = _leaving(found, side)
        factor = Fraction(through, factor.denominator * stopped)
    return _headroom(factor, required, cut)


def _headroom(factor: Fraction, required: int, cut: tuple[Limit, ...]) -> Headroom:
    if factor * required >= ENDLESS:
        return Headroom(factor=math.inf, seats=math.inf, bottleneck=())
    return Headroom(factor=float(factor), seats=math.floor(factor * required) - required, bottleneck=cut)


@dataclass(frozen=True, kw_only=True)
class _Solution:
    shares: tuple[Share, ...]
    cut: tuple[Limit, ...]

    def served(self, classes: Sequence[StaffClass]) -> int:
        return sum(share.served for share in self.shares if share.staff in classes)

    def short(self, classes: Sequence[StaffClass]) -> int:
        return sum(share.short for share in self.shares if share.staff in classes)


def _solve(model: CapacityModel, found: Sequence[Limit], demand: Sequence[Demand], *, at_most: bool) -> _Solution:
    sources = [Arc(tail=SOURCE, head=department_node(item.department), capacity=0) for item in demand]
    network = FlowNetwork([*sources, *arcs(model, found, at_most=at_most)], SOURCE, SINK)
    served = [0] * len(demand)
    shares: list[Share] = []
    cut: tuple[Limit, ...] = ()
    for staff in StaffClass:
        # A department that is short once stays short: room that is opened later goes past it.
        for place, item in enumerate(demand):
            network.raise_capacity(place, item.of(staff))
        network.augment()
        for place, item in enumerate(demand):
            now = network.flow(place)
            got = now - served[place]
            shares.append(Share(department=item.department, staff=staff, needed=item.of(staff), served=got))
            served[place] = now
        if staff is StaffClass.DEPENDANT:
            cut = _leaving(found, network.source_side())
    return _Solution(shares=tuple(shares), cut=cut)


def _scaled(
    model: CapacityModel, found: Sequence[Limit], demand: Sequence[Demand], factor: Fraction
) -> tuple[int, frozenset[str]]:
    """Flow and source side with the demand times ``factor``; everything times its denominator to stay whole."""
    sources = [
        Arc(tail=SOURCE, head=department_node(item.department), capacity=item.required * factor.numerator)
        for item in demand
    ]
    limits_of = arcs(model, found, at_most=False, scale=factor.denominator)
    network = FlowNetwork([*sources, *limits_of], SOURCE, SINK)
    return network.augment(), network.source_side()


def _leaving(found: Sequence[Limit], side: frozenset[str]) -> tuple[Limit, ...]:
    return tuple(limit for limit in found if limit.tail in side and limit.head not in side)


def _short(least: _Solution, most: _Solution, classes: Sequence[StaffClass], missing: tuple[str, ...]) -> Seats:
    return Seats(least=most.short(classes), most=least.short(classes), missing=missing)


def _lost(model: CapacityModel, found: Sequence[Limit], demand: Sequence[Demand]) -> tuple[Limit, ...]:
    """What was lost and leaves no way: layers of which nothing is left, else what lies in the cut with 0 seats.

    Lost desktops are named only when nothing else is: the surviving ones could have carried people.
    """
    left, ids = {(limit.constraint, limit.purpose) for limit in found}, {_key(limit) for limit in found}
    every = [limit if _key(limit) in ids else replace(limit, seats=exactly(0)) for limit in limits(model)]
    layers = tuple(limit for limit in every if (limit.constraint, limit.purpose) not in left)
    if layers:
        return layers
    cut = _solve(model, every, demand, at_most=False).cut
    ways = tuple(limit for limit in cut if limit.constraint not in (Constraint.VDA, Constraint.LOGON_RATE))
    return ways or cut


def _key(limit: Limit) -> tuple[Constraint, str]:
    return limit.constraint, limit.subject


def _loss(kind: str, subject: str, loss: Loss) -> Scenario:
    words = kind.replace("_", " ")
    return Scenario(id=f"loss_of_{kind}_{subject}", title=f"loss of the {words} {subject}", loss=loss)


def cut_in_words(cut: Sequence[Limit]) -> str:
    """``bandwidth link-b (280)``, one after the other."""
    return ", ".join(
        f"{limit.constraint.value} {limit.subject} ({show(limit.seats.least) if limit.seats.known else 'unknown'})"
        for limit in cut
    )
