"""Frozen values of the catalog. Built by ``catalog.load`` from ``app_catalog.yaml``; nothing here reads files.

Durations are seconds, dates are calendar dates, ids are slugs (see ``core.ids.is_slug``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from drorch.core.codec import LEFT_OUT, UNWRITTEN


class ProvenanceKind(StrEnum):
    """How sure a catalog field is."""

    ATTESTED = "attested"
    """A named source says so."""
    ASSUMED = "assumed"
    """A working assumption, to be confirmed by the owner department."""
    SYNTHETIC = "synthetic"
    """Made up so that the sample estate is complete."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the value of one field comes from. ``source`` is obligatory for attested values."""

    kind: ProvenanceKind
    source: str | None = None


class SiteRole(StrEnum):
    """What a site is for."""

    PRIMARY = "primary"
    RECOVERY = "recovery"


class Arrangement(StrEnum):
    """How an application survives. Exactly one per application."""

    STANDBY = "standby"
    MIRROR = "mirror"
    REMOTE_ACCESS = "remote-access"


class Scope(StrEnum):
    """Who uses the application: the whole Secretariat, or one department."""

    ENTERPRISE = "enterprise"
    DEPARTMENTAL = "departmental"


class RtoFrom(StrEnum):
    """From which instant the RTO is counted."""

    DISRUPTION = "disruption"
    DECLARATION = "declaration"


class ProbeKind(StrEnum):
    """How a service is observed."""

    HTTP = "http"
    TCP = "tcp"
    TLS = "tls"
    SSH = "ssh"
    SQL = "sql"
    DNS = "dns"


class ManualWhen(StrEnum):
    """Beside which step of a plan a person has to do something: the first two for applications, the rest for groups."""

    BEFORE_START = "before-start"
    AFTER_START = "after-start"
    BEFORE_RECOVER = "before-recover"
    AFTER_RECOVER = "after-recover"


class ManualKind(StrEnum):
    """Kinds of runs that people do something in by hand. The words are those of ``plan.model.Kind``."""

    DRILL = "drill"
    SWITCHOVER = "switchover"
    FAILOVER = "failover"
    FAILBACK = "failback"


@dataclass(frozen=True, kw_only=True)
class ManualStep:
    """What a person has to do by hand in runs of these kinds. An instruction, not a fact: it has no provenance."""

    id: str
    when: ManualWhen
    kinds: tuple[ManualKind, ...]
    text: str
    """The instructions."""
    role: str
    """Who does it: an office or a function, not a name."""
    minutes: int
    """How long it is expected to take."""
    evidence_required: bool
    """Whether the sign-off has to bring something that shows it."""
    deadline_s: float | None = None
    """When it counts as failed, in seconds from its start; None: `plan.timings.MANUAL_S`."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A data centre. ``valid_from``/``valid_until`` are the first and last day it may be relied on."""

    id: str
    name: str
    role: SiteRole
    mirror: str | None = None
    """Id of the site that takes over from this one (the recovery partner)."""
    valid_from: date | None = None
    valid_until: date | None = None
    timezone: str = "UTC"
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Department:
    """An office of the Secretariat that owns or uses applications."""

    id: str
    name: str
    focal_point: str | None = None
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class ProtectionGroup:
    """Applications whose data replicates and fails over as one unit.

    ``recovery_site`` is None for data without a standby (remote-access applications).
    ``method`` names the folder under ``playbooks/`` that knows how to recover it.
    """

    id: str
    name: str
    method: str
    primary_site: str
    recovery_site: str | None
    manual: tuple[ManualStep, ...] = field(default=(), metadata=LEFT_OUT)
    """An entry without any says nothing of them: catalogs from before there were any keep their content id."""
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A recovery objective: how many seconds, why, and who stands for it. ``basis`` None means none is stated."""

    seconds: float
    basis: str | None = None
    owner: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """One way to observe the application. ``path`` is for http, ``port_name`` selects the estate's port."""

    kind: ProbeKind
    path: str = "/"
    port_name: str = "service"


@dataclass(frozen=True, kw_only=True)
class Application:
    """One of the catalog's entries."""

    id: str
    name: str
    description: str
    scope: Scope
    tier: int
    """1 (most critical) to 4."""
    department: str
    arrangement: Arrangement
    group: str
    rto: Objective
    rpo: Objective
    rto_from: RtoFrom
    depends_on: tuple[str, ...] = ()
    probes: tuple[ProbeSpec, ...] = ()
    need_until: date | None = None
    migration_target: str | None = None
    """Site the application is to be moved to, if any."""
    manual: tuple[ManualStep, ...] = field(default=(), metadata=LEFT_OUT)
    gateway: bool = False
    """True for an application through which remote-access applications are reached (their ``depends_on`` names it)."""
    provenance: Mapping[str, Provenance] = field(default_factory=lambda: MappingProxyType({}))
    """Per field name; fields missing here are ``assumed`` (see ``provenance_of``)."""

    def provenance_of(self, field_name: str) -> Provenance:
        """Provenance of one field. Never silently attested: what is not stated counts as assumed."""
        return self.provenance.get(field_name, Provenance(kind=ProvenanceKind.ASSUMED))


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The totals the catalog claims about itself, checked against its entries (A/67/266 para. 55: 76 = 25 + 51)."""

    applications: int
    enterprise: int
    departmental: int


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The whole catalog. ``content_id`` is the content hash of the normalised data, not of the file's bytes."""

    schema: int
    title: str
    totals: Totals
    sites: tuple[Site, ...]
    departments: tuple[Department, ...]
    groups: tuple[ProtectionGroup, ...]
    applications: tuple[Application, ...]
    note: str | None = None
    """What readers have to know about the catalog as a whole; shown wherever the catalog is shown."""
    content_id: str
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), compare=False, metadata=UNWRITTEN)
    """Line (from 1) of each entry and field in the source, keyed ``applications.umoja`` or
    ``applications.umoja.rto``; empty when not loaded from text."""
    source: str | None = field(default=None, compare=False, metadata=UNWRITTEN)

    @cached_property
    def _sites(self) -> dict[str, Site]:
        return {site.id: site for site in self.sites}

    @cached_property
    def _groups(self) -> dict[str, ProtectionGroup]:
        return {group.id: group for group in self.groups}

    @cached_property
    def _applications(self) -> dict[str, Application]:
        return {application.id: application for application in self.applications}

    @cached_property
    def _departments(self) -> dict[str, Department]:
        return {department.id: department for department in self.departments}

    def site(self, site_id: str) -> Site:
        """The site with this id; KeyError if there is none (check first)."""
        return self._sites[site_id]

    def group(self, group_id: str) -> ProtectionGroup:
        """The protection group with this id; KeyError if there is none."""
        return self._groups[group_id]

    def application(self, application_id: str) -> Application:
        """The application with this id; KeyError if there is none."""
        return self._applications[application_id]

    def department(self, department_id: str) -> Department:
        """The department with this id; KeyError if there is none."""
        return self._departments[department_id]

    def applications_of(self, group_id: str) -> tuple[Application, ...]:
        """Applications of a protection group, in catalog order."""
        return tuple(app for app in self.applications if app.group == group_id)

    def gateway_of(self, application: Application) -> Application | None:
        """The application that remote users of this one come through; None without one, or when not remote-access."""
        if application.arrangement is not Arrangement.REMOTE_ACCESS:
            return None
        known = (self._applications.get(needed) for needed in application.depends_on)
        return next((needed for needed in known if needed is not None and needed.gateway), None)

    def primary_site_of(self, application: Application) -> str:
        """Where the application normally runs: the primary site of its protection group."""
        return self.group(application.group).primary_site

    def recovery_site_of(self, application: Application) -> str | None:
        """Where it is recovered; None for remote-access (the arrangement moves people, not the application)."""
        if application.arrangement is Arrangement.REMOTE_ACCESS:
            return None
        return self.group(application.group).recovery_site
