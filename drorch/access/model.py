"""Frozen values of the capacity model. Built by ``access.load`` from ``capacity.yaml``; no person is named in it.

Durations in seconds, rates in Mbit/s or kbit/s as named, times are aware, load indices 0 to 10,000 as the broker gives
them. ``None`` for a measured value means: nobody measured it. Only ``Seats`` says that something is unlimited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from drorch.access.seats import Seats
from drorch.catalog.model import Provenance

ProvenanceMap = Mapping[str, Provenance]


class Constraint(StrEnum):
    """What can run out."""

    VDA = "vda"
    LOGON_RATE = "logon_rate"
    IDENTITY = "identity"
    GATEWAY_SESSION = "gateway_session"
    GATEWAY_THROUGHPUT = "gateway_throughput"
    BANDWIDTH = "bandwidth"
    LICENSE = "license"


class StaffClass(StrEnum):
    """Whose seat it is. In a shortage the last is shed first."""

    CRITICAL = "critical"
    DEPENDANT = "dependant"
    STANDARD = "standard"


class GroupKind(StrEnum):
    """How the desktops of a delivery group are shared."""

    MULTI_SESSION = "multi-session"
    POOLED = "pooled"
    STATIC = "static"


class LicenceModel(StrEnum):
    """What a licence is bound to."""

    CONCURRENT = "concurrent"
    USER_OR_DEVICE = "user-or-device"


class MachineState(StrEnum):
    """Whether a machine takes new sessions."""

    REGISTERED = "registered"
    MAINTENANCE = "maintenance"
    UNREGISTERED = "unregistered"
    OFF = "powered-off"


@dataclass(frozen=True, kw_only=True)
class Planning:
    """Rules of the calculation. They are decisions, not facts; each has its provenance."""

    ramp_s: float
    """Time in which everybody has to be in."""
    usable_share: float
    """Part of a line's or gateway's rated throughput that may be planned with."""
    kbit_s_per_session: float
    """Bandwidth of one session until a link has its own measurement."""
    load_index_limit: int
    """Load index up to which machines are filled."""
    logons_at_once: int
    """Logons that one machine handles side by side."""
    headroom_target: float
    forecast_days: float
    """Exhaustion nearer than this is a warning."""
    lease_days: float
    """Licences that end sooner than this are a warning."""
    proof_days: float
    """A proof older than this no longer counts as fresh."""
    refresh_s: float
    """How often a value is to be renewed if it does not say itself; older than twice this is too old."""
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A value's age and use. ``used`` in sessions, None if nobody measured it."""

    as_of: datetime | None
    refresh_s: float | None = None
    used: int | None = None


@dataclass(frozen=True, kw_only=True)
class DepartmentDemand:
    """People of a department. Totals only."""

    id: str
    critical: int
    """Staff who carry out critical functions."""
    standard: int
    """Others who would use remote access; shed first."""
    attendance: float
    """Part of them at work on a day, 0 to 1."""
    overlap: float
    """Part of these logged on at the same time (shifts), 0 to 1."""
    groups: tuple[str, ...]
    """Delivery groups the department's people are entitled to."""
    needs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """People of other departments that its critical functions need, by department."""
    dependants: int | None = None
    """Dependants counted by person; None: derived from the ``needs`` of the others."""
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class DeliveryGroup:
    """Desktops of one kind, at one or more sites."""

    id: str
    kind: GroupKind
    session_count_only: bool
    """The load index counts sessions only (vendor's default), so that a low one says nothing."""
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One VDA as observed."""

    state: MachineState
    sessions: int = 0
    load_index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The machines of one delivery group at one site: declared seats, or machines as observed."""

    id: str
    group: str
    site: str
    cluster: str | None
    """Hypervisor cluster the machines run on."""
    seats: Seats | None
    machine_count: int | None
    machines: tuple[Machine, ...]
    sessions_per_machine: int | None
    """Most sessions a machine carried well in a load test."""
    start_s: float | None
    """Time until a machine that is off takes sessions; None when nothing starts it."""
    logon_s: float | None
    """Measured duration of a logon."""
    reading: Reading
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A gateway (an HA pair is one gateway)."""

    id: str
    site: str
    serves: tuple[str, ...]
    """Sites whose desktops it reaches."""
    ica_only: bool
    """Without user licences of the gateway (basic mode)."""
    platform_sessions: Seats
    max_users: Seats
    concurrent_licences: Seats
    throughput_mbit_s: float | None
    mbit_s_per_session: float | None
    reading: Reading
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Link:
    """A line between a site and the people."""

    id: str
    site: str
    mbit_s: float | None
    kbit_s_per_session: float | None
    reading: Reading
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class LicencePool:
    """Licences on a server. Overdraft and grace never count as seats."""

    id: str
    server: str
    site: str | None
    """Where the server stands; None: at none of the sites."""
    model: LicenceModel
    count: Seats
    overdraft: int
    assigned_elsewhere: Seats
    """Bound to people who are not required (user or device licences stay bound for 90 days)."""
    lease_until: date | None
    reading: Reading
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class IdentityService:
    """Second factor, RADIUS, profile store: a declared number of people it can carry at once."""

    id: str
    site: str | None
    """Where it runs; None: at none of the sites."""
    serves: str | None
    """The site whose desktops need it; None: everybody needs it."""
    purpose: str
    """Services with the same purpose stand side by side; every purpose has to be met."""
    seats: Seats
    reading: Reading
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class History:
    """Weekly peaks of sessions: of a site, or of all together (``site`` None)."""

    id: str
    site: str | None
    weeks: Mapping[date, int | None]
    """Monday to peak; None is a gap."""
    baseline_from: date | None
    """A person set the trend anew from this week on, after the level had changed."""
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A denial-of-access test that held ``held`` sessions for half an hour or more and met its criteria."""

    id: str
    scenario: str
    held: int
    tested_on: date
    evidence: str
    provenance: ProvenanceMap = field(default_factory=lambda: MappingProxyType({}))


Entry = DepartmentDemand | DeliveryGroup | Pool | Gateway | Link | LicencePool | IdentityService | History | Proof
"""Anything that has an id, and a provenance for each field."""


@dataclass(frozen=True, kw_only=True)
class CapacityModel:
    """Everything the calculation needs."""

    title: str
    note: str | None
    planning: Planning
    departments: tuple[DepartmentDemand, ...]
    groups: tuple[DeliveryGroup, ...]
    pools: tuple[Pool, ...]
    gateways: tuple[Gateway, ...]
    links: tuple[Link, ...]
    licences: tuple[LicencePool, ...]
    identity: tuple[IdentityService, ...]
    histories: tuple[History, ...]
    proofs: tuple[Proof, ...]
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    """Line (from 1) of each entry and field, keyed ``pools.finance-nyc.seats``."""
    source: str | None = field(default=None, compare=False)

    @property
    def entries(self) -> Mapping[str, tuple[Entry, ...]]:
        """All entries by the name of their list in the file."""
        return {
            "departments": self.departments,
            "groups": self.groups,
            "pools": self.pools,
            "gateways": self.gateways,
            "links": self.links,
            "licences": self.licences,
            "identity": self.identity,
            "history": self.histories,
            "proofs": self.proofs,
        }

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site where something of it stands, in the order of the file."""
        pools, gateways = (pool.site for pool in self.pools), (gateway.site for gateway in self.gateways)
        licences, services = (item.site for item in self.licences), (item.site for item in self.identity)
        found = (*pools, *gateways, *(link.site for link in self.links), *licences, *services)
        return tuple(dict.fromkeys(site for site in found if site is not None))
