"""Frozen values of a plan. A plan is complete: a run performs its steps and makes no choice of its own.

A plan names inventory hosts and catalog ids, never addresses or ports, so that the same plan has the same hash in every
estate. All times are seconds.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from drorch.core.codec import plain
from drorch.core.ids import content_hash

PLAN_SCHEMA = 2


class Kind(StrEnum):
    """The kind of a run."""

    DRILL = "drill"
    SWITCHOVER = "switchover"
    FAILOVER = "failover"
    FAILBACK = "failback"
    READINESS = "readiness"


CHECK_PLAYBOOK = "check.yml"
"""The one playbook of a method that only looks."""
STATE_CHANGING = frozenset({Kind.DRILL, Kind.SWITCHOVER, Kind.FAILOVER, Kind.FAILBACK})
"""Kinds that need an approved plan hash."""
TWO_PERSONS = frozenset({Kind.SWITCHOVER, Kind.FAILOVER, Kind.FAILBACK})
"""Kinds whose approval needs a second person."""


class Phase(StrEnum):
    """Which part of the recovery a step belongs to; reports are grouped by it."""

    CHECK = "check"
    FENCE = "fence"
    RECOVER = "recover"
    SERVE = "serve"
    VALIDATE = "validate"
    RETURN = "return"
    CLEAN_UP = "clean-up"


class SubjectKind(StrEnum):
    """What a step is about."""

    SITE = "site"
    GROUP = "group"
    APPLICATION = "application"


class Repeat(StrEnum):
    """Whether a step may be performed again when nobody knows whether it ran."""

    SAFE = "safe"
    AFTER_PROBE = "after-probe"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class PlaybookAct:
    """Run a playbook. ``hosts`` are the inventory hosts that all have to be processed for success.

    ``variables`` are plain JSON data (never secrets, never shell text), given to the playbook as ``drorch``.
    """

    act: Literal["playbook"] = "playbook"
    playbook: str
    """Relative to the playbooks folder: ``postgresql_streaming/recover.yml``."""
    hosts: tuple[str, ...]
    variables: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class ValidateAct:
    """Wait until the probes have proved an application served from ``site`` (own name, write and read).

    ``drill`` looks at the isolated copy. ``remote_access`` proves reachability through the gateway only.
    """

    act: Literal["validate"] = "validate"
    application: str
    site: str
    drill: bool = False
    remote_access: bool = False


@dataclass(frozen=True, kw_only=True)
class WitnessAct:
    """Prove from ``witnesses`` (two other sites) that ``site`` answers on none of its endpoints: the site is lost."""

    act: Literal["witness"] = "witness"
    site: str
    witnesses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReplicationAct:
    """Look at replication of a group from ``primary`` to ``standby``: streaming, lag within ``max_lag_s``."""

    act: Literal["replication"] = "replication"
    group: str
    primary: str
    standby: str
    max_lag_s: float


@dataclass(frozen=True, kw_only=True)
class NamesAct:
    """Ask every authoritative server for the names of ``applications``: all must point to ``site``."""

    act: Literal["names"] = "names"
    applications: tuple[str, ...]
    site: str
    drill: bool = False


@dataclass(frozen=True, kw_only=True)
class ManualAct:
    """A person in ``role`` does what ``text`` says, by hand, and signs it off. drorch only waits."""

    act: Literal["manual"] = "manual"
    text: str
    role: str
    minutes: int
    """How long it is expected to take."""
    evidence_required: bool
    """Whether the sign-off has to bring something that shows it."""


Act = PlaybookAct | ValidateAct | WitnessAct | ReplicationAct | NamesAct | ManualAct


@dataclass(frozen=True, kw_only=True)
class Step:
    """One node of the graph."""

    id: str
    """``<subject>/<verb>``: ``nyc-finance/recover``, ``umoja/start``."""
    title: str
    subject_kind: SubjectKind
    subject: str
    phase: Phase
    act: Act
    site: str
    """Where it acts; limits count per site."""
    needs: tuple[str, ...] = ()
    """Ids of steps that must be done first. When one fails, this step is not reached."""
    after: tuple[str, ...] = ()
    """Ids of steps that must have ended, or can no longer start, whatever their outcome (a drill's clean-up)."""
    timeout_s: float
    estimate_s: float
    """Expected duration, for the critical path and the order of ready steps."""
    urgency_s: float | None = None
    """Smallest RTO among the applications that wait for this step: decides between equal remaining paths."""
    repeat: Repeat
    undo: PlaybookAct | None = None

    @cached_property
    def changes_state(self) -> bool:
        """False for checks, proofs and what people do by hand: there drorch has nothing to undo or clean up.

        It follows from the act and is no field: a plan file could say anything.
        """
        return isinstance(self.act, PlaybookAct) and posixpath.basename(self.act.playbook) != CHECK_PLAYBOOK


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many steps may be under way at once, and how strict the proofs are."""

    total: int = 8
    per_site: int = 8
    proof_s: float | None = None
    """A validation, or a look at replication, fails after so long; None: after its usual time."""
    lag_s: float | None = None
    """A standby may be behind by so much at most; None: as the recovery point objective and the usual limits say."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the plan was asked to be about, as it was asked: with it the plan can be built again."""

    lose: str | None = None
    """The site that is lost, or whose applications are meant."""
    applications: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ApplicationScope:
    """What the plan means to do for one application, also when that is nothing."""

    application: str
    from_site: str
    to_site: str | None
    """None when the plan cannot recover it: see ``reason``."""
    reason: str | None = None
    remote_access: bool = False
    """True: only reachability through the gateway is proved."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One immutable plan. ``steps`` are in a stable topological order. Its hash: ``content_id``."""

    schema: int
    kind: Kind
    title: str
    selection: Selection
    lost_site: str | None
    catalog_id: str
    estate_id: str | None
    """Content hash of the estate it was built for; None: for none in particular, so it may be run on any."""
    playbooks_id: str
    """Content hash over the playbook files the plan uses: a changed playbook makes a new plan."""
    scope: tuple[ApplicationScope, ...]
    steps: tuple[Step, ...]
    limits: Limits

    @cached_property
    def content_id(self) -> str:
        """``sha256:<hex>`` over the whole plan. Approvals name this; any change of any field changes it."""
        return content_hash(plain(self))

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        """Steps by id."""
        return MappingProxyType({step.id: step for step in self.steps})

    @cached_property
    def manual(self) -> frozenset[str]:
        """Ids of the steps that people do by hand."""
        return frozenset(step.id for step in self.steps if isinstance(step.act, ManualAct))

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """For each step the steps that come directly behind it (``needs`` and ``after``)."""
        found: dict[str, list[str]] = {step.id: [] for step in self.steps}
        for step in self.steps:
            for needed in step.needs + step.after:
                found[needed].append(step.id)
        return MappingProxyType({step_id: tuple(ids) for step_id, ids in found.items()})
