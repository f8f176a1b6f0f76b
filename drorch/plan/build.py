"""Catalog to plan. Pure and deterministic: the same catalog and request give the same plan, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid
from drorch.plan import steps as make
from drorch.plan.manual import with_manual
from drorch.plan.model import PLAN_SCHEMA, Kind, Limits, Phase, Plan, ReplicationAct, Selection, Step, ValidateAct
from drorch.plan.selection import Chosen, Move, Request, select
from drorch.plan.urgency import with_urgency

WITNESSES = 2
"""From how many other sites the loss of a site is proved."""


def build_plan(
    catalog: Catalog,
    *,
    kind: Kind,
    playbooks_id: str,
    lose: str | None = None,
    applications: Sequence[str] = (),
    groups: Sequence[str] = (),
    limits: Limits | None = None,
    estate_id: str | None = None,
) -> Plan:
    """The complete plan for a kind of run.

    ``catalog`` has to be free of error findings. ``lose`` is the site that is lost (failover) or whose applications
    are meant (other kinds). ``applications`` bring their protection groups along. ``estate_id`` is kept as it is: it
    binds the plan to one estate. NotFound for unknown ids; InputInvalid when nothing is selected or the selection does
    not fit the kind.
    """
    request = Request(kind=kind, lose=lose, applications=tuple(applications), groups=tuple(groups))
    limits = limits or Limits()
    chosen = select(catalog, request)
    objectives = {scope.application: catalog.application(scope.application).rto.seconds for scope in chosen.scope}
    steps = with_manual(kind, chosen.moves, _BUILDERS[kind](_Context(catalog, chosen)))
    return Plan(
        schema=PLAN_SCHEMA,
        kind=kind,
        title=_title(request, chosen),
        selection=Selection(lose=lose, applications=request.applications, groups=request.groups),
        lost_site=chosen.lost_site,
        catalog_id=catalog.content_id,
        estate_id=estate_id,
        playbooks_id=playbooks_id,
        scope=chosen.scope,
        steps=with_urgency((_held_to(step, limits) for step in steps), objectives),
        limits=limits,
    )


def build_again(plan: Plan, catalog: Catalog) -> Plan:
    """What the builder makes today of everything that ``plan`` says it was built from; equal unless it was made up."""
    return build_plan(
        catalog,
        kind=plan.kind,
        playbooks_id=plan.playbooks_id,
        lose=plan.selection.lose,
        applications=plan.selection.applications,
        groups=plan.selection.groups,
        limits=plan.limits,
        estate_id=plan.estate_id,
    )


def _held_to(step: Step, limits: Limits) -> Step:
    """The step with the limits of its plan, where it is a proof that waits."""
    act = step.act
    if limits.proof_s is not None and isinstance(act, ValidateAct | ReplicationAct):
        step = replace(step, timeout_s=min(step.timeout_s, limits.proof_s))
    if limits.lag_s is not None and isinstance(act, ReplicationAct):
        step = replace(step, act=replace(act, max_lag_s=min(act.max_lag_s, limits.lag_s)))
    return step


class _Context:
    """The selection with the look-ups all kinds need."""

    def __init__(self, catalog: Catalog, chosen: Chosen) -> None:
        self.catalog = catalog
        self.moves = chosen.moves
        self.lost_site = chosen.lost_site
        self.served = chosen.served()
        self.remote = tuple(scope for scope in self.served.values() if scope.remote_access)
        self.group_of = {app.id: move.group.id for move in chosen.moves for app in move.applications}

    def dependencies(self, application: str) -> tuple[str, ...]:
        """Dependencies that this plan validates, in catalog order of the entry."""
        return tuple(needed for needed in self.catalog.application(application).depends_on if needed in self.served)

    def validated(self, application: str) -> tuple[str, ...]:
        """Ids of the validations of these dependencies."""
        return tuple(f"{needed}/validate" for needed in self.dependencies(application))

    def dependents(self, application: str) -> tuple[str, ...]:
        """Applications of this plan that depend on it directly."""
        return tuple(one for one in self.served if application in self.dependencies(one))

    def groups_needed(self, move: Move) -> tuple[str, ...]:
        """The group itself and every moving group its applications depend on, directly or not, in catalog order."""
        seen: set[str] = set()
        open_ones = [app.id for app in move.applications]
        while open_ones:
            application = open_ones.pop()
            if application not in seen:
                seen.add(application)
                open_ones += self.dependencies(application)
        wanted = {self.group_of[one] for one in seen if one in self.group_of} | {move.group.id}
        return tuple(other.group.id for other in self.moves if other.group.id in wanted)

    def remote_validations(self, *, drill: bool = False) -> Iterator[Step]:
        """Remote-access applications: reachability behind the validation of what they are reached through."""
        for scope in self.remote:
            yield make.validate(scope, scope.to_site or "", needs=self.validated(scope.application), drill=drill)


def _starts(context: _Context, data_step: str) -> Iterator[Step]:
    for move in context.moves:
        for app in move.applications:
            needs = (f"{move.group.id}/{data_step}", *context.validated(app.id))
            yield make.start(move, app, needs, lost_site=context.lost_site)
            yield make.validate(context.served[app.id], move.to_site, needs=(f"{app.id}/start",))
    yield from context.remote_validations()


def _failover(context: _Context) -> Iterator[Step]:
    lost = context.lost_site or ""
    # The site that was lost does not vouch for itself.
    witnesses = tuple(site.id for site in context.catalog.sites if site.id != lost)[:WITNESSES]
    if len(witnesses) < WITNESSES:
        raise InputInvalid(
            f"the loss of {lost} has to be seen from {WITNESSES} other sites, the catalog has {len(witnesses)}",
            where=context.catalog.source,
            next_step="add the missing sites to the catalog",
        )
    yield make.witness(lost, witnesses)
    for move in context.moves:
        yield make.recover(move, (f"{lost}/witness",))
    yield from _starts(context, "recover")


def _hand_over(context: _Context) -> Iterator[Step]:
    for move in context.moves:
        checks = tuple(f"{group}/check" for group in context.groups_needed(move))
        yield make.fence(move, checks)
        yield make.handover(move, (f"{move.group.id}/fence",))
        yield make.replication(
            move, "protected", primary=move.to_site, standby=move.from_site,
            needs=(f"{move.group.id}/handover",), phase=Phase.VALIDATE,
        )  # fmt: skip
    yield from _starts(context, "handover")


def _names_by_site(pairs: Iterable[tuple[str, str]]) -> Iterator[Step]:
    by_site: dict[str, list[str]] = {}
    for site, application in pairs:
        by_site.setdefault(site, []).append(application)
    for site, names in by_site.items():
        yield make.site_names(site, tuple(names))


def _switchover(context: _Context) -> Iterator[Step]:
    yield from _names_by_site((move.from_site, app.id) for move in context.moves for app in move.applications)
    for move in context.moves:
        yield make.replication(
            move, "check", primary=move.from_site, standby=move.to_site, needs=(f"{move.from_site}/names",)
        )
    yield from _hand_over(context)


def _failback(context: _Context) -> Iterator[Step]:
    for move in context.moves:
        # Rewinding the old primary of a group that never failed over would destroy the data in use.
        yield make.group_names(move)
        yield make.return_old_primary(move, (f"{move.group.id}/names",))
        yield make.replication(
            move, "check", primary=move.from_site, standby=move.to_site, needs=(f"{move.group.id}/return",)
        )
    yield from _hand_over(context)


def _drill(context: _Context) -> Iterator[Step]:
    for move in context.moves:
        group = move.group.id
        check = (f"{group}/check",)
        yield make.replication(move, "check", primary=move.from_site, standby=move.to_site, needs=())
        yield make.drill_copy(move, check)
        for app in move.applications:
            yield make.drill_start(move, app, (f"{group}/drill", *context.validated(app.id)))
            yield make.validate(context.served[app.id], move.to_site, needs=(f"{app.id}/drill-start",), drill=True)
            users = tuple(f"{one}/validate" for one in context.dependents(app.id))
            # Behind the check only: without it nothing was started. Everything else may have failed half-way.
            yield make.drill_stop(move, app, check, (f"{app.id}/drill-start", f"{app.id}/validate", *users))
        stops = tuple(f"{app.id}/drill-stop" for app in move.applications)
        yield make.drill_clean_up(move, check, (f"{group}/drill", *stops))
        yield make.replication(
            move, "protected", primary=move.from_site, standby=move.to_site, needs=(f"{group}/drill-clean-up",),
            phase=Phase.CLEAN_UP,
        )  # fmt: skip
    yield from context.remote_validations(drill=True)


def _readiness(context: _Context) -> Iterator[Step]:
    own = tuple(scope for scope in context.served.values() if not scope.remote_access)
    yield from _names_by_site((scope.from_site, scope.application) for scope in own)
    for move in context.moves:
        yield make.replication(move, "check", primary=move.from_site, standby=move.to_site, needs=())
        yield make.ready(move, (f"{move.group.id}/check",))
    for scope in own:
        # Nothing moves: each application is looked at for itself, so that one failure hides no other.
        yield make.validate(scope, scope.from_site, needs=())
    yield from context.remote_validations()


_BUILDERS: Mapping[Kind, Callable[[_Context], Iterator[Step]]] = MappingProxyType(
    {
        Kind.FAILOVER: _failover,
        Kind.SWITCHOVER: _switchover,
        Kind.FAILBACK: _failback,
        Kind.DRILL: _drill,
        Kind.READINESS: _readiness,
    }
)


def _title(request: Request, chosen: Chosen) -> str:
    parts = (*request.groups, *request.applications)
    what = ", ".join(parts[:3]) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")
    if request.kind is Kind.FAILOVER:
        return f"Failover: loss of {chosen.lost_site}" + (f", {what} only" if what else "")
    if not what and request.lose is not None:
        what = f"all applications of {request.lose}"
    return f"{request.kind.value.capitalize()}: {what or 'all applications'}"
