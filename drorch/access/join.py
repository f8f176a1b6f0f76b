"""Live values into the model: what was measured takes the place of what was declared, and says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import TypeVar

from drorch.access.model import (
    CapacityModel,
    Constraint,
    Gateway,
    History,
    LicencePool,
    Pool,
    Proof,
    ProvenanceMap,
    Reading,
)
from drorch.access.ports import GatewayReading, LicenceReading, LoginReading, Observed, PoolReading
from drorch.access.seats import exactly
from drorch.catalog.model import Provenance, ProvenanceKind

Item = TypeVar("Item", Gateway, LicencePool, Pool)
Weeks = Mapping[date, int | None]


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The model with live values in it. ``measured`` are the limits whose numbers were read from a system."""

    model: CapacityModel
    measured: frozenset[tuple[Constraint, str]]
    notes: tuple[str, ...]
    """What was read and makes green impossible, in words."""


def joined(
    model: CapacityModel,
    readings: Sequence[Observed],
    weeks: Mapping[str | None, Weeks],
    intervals: Mapping[str, float],
    proofs: Sequence[Proof] = (),
) -> Joined:
    """``weeks``: weekly peaks by site, None for all together. ``intervals``: seconds between readings by subject id."""
    gateways = {item.gateway: item for item in readings if isinstance(item, GatewayReading)}
    pools = {item.pool: item for item in readings if isinstance(item, PoolReading)}
    licences: dict[str, list[LicenceReading]] = {}
    for item in readings:
        if isinstance(item, LicenceReading):
            licences.setdefault(item.licence, []).append(item)
    made = replace(
        model,
        gateways=tuple(_gateway(item, gateways.get(item.id), intervals) for item in model.gateways),
        pools=tuple(_pool(item, pools.get(item.id), intervals) for item in model.pools),
        licences=tuple(_licence(item, licences.get(item.id, ()), intervals) for item in model.licences),
        histories=_histories(model.histories, weeks),
        proofs=(*model.proofs, *proofs),
    )
    counted = {name for name, found in licences.items() if any(item.count is not None for item in found)}
    measured = {
        *((Constraint.GATEWAY_SESSION, name) for name in gateways),
        *((Constraint.GATEWAY_THROUGHPUT, name) for name, item in gateways.items() if item.throughput_mbit_s),
        *((constraint, name) for name in pools for constraint in (Constraint.VDA, Constraint.LOGON_RATE)),
        *((Constraint.LICENSE, name) for name in counted),
    }
    return Joined(model=made, measured=frozenset(measured), notes=tuple(_notes(model, licences, readings)))


def _gateway(item: Gateway, found: GatewayReading | None, intervals: Mapping[str, float]) -> Gateway:
    if found is None:
        return item
    return replace(
        item,
        ica_only=item.ica_only if found.ica_only is None else found.ica_only,
        max_users=exactly(found.max_users),
        concurrent_licences=exactly(found.concurrent_licences),
        throughput_mbit_s=found.throughput_mbit_s or item.throughput_mbit_s,
        reading=Reading(as_of=found.at, refresh_s=intervals.get(item.id), used=found.sessions),
        provenance=_measured(item.provenance, f"{found.node} at {found.at:%Y-%m-%dT%H:%MZ}", "max_users"),
    )


def _pool(item: Pool, found: PoolReading | None, intervals: Mapping[str, float]) -> Pool:
    if found is None:
        return item
    return replace(
        item,
        seats=None,
        machine_count=None,
        machines=found.machines,
        reading=Reading(as_of=found.at, refresh_s=intervals.get(item.id)),
        provenance=_measured(item.provenance, f"the broker at {found.at:%Y-%m-%dT%H:%MZ}", "machines"),
    )


def _licence(item: LicencePool, found: Sequence[LicenceReading], intervals: Mapping[str, float]) -> LicencePool:
    """Two systems may each know a part (number, use): the age is that of the older one that was used."""
    if not found:
        return item
    newest = sorted(found, key=lambda reading: reading.at, reverse=True)
    counted = next((reading for reading in newest if reading.count is not None), None)
    used = next((reading for reading in newest if reading.in_use is not None), None)
    lease = next((reading.lease_until for reading in newest if reading.lease_until is not None), item.lease_until)
    model = next((reading.model for reading in newest if reading.model is not None), item.model)
    parts = [reading.at for reading in (counted, used) if reading is not None]
    if counted is None and item.reading.as_of is not None:
        parts.append(item.reading.as_of)
    known = counted is not None or item.reading.as_of is not None
    return replace(
        item,
        model=model,
        count=item.count if counted is None or counted.count is None else exactly(counted.count),
        overdraft=item.overdraft if counted is None else counted.overdraft,
        lease_until=lease,
        reading=Reading(
            as_of=min(parts) if parts and known else None,
            refresh_s=intervals.get(item.id) if counted is not None else item.reading.refresh_s,
            used=item.reading.used if used is None else used.in_use,
        ),
        provenance=_measured(item.provenance, f"the licence source at {newest[0].at:%Y-%m-%dT%H:%MZ}", "used"),
    )


def _histories(declared: Sequence[History], weeks: Mapping[str | None, Weeks]) -> tuple[History, ...]:
    """Weeks of the archive take the place of the file's; older ones of the file stay."""
    kept = tuple(
        replace(item, weeks=MappingProxyType(dict(sorted({**item.weeks, **weeks[item.site]}.items()))))
        if weeks.get(item.site)
        else item
        for item in declared
    )
    known = {item.site for item in declared}
    return kept + tuple(
        History(
            id=f"archive-{site or 'all'}",
            site=site,
            weeks=MappingProxyType(dict(found)),
            baseline_from=None,
            provenance=_measured({}, "the archive of minutes", "weeks"),
        )
        for site, found in weeks.items()
        if site not in known and found
    )


def _measured(provenance: ProvenanceMap, source: str, *fields: str) -> ProvenanceMap:
    kind = Provenance(kind=ProvenanceKind.ATTESTED, source=f"measured: {source}")
    return MappingProxyType({**provenance, **dict.fromkeys(fields, kind)})


def _notes(
    model: CapacityModel, licences: Mapping[str, Sequence[LicenceReading]], readings: Sequence[Observed]
) -> Iterable[str]:
    declared = {item.id: item.model for item in model.licences}
    for name, found in licences.items():
        if any(reading.grace for reading in found):
            yield f"licences {name} run on grace"
        told = next((reading.model for reading in found if reading.model is not None), None)
        if told is not None and name in declared and told is not declared[name]:
            yield f"licences {name} are declared {declared[name].value}, and the system says {told.value}"
    for item in readings:
        if isinstance(item, LoginReading) and not item.succeeded:
            trouble = item.trouble.value if item.trouble else "nothing was tried"
            failed = next((phase.phase for phase in item.phases if not phase.succeeded), "the first phase")
            yield f"the login at {item.site} fails in {failed}: {trouble}"
