"""``capacity.yaml`` (bytes) to the frozen model. Every error names file, line and field, and nothing is guessed."""

from __future__ import annotations

from types import MappingProxyType

from drorch.access.check import check_model
from drorch.access.model import (
    CapacityModel,
    DeliveryGroup,
    DepartmentDemand,
    Gateway,
    History,
    IdentityService,
    LicencePool,
    Link,
    Machine,
    Planning,
    Pool,
    Proof,
    Reading,
)
from drorch.access.schema import (
    LISTS,
    CapacityFile,
    DepartmentEntry,
    GatewayEntry,
    LicenceEntry,
    MeasuredEntry,
    PlanningEntry,
    PoolEntry,
)
from drorch.access.seats import Seats
from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.model import Provenance
from drorch.catalog.schema import Entry
from drorch.catalog.text import parse_document
from drorch.core.findings import errors

DAY_S = 86_400
EXAMPLE = "capacity.yaml"


def load_capacity(text: bytes, source: str) -> CapacityModel:
    """The model in ``text``; ``source`` is the file's name for messages. InputInvalid with ``file:line field``."""
    document = parse_document(text, source)
    file = validated(CapacityFile, document, what="a capacity model", example=EXAMPLE)
    return CapacityModel(
        title=file.title,
        note=file.note,
        planning=_planning(file.planning),
        departments=tuple(_department(entry) for entry in file.departments),
        groups=tuple(
            DeliveryGroup(
                id=entry.id,
                kind=entry.kind,
                session_count_only=entry.session_count_only,
                provenance=_provenance(entry),
            )
            for entry in file.groups
        ),
        pools=tuple(_pool(entry) for entry in file.pools),
        gateways=tuple(_gateway(entry) for entry in file.gateways),
        links=tuple(
            Link(
                id=entry.id,
                site=entry.site,
                mbit_s=entry.mbit_s,
                kbit_s_per_session=entry.kbit_s_per_session,
                reading=_reading(entry),
                provenance=_provenance(entry),
            )
            for entry in file.links
        ),
        licences=tuple(_licence(entry) for entry in file.licences),
        identity=tuple(
            IdentityService(
                id=entry.id,
                site=entry.site,
                serves=entry.serves,
                purpose=entry.purpose,
                seats=_named(entry.seats, f"seats of {entry.id}"),
                reading=_reading(entry),
                provenance=_provenance(entry),
            )
            for entry in file.identity
        ),
        histories=tuple(
            History(
                id=entry.id,
                site=entry.site,
                weeks=MappingProxyType(dict(entry.weeks)),
                baseline_from=entry.baseline_from,
                provenance=_provenance(entry),
            )
            for entry in file.history
        ),
        proofs=tuple(
            Proof(
                id=entry.id,
                scenario=entry.scenario,
                held=entry.held,
                tested_on=entry.tested_on,
                evidence=entry.evidence,
                provenance=_provenance(entry),
            )
            for entry in file.proofs
        ),
        lines=MappingProxyType(line_index(document, LISTS)),
        source=source,
    )


def checked(model: CapacityModel) -> CapacityModel:
    """The same model when it has no finding of severity error; else InputInvalid listing those findings."""
    found = errors(check_model(model))
    if not found:
        return model
    raise listed([(finding.where or model.source or "capacity", finding.message) for finding in found])


def _provenance(entry: Entry) -> MappingProxyType[str, Provenance]:
    return MappingProxyType(entry.resolved_provenance())


def _reading(entry: MeasuredEntry) -> Reading:
    return Reading(as_of=entry.as_of, refresh_s=entry.refresh, used=entry.used)


def _named(seats: Seats, missing: str) -> Seats:
    """An unknown amount says what has to be found out."""
    return seats if seats.known else Seats(least=seats.least, most=seats.most, missing=(missing,))


def _planning(entry: PlanningEntry) -> Planning:
    return Planning(
        ramp_s=entry.ramp,
        usable_share=entry.usable_share,
        kbit_s_per_session=entry.kbit_s_per_session,
        load_index_limit=entry.load_index_limit,
        logons_at_once=entry.logons_at_once,
        headroom_target=entry.headroom_target,
        forecast_days=entry.forecast_warning / DAY_S,
        lease_days=entry.lease_warning / DAY_S,
        proof_days=entry.proof_valid / DAY_S,
        refresh_s=entry.refresh,
        provenance=_provenance(entry),
    )


def _department(entry: DepartmentEntry) -> DepartmentDemand:
    return DepartmentDemand(
        id=entry.id,
        critical=entry.critical,
        standard=entry.standard,
        attendance=entry.attendance,
        overlap=entry.overlap,
        groups=tuple(entry.groups),
        needs=MappingProxyType(dict(entry.needs)),
        dependants=entry.dependants,
        provenance=_provenance(entry),
    )


def _pool(entry: PoolEntry) -> Pool:
    return Pool(
        id=entry.id,
        group=entry.group,
        site=entry.site,
        cluster=entry.cluster,
        seats=None if entry.seats is None else _named(entry.seats, f"seats of {entry.id}"),
        machine_count=entry.machine_count,
        machines=tuple(
            Machine(state=machine.state, sessions=machine.sessions, load_index=machine.load_index)
            for machine in entry.machines
        ),
        sessions_per_machine=entry.sessions_per_machine,
        start_s=entry.start,
        logon_s=entry.logon,
        reading=_reading(entry),
        provenance=_provenance(entry),
    )


def _gateway(entry: GatewayEntry) -> Gateway:
    return Gateway(
        id=entry.id,
        site=entry.site,
        serves=tuple(entry.serves) or (entry.site,),
        ica_only=entry.ica_only,
        platform_sessions=_named(entry.platform_sessions, f"platform limit of {entry.id}"),
        max_users=_named(entry.max_users, f"max_users of {entry.id}"),
        concurrent_licences=_named(entry.concurrent_licences, f"user licences of {entry.id}"),
        throughput_mbit_s=entry.throughput_mbit_s,
        mbit_s_per_session=entry.mbit_s_per_session,
        reading=_reading(entry),
        provenance=_provenance(entry),
    )


def _licence(entry: LicenceEntry) -> LicencePool:
    return LicencePool(
        id=entry.id,
        server=entry.server,
        site=entry.site,
        model=entry.model,
        count=_named(entry.count, f"number of {entry.id}"),
        overdraft=entry.overdraft,
        assigned_elsewhere=_named(entry.assigned_elsewhere, f"licences of {entry.id} bound to others"),
        lease_until=entry.lease_until,
        reading=_reading(entry),
        provenance=_provenance(entry),
    )
