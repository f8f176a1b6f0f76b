"""Small catalogs and plans for tests: real values made by the real loader, so that line numbers exist too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from drorch.catalog.load import load_catalog
from drorch.catalog.model import Catalog
from drorch.plan.model import (
    PLAN_SCHEMA,
    Act,
    ApplicationScope,
    Kind,
    Limits,
    Phase,
    Plan,
    PlaybookAct,
    Repeat,
    Selection,
    Step,
    SubjectKind,
)

SMALL_CATALOG_YAML = """\
schema: 1
title: Small catalog for tests
totals: {applications: 6, enterprise: 4, departmental: 2}
sites:
  - {id: nyc, name: New York, role: primary, mirror: piscataway, provenance: {default: synthetic}}
  - id: piscataway
    name: Piscataway
    role: recovery
    valid_until: 2014-06-30
    provenance: {default: synthetic, valid_until: {attested: A/67/266 para 59}}
  - {id: brindisi, name: Brindisi, role: primary, mirror: valencia, provenance: {default: synthetic}}
  - {id: valencia, name: Valencia, role: recovery, provenance: {default: synthetic}}
departments:
  - {id: oict, name: Technology, focal_point: the desk, provenance: {default: synthetic}}
  - {id: dm, name: Management, provenance: {default: synthetic}}
groups:
  - id: nyc-platform
    name: Platform
    method: postgresql_streaming
    primary_site: nyc
    recovery_site: piscataway
    provenance: {default: synthetic}
  - id: brindisi-enterprise
    name: Enterprise
    method: postgresql_streaming
    primary_site: brindisi
    recovery_site: valencia
    provenance: {default: synthetic}
  - id: remote-desktops
    name: Remote
    method: postgresql_streaming
    primary_site: piscataway
    recovery_site: null
    provenance: {default: assumed}
applications:
  - id: directory
    name: Directory
    description: Who is who.
    scope: enterprise
    tier: 1
    department: oict
    arrangement: standby
    group: nyc-platform
    rto: {time: 2h, basis: test, owner: oict}
    rpo: {time: 15m, basis: test, owner: oict}
    rto_from: disruption
    probes: [{kind: http, path: /transaction}]
    need_until: 2014-06-30
    provenance: {default: synthetic}
  - id: mail
    name: Mail
    description: Letters.
    scope: enterprise
    tier: 2
    department: oict
    arrangement: standby
    group: nyc-platform
    rto: {time: 4h, basis: test, owner: oict}
    rpo: {time: 15m, basis: test, owner: oict}
    rto_from: disruption
    depends_on: [directory]
    probes: [{kind: http, path: /transaction}]
    provenance: {default: synthetic}
  - id: mobile-office
    name: Mobile Office
    description: The way in for remote users.
    scope: enterprise
    tier: 1
    department: oict
    arrangement: standby
    group: nyc-platform
    rto: {time: 4h, basis: test, owner: oict}
    rpo: {time: 1h, basis: test, owner: oict}
    rto_from: declaration
    depends_on: [directory]
    probes: [{kind: http, path: /transaction}]
    gateway: true
    provenance: {default: synthetic}
  - id: umoja
    name: Umoja
    description: Resources.
    scope: enterprise
    tier: 1
    department: dm
    arrangement: mirror
    group: brindisi-enterprise
    rto: {time: 4h, basis: test, owner: dm}
    rpo: {time: 15m, basis: test, owner: dm}
    rto_from: disruption
    probes: [{kind: http, path: /transaction}]
    provenance: {default: assumed, name: {attested: A/67/266 para 56}}
  - id: reports
    name: Reports
    description: Papers about resources.
    scope: departmental
    tier: 3
    department: dm
    arrangement: mirror
    group: brindisi-enterprise
    rto: {time: 1d, basis: test, owner: dm}
    rpo: {time: 4h, basis: test, owner: dm}
    rto_from: disruption
    depends_on: [umoja]
    probes: [{kind: http, path: /transaction}]
    provenance: {default: synthetic}
  - id: archive
    name: Archive
    description: Old papers, reached through the gateway only.
    scope: departmental
    tier: 4
    department: dm
    arrangement: remote-access
    group: remote-desktops
    rto: {time: 3d, basis: test, owner: dm}
    rpo: {time: 1d, basis: test, owner: dm}
    rto_from: declaration
    depends_on: [mobile-office]
    probes: [{kind: http, path: /transaction}]
    provenance: {default: synthetic}
"""


def catalog_text(*changes: tuple[str, str]) -> str:
    """The small catalog's YAML with each ``(old, new)`` replaced at its first place; ValueError if old is not there."""
    text = SMALL_CATALOG_YAML
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the small catalog holds no {old!r}")
        text = text.replace(old, new, 1)
    return text


def small_catalog(*changes: tuple[str, str]) -> Catalog:
    """Four sites, three groups, six applications: ``directory`` ← ``mail``, ``mobile-office`` ← ``archive`` (remote
    access); ``umoja`` ← ``reports``. ``changes`` as for :func:`catalog_text`. Without changes no check complains.
    """
    return load_catalog(catalog_text(*changes).encode(), "small.yaml")


def small_step(
    step_id: str,
    *,
    needs: Iterable[str] = (),
    after: Iterable[str] = (),
    act: Act | None = None,
    site: str = "piscataway",
    subject_kind: SubjectKind = SubjectKind.APPLICATION,
    phase: Phase = Phase.SERVE,
    repeat: Repeat = Repeat.AFTER_PROBE,
    timeout_s: float = 60.0,
    estimate_s: float = 1.0,
    variables: Mapping[str, object] = MappingProxyType({}),
) -> Step:
    """A step ``<subject>/<verb>``; by default a playbook on ``apps-<site>``."""
    subject, _, verb = step_id.partition("/")
    playbook = PlaybookAct(playbook=f"application/{verb}.yml", hosts=(f"apps-{site}",), variables=variables)
    return Step(
        id=step_id,
        title=f"{verb} {subject}",
        subject_kind=subject_kind,
        subject=subject,
        phase=phase,
        act=act or playbook,
        site=site,
        needs=tuple(needs),
        after=tuple(after),
        timeout_s=timeout_s,
        estimate_s=estimate_s,
        repeat=repeat,
    )


def small_plan(
    *steps: Step,
    kind: Kind = Kind.FAILOVER,
    lost_site: str | None = "nyc",
    limits: Limits | None = None,
    scope: Iterable[ApplicationScope] = (),
) -> Plan:
    """A plan of just these steps, for the small catalog."""
    return Plan(
        schema=PLAN_SCHEMA,
        kind=kind,
        title=f"{kind.value} for a test",
        selection=Selection(),
        lost_site=lost_site,
        catalog_id=small_catalog().content_id,
        estate_id=None,
        playbooks_id="sha256:" + "0" * 64,
        scope=tuple(scope),
        steps=steps,
        limits=limits or Limits(),
    )
