"""The whole answer: each limit with its use, loss, trend and age; every scenario; and one status with its reasons.

Unknown is never green. Required, modelled and proven stand side by side: a model is no proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from drorch.access.check import check_model
from drorch.access.demand import Demand, demands
from drorch.access.forecast import Forecast, ForecastKind, forecast
from drorch.access.model import CapacityModel, Constraint, History, Planning, Proof, Reading
from drorch.access.network import Limit, limits
from drorch.access.seats import Seats, total
from drorch.access.what_if import Headroom, Outcome, Scenario, evaluate, headroom, scenarios
from drorch.core.findings import Finding

DAY_S = 86_400
STALE_AFTER = 2
"""Intervals without a new value until it is too old."""
_NO_READING = Reading(as_of=None)


class Status(StrEnum):
    """From the worst to the best."""

    RED = "red"
    UNKNOWN = "unknown"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why the status is not better."""

    status: Status
    text: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One constraint at one site (None: for all sites)."""

    site: str | None
    constraint: Constraint
    seats: Seats
    used: int | None
    """Sessions now; None when somebody did not measure."""
    left: Seats
    """What is left of it when the largest single thing of it is lost."""
    bottleneck: bool
    """It stops people now, or it is the first to do so when demand grows."""
    forecast: Forecast
    age_s: float | None
    """Age of its oldest value; None when a value has no date."""
    stale: bool


@dataclass(frozen=True, kw_only=True)
class Proven:
    """The best test of a scenario."""

    proof: Proof
    age_days: int
    fresh: bool


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The answer. ``outcomes`` begins with the normal situation."""

    title: str
    note: str | None
    at: datetime
    status: Status
    reasons: tuple[Reason, ...]
    demand: tuple[Demand, ...]
    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]
    headroom: Headroom | None
    """None when something is unknown."""
    proven: Proven | None
    findings: tuple[Finding, ...]

    @property
    def required(self) -> int:
        """Required people."""
        return sum(item.required for item in self.demand)

    def outcome(self, scenario: str) -> Outcome | None:
        """The outcome of a scenario by its id."""
        return next((found for found in self.outcomes if found.scenario.id == scenario), None)


def assess(model: CapacityModel, at: datetime) -> Assessment:
    """Everything about the checked ``model`` at the time ``at`` (aware)."""
    demand = demands(model.departments)
    outcomes = tuple(evaluate(model, demand, scenario) for scenario in scenarios(model))
    normal = outcomes[0]
    # With something unknown it would be a lower bound that looks like a number.
    room = None if normal.missing else headroom(model, demand, normal.scenario)
    proven = _proven(model, normal.scenario, at)
    rows = _rows(model, _bottlenecks(normal, room), at)
    reasons = tuple(_reasons(model, outcomes, rows, room, proven, at))
    return Assessment(
        title=model.title,
        note=model.note,
        at=at,
        status=worst(reasons),
        reasons=tuple(sorted(reasons, key=lambda reason: list(Status).index(reason.status))),
        demand=demand,
        rows=rows,
        outcomes=outcomes,
        headroom=room,
        proven=proven,
        findings=check_model(model),
    )


def worst(reasons: Sequence[Reason]) -> Status:
    """The worst of them; green without any."""
    return min((reason.status for reason in reasons), key=list(Status).index, default=Status.GREEN)


def outcome_reasons(outcome: Outcome) -> Iterator[Reason]:
    """What one scenario says against green."""
    yield from _shortage(outcome)
    if outcome.standard_short.least > 0:
        text = f"{outcome.scenario.title}: {outcome.standard_short.least:.0f} of the others without a seat"
        yield Reason(status=Status.AMBER, text=text)
    yield from (Reason(status=Status.UNKNOWN, text=f"not known: {item}") for item in outcome.missing)


def _shortage(outcome: Outcome) -> Iterator[Reason]:
    title = outcome.scenario.title
    if outcome.critical_short.least > 0:
        text = f"{title}: {outcome.critical_short.least:.0f} critical people without a seat"
        yield Reason(status=Status.RED, text=text)
    elif outcome.required_short.least > 0:
        text = f"{title}: {outcome.required_short.least:.0f} dependants without a seat"
        yield Reason(status=Status.AMBER, text=text)


def _over_all(outcomes: Sequence[Outcome]) -> Iterator[Reason]:
    """Shortages one by one; what is missing once; people who are shed first only with the worst case."""
    for outcome in outcomes:
        yield from _shortage(outcome)
    for item in dict.fromkeys(item for outcome in outcomes for item in outcome.missing):
        yield Reason(status=Status.UNKNOWN, text=f"not known: {item}")
    worst_case = max(outcomes, key=lambda outcome: outcome.standard_short.least)
    if worst_case.standard_short.least > 0:
        shed = sum(outcome.standard_short.least > 0 for outcome in outcomes)
        text = (
            f"others than the required are without a seat in {shed} of {len(outcomes)} situations, at most "
            f"{worst_case.standard_short.least:.0f} ({worst_case.scenario.title})"
        )
        yield Reason(status=Status.AMBER, text=text)


def readings(model: CapacityModel) -> Mapping[tuple[Constraint, str], Reading]:
    """Use and age of everything that limits, by constraint and id."""
    found: dict[tuple[Constraint, str], Reading] = {}
    for pool in model.pools:
        sessions = sum(machine.sessions for machine in pool.machines) if pool.machines else None
        used = sessions if pool.reading.used is None else pool.reading.used
        reading = Reading(as_of=pool.reading.as_of, refresh_s=pool.reading.refresh_s, used=used)
        found[Constraint.VDA, pool.id] = found[Constraint.LOGON_RATE, pool.id] = reading
    for gateway in model.gateways:
        found[Constraint.GATEWAY_SESSION, gateway.id] = gateway.reading
        found[Constraint.GATEWAY_THROUGHPUT, gateway.id] = gateway.reading
    found.update({(Constraint.BANDWIDTH, link.id): link.reading for link in model.links})
    found.update({(Constraint.LICENSE, licence.id): licence.reading for licence in model.licences})
    found.update({(Constraint.IDENTITY, service.id): service.reading for service in model.identity})
    return found


def _rows(model: CapacityModel, bottlenecks: frozenset[tuple[Constraint, str]], at: datetime) -> tuple[Row, ...]:
    by_row: dict[tuple[str | None, Constraint], list[Limit]] = {}
    for limit in limits(model):
        by_row.setdefault((limit.site, limit.constraint), []).append(limit)
    known = readings(model)
    histories = {history.site: history for history in model.histories}
    order = {site: place for place, site in enumerate(model.sites)}
    wanted = sorted(by_row, key=lambda key: (order.get(key[0] or "", len(order)), list(Constraint).index(key[1])))
    return tuple(_row(model, key[0], by_row[key], known, histories.get(key[0]), bottlenecks, at) for key in wanted)


def _row(
    model: CapacityModel,
    site: str | None,
    found: Sequence[Limit],
    known: Mapping[tuple[Constraint, str], Reading],
    history: History | None,
    bottlenecks: frozenset[tuple[Constraint, str]],
    at: datetime,
) -> Row:
    constraint = found[0].constraint
    of_row = [known.get((limit.constraint, limit.subject), _NO_READING) for limit in found]
    seats = _row_seats(found)
    ages = [(at - reading.as_of).total_seconds() for reading in of_row if reading.as_of is not None]
    return Row(
        site=site,
        constraint=constraint,
        seats=seats,
        used=None if constraint is Constraint.LOGON_RATE else _used(found, of_row),
        left=_left(model, found),
        bottleneck=any((limit.constraint, limit.subject) in bottlenecks for limit in found),
        forecast=_forecast(constraint, seats, history, at),
        age_s=max(ages) if len(ages) == len(of_row) else None,
        stale=any(_is_stale(reading, model.planning, at) for reading in of_row),
    )


def _used(found: Sequence[Limit], of_row: Sequence[Reading]) -> int | None:
    """Sessions; services of different purposes see the same people. None when one of them was not measured."""
    by_purpose: dict[str | None, int] = {}
    for limit, reading in zip(found, of_row, strict=True):
        if reading.used is None:
            return None
        by_purpose[limit.purpose] = by_purpose.get(limit.purpose, 0) + reading.used
    return max(by_purpose.values())


def _row_seats(found: Sequence[Limit]) -> Seats:
    """Side by side seats add up; identity services of different purposes are all needed, so the smallest counts."""
    by_purpose: dict[str | None, list[Seats]] = {}
    for limit in found:
        by_purpose.setdefault(limit.purpose, []).append(limit.seats)
    smallest, *others = (total(parts) for parts in by_purpose.values())
    for seats in others:
        smallest = smallest.capped(seats)
    return smallest


def _left(model: CapacityModel, found: Sequence[Limit]) -> Seats:
    """Seats after the loss of the largest single thing. Pools fail by cluster, licences by server."""
    clusters = {pool.id: pool.cluster or pool.id for pool in model.pools}
    servers = {licence.id: licence.server for licence in model.licences}
    units: dict[str, list[Limit]] = {}
    for limit in found:
        units.setdefault(clusters.get(limit.subject) or servers.get(limit.subject) or limit.subject, []).append(limit)
    remaining = [_seats_of_rest([limit for limit in found if limit not in unit], found) for unit in units.values()]
    least, most = min(seats.least for seats in remaining), min(seats.most for seats in remaining)
    missing = tuple(dict.fromkeys(item for limit in found for item in limit.seats.missing))
    return Seats(least=least, most=most, missing=missing if least != most else ())


def _seats_of_rest(rest: Sequence[Limit], found: Sequence[Limit]) -> Seats:
    """0 when a purpose (or everything) is gone."""
    complete = {limit.purpose for limit in rest} == {limit.purpose for limit in found}
    return _row_seats(rest) if complete else total(())


def _forecast(constraint: Constraint, seats: Seats, history: History | None, at: datetime) -> Forecast:
    if constraint is Constraint.LOGON_RATE:
        return Forecast(kind=ForecastKind.NONE, points=0, reason="the ramp has no trend")
    if history is None:
        return Forecast(kind=ForecastKind.NONE, points=0, reason="no history")
    capacity = seats.least if seats.known else None
    return forecast(history.weeks, capacity=capacity, today=at.date(), baseline_from=history.baseline_from)


def _is_stale(reading: Reading, planning: Planning, at: datetime) -> bool:
    if reading.as_of is None:
        return False
    interval = reading.refresh_s or planning.refresh_s
    return (at - reading.as_of).total_seconds() > STALE_AFTER * interval


def _bottlenecks(normal: Outcome, room: Headroom | None) -> frozenset[tuple[Constraint, str]]:
    found = normal.bottleneck or (room.bottleneck if room else ())
    return frozenset((limit.constraint, limit.subject) for limit in found)


def _proven(model: CapacityModel, normal: Scenario, at: datetime) -> Proven | None:
    """The latest test of the normal situation. A test in the future is none yet."""
    held = [proof for proof in model.proofs if proof.scenario == normal.id and proof.tested_on <= at.date()]
    if not held:
        return None
    latest = max(held, key=lambda proof: proof.tested_on)
    age = (at.date() - latest.tested_on).days
    return Proven(proof=latest, age_days=age, fresh=age <= model.planning.proof_days)


def _reasons(
    model: CapacityModel,
    outcomes: Sequence[Outcome],
    rows: Sequence[Row],
    room: Headroom | None,
    proven: Proven | None,
    at: datetime,
) -> Iterator[Reason]:
    yield from _over_all(outcomes)
    for row in rows:
        yield from _row_reasons(row, model.planning, at)
    if room is not None and room.factor - 1 < model.planning.headroom_target:
        text = (
            f"headroom is {100 * (room.factor - 1):.0f} %, and {100 * model.planning.headroom_target:.0f} % is wanted"
        )
        yield Reason(status=Status.AMBER, text=text)
    for licence in model.licences:
        days = (licence.lease_until - at.date()).days if licence.lease_until else math.inf
        if days < model.planning.lease_days:
            yield Reason(status=Status.AMBER, text=f"licences {licence.id} end on {licence.lease_until}")
    yield from _proof_reasons(proven, sum(item.required for item in demands(model.departments)))


def _row_reasons(row: Row, planning: Planning, at: datetime) -> Iterator[Reason]:
    name = f"{row.constraint.value} at {row.site}" if row.site else row.constraint.value
    if row.age_s is None and row.seats.known:
        yield Reason(status=Status.UNKNOWN, text=f"{name}: the age of the data is not known")
    if row.age_s is not None and row.age_s < 0:
        yield Reason(status=Status.UNKNOWN, text=f"{name}: the data is dated in the future")
    if row.stale:
        yield Reason(status=Status.AMBER, text=f"{name}: data is older than {STALE_AFTER} intervals")
    if row.forecast.week is not None and (row.forecast.week - at.date()).days < planning.forecast_days:
        yield Reason(status=Status.AMBER, text=f"{name}: used up in the week of {row.forecast.week}")


def _proof_reasons(proven: Proven | None, required: int) -> Iterator[Reason]:
    if proven is None:
        yield Reason(status=Status.AMBER, text="never proven by a test")
        return
    if not proven.fresh:
        yield Reason(status=Status.AMBER, text=f"the proof is {proven.age_days} days old")
    if proven.proof.held < required:
        text = f"only {proven.proof.held} of {required} required sessions are proven"
        yield Reason(status=Status.AMBER, text=text)
