"""The plan's linter: returns findings and never raises on a wrong plan.

Errors make a plan unusable; warnings are for a person to weigh; notes say what the plan relies on and does not do.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date

from drorch.catalog.model import Catalog
from drorch.core.diff import ChangeKind
from drorch.core.errors import DrorchError
from drorch.core.findings import Finding, Severity
from drorch.plan.build import build_again
from drorch.plan.codec import plan_id
from drorch.plan.critical import validated_after
from drorch.plan.diff import diff_plans
from drorch.plan.graph import ancestors, find_cycle, reversed_edges, waits_for
from drorch.plan.kinds import templates, unfit_steps, unknown_things
from drorch.plan.model import (
    STATE_CHANGING,
    Kind,
    ManualAct,
    Phase,
    Plan,
    PlaybookAct,
    Step,
    ValidateAct,
    WitnessAct,
)

Found = Iterator[Finding]
REBUILD = "build the plan again with `drorch plan build`"
NOT_AS_BUILT = "not-as-built"


def check_plan(plan: Plan, catalog: Catalog, *, on: date | None = None) -> tuple[Finding, ...]:
    """Everything noticed about a plan. ``on`` is the day it is meant for: without it site validity is not judged."""
    shape = (*_ids(plan), *_loose_ends(plan), *_harmless(plan), *_steps_alone(plan), *_belongs(plan, catalog))
    foreign = (*_of_another_kind(plan, catalog), *_as_built(plan, catalog))
    if any(finding.severity is Severity.ERROR for finding in shape):
        # What follows walks the graph and the catalog; on a broken one it would only add noise.
        return (*shape, *foreign)
    graph = _Graph(plan, catalog)
    found = [finding for rule in _RULES for finding in rule(graph)]
    return (*shape, *foreign, *found, *(_validity(graph, on) if on is not None else ()))


class _Graph:
    """A plan of sound shape with its look-ups."""

    def __init__(self, plan: Plan, catalog: Catalog) -> None:
        edges = waits_for(plan.steps)
        self.plan = plan
        self.catalog = catalog
        self.before = ancestors(edges)
        self.behind = ancestors(reversed_edges(edges))
        self.starts = {
            step.subject: step for step in plan.steps if step.phase is Phase.SERVE and isinstance(step.act, PlaybookAct)
        }
        self.validations = {step.act.application: step for step in plan.steps if isinstance(step.act, ValidateAct)}
        self.scope = {scope.application: scope for scope in plan.scope}


def _error(code: str, subject: str, message: str, next_step: str = REBUILD) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, subject=subject, message=message, next_step=next_step)


def _ids(plan: Plan) -> Found:
    for step_id, count in Counter(step.id for step in plan.steps).items():
        if count > 1:
            yield _error("duplicate-step", step_id, f"step {step_id} is there {count} times")
    for name, count in Counter(scope.application for scope in plan.scope).items():
        if count > 1:
            yield _error("duplicate-scope", name, f"application {name} is in the scope {count} times")


def _loose_ends(plan: Plan) -> Found:
    known = {step.id for step in plan.steps}
    for step in plan.steps:
        for needed in step.needs + step.after:
            if needed not in known:
                yield _error("unknown-need", step.id, f"{step.id} waits for {needed}, which is not in the plan")
    cycle = find_cycle(waits_for(plan.steps))
    if cycle:
        yield _error("cycle", cycle[0], f"the steps wait for each other: {' → '.join(cycle)}")
        return
    seen: set[str] = set()
    for step in plan.steps:
        if any(needed in known and needed not in seen for needed in step.needs + step.after):
            yield _error("order", step.id, f"{step.id} stands before a step it waits for")
        seen.add(step.id)


def _harmless(plan: Plan) -> Found:
    if not plan.steps:
        yield _error("empty", "plan", "the plan has no steps: it would succeed without doing anything")
    if plan.kind not in STATE_CHANGING:
        for step in plan.steps:
            if step.changes_state:
                yield _error("changes-state", step.id, f"a {plan.kind} plan must not change anything, {step.id} does")


def _steps_alone(plan: Plan) -> Found:
    for step in plan.steps:
        if step.timeout_s <= 0:
            yield _error("no-timeout", step.id, f"{step.id} has no time limit: it could hold the run for ever")
        elif step.estimate_s > step.timeout_s:
            yield _error("estimate-beyond-timeout", step.id, f"{step.id} is expected to take longer than its limit")
        if isinstance(step.act, PlaybookAct) and not step.act.hosts:
            yield _error("no-hosts", step.id, f"{step.id} expects no host: it would succeed without doing anything")
        if isinstance(step.act, WitnessAct) and (
            len(set(step.act.witnesses)) < 2 or step.act.site in step.act.witnesses
        ):
            yield _error("weak-witness", step.id, f"{step.id} needs two witnesses other than {step.act.site}")
        if isinstance(step.act, ManualAct) and not (step.act.text.strip() and step.act.role.strip()):
            yield _error("no-instructions", step.id, f"{step.id} does not say what has to be done by hand, or by whom")


def _belongs(plan: Plan, catalog: Catalog) -> Found:
    if plan.catalog_id != catalog.content_id:
        yield _error("catalog-changed", "plan", "the plan was built from another version of the catalog")
    for problem in unknown_things(plan, catalog):
        yield _error(*problem)


def _of_another_kind(plan: Plan, catalog: Catalog) -> Found:
    for problem in (*unfit_steps(plan, catalog), *templates(plan)):
        yield _error(*problem)


def _as_built(plan: Plan, catalog: Catalog) -> Found:
    """A plan is what the builder builds of its catalog and its selection; nothing else is a plan."""
    if plan.catalog_id != catalog.content_id:
        return  # it was built of something else: that is said already
    try:
        built = build_again(plan, catalog)
    except DrorchError as error:
        yield _error(NOT_AS_BUILT, "plan", f"nothing can be built of what the plan says it is about: {error.what}")
        return
    if plan_id(built) != plan_id(plan):
        yield _error(NOT_AS_BUILT, "plan", f"the plan is not what drorch builds: {_differences(built, plan)}")


def _differences(built: Plan, plan: Plan) -> str:
    changes = diff_plans(built, plan)
    if not changes:
        return "its steps stand in another order"
    first = changes[0]
    what = f"{first.subject} {first.field} is {reprlib.repr(first.new)} instead of {reprlib.repr(first.old)}"
    if first.field is None:
        what = f"{first.subject} is {'not built' if first.kind is ChangeKind.ADDED else 'missing'}"
    more = f", and {len(changes) - 1} more differences" if len(changes) > 1 else ""
    return f"{what}{more}"


def _gates(graph: _Graph) -> Found:
    """Nothing is changed before something was checked, and nothing is changed without a proof behind it."""
    for step in graph.plan.steps:
        if not step.changes_state:
            continue
        if not any(_is_proof(graph, before) for before in graph.before[step.id]):
            yield _error("no-gate", step.id, f"{step.id} changes state and no check comes before it")
        if not any(_is_proof(graph, behind) for behind in graph.behind[step.id]):
            yield _error("no-proof", step.id, f"{step.id} changes state and no proof comes behind it")


def _is_proof(graph: _Graph, step_id: str) -> bool:
    step = graph.plan.by_id[step_id]
    return not step.changes_state and not isinstance(step.act, ManualAct)  # a person's word proves nothing


def _lost_site(graph: _Graph) -> Found:
    """Failover: promoting while the old primary lives makes two of them."""
    if graph.plan.kind is not Kind.FAILOVER:
        return
    proofs = {step.id for step in graph.plan.steps if isinstance(step.act, WitnessAct)}
    if graph.plan.lost_site is None:
        yield _error("no-lost-site", "plan", "a failover plan has to name the lost site")
    for step in graph.plan.steps:
        act = step.act
        if isinstance(act, WitnessAct) and act.site != graph.plan.lost_site:
            yield _error("wrong-witness", step.id, f"{step.id} looks at {act.site}, lost is {graph.plan.lost_site}")
        if step.changes_state and not proofs & _needed(graph.plan, step):
            yield _error("no-witness", step.id, f"{step.id} does not need the proof that the site is lost")
    yield from _on_lost_site(graph)


def _on_lost_site(graph: _Graph) -> Found:
    for step in graph.plan.steps:
        if step.changes_state and step.site == graph.plan.lost_site:
            yield _error("acts-on-lost-site", step.id, f"{step.id} wants to act at {step.site}, which is lost")


def _fences(graph: _Graph) -> Found:
    """Switchover and failback: the old side is stopped before the roles change."""
    if graph.plan.kind not in (Kind.SWITCHOVER, Kind.FAILBACK):
        return
    for step in graph.plan.steps:
        if step.phase is not Phase.RECOVER:
            continue
        needed = (graph.plan.by_id[one] for one in _needed(graph.plan, step))
        if not any(one.phase is Phase.FENCE and one.subject == step.subject for one in needed):
            yield _error("no-fence", step.id, f"{step.id} does not need the old side of {step.subject} to be stopped")


def _needed(plan: Plan, step: Step) -> frozenset[str]:
    """Everything the step needs through ``needs`` alone: only that keeps it from starting when it fails."""
    seen: set[str] = set()
    open_ones = list(step.needs)
    while open_ones:
        one = open_ones.pop()
        if one not in seen:
            seen.add(one)
            open_ones += plan.by_id[one].needs
    return frozenset(seen)


def _applications(graph: _Graph) -> Found:
    """Every application in scope has exactly one validation, and what is started is validated afterwards."""
    for name, scope in graph.scope.items():
        count = sum(isinstance(step.act, ValidateAct) and step.act.application == name for step in graph.plan.steps)
        if scope.to_site is not None and count != 1:
            yield _error(
                "not-validated", name, f"{name} is in the scope and is validated {count} times instead of once"
            )
        elif scope.to_site is None and (count or name in graph.starts):
            yield _error("not-recoverable", name, f"{name} cannot be recovered ({scope.reason}) but has steps")
        elif scope.to_site is None:
            yield Finding(
                code="not-recovered", severity=Severity.WARNING, subject=name,
                message=f"{name} is not recovered by this plan: {scope.reason}",
            )  # fmt: skip
    for name, start in graph.starts.items():
        proof = graph.validations.get(name)
        if proof is None or start.id not in _needed(graph.plan, proof):
            yield _error("start-not-validated", start.id, f"{name} is started and not validated afterwards")
    for name, proof in graph.validations.items():
        expected = graph.scope[name].to_site if name in graph.scope else None
        if not isinstance(proof.act, ValidateAct) or proof.act.site != expected:
            yield _error("wrong-site", proof.id, f"{proof.id} does not look where the scope says {name} should be")


def _dependencies(graph: _Graph) -> Found:
    """What an application depends on is proved first; what the plan does not touch is said."""
    for name in graph.scope:
        first = graph.starts.get(name) or graph.validations.get(name)
        if first is None:
            continue
        needed = _needed(graph.plan, first)
        moves = name in graph.starts or graph.scope[name].remote_access
        for dependency in graph.catalog.application(name).depends_on:
            proof = graph.validations.get(dependency)
            if proof is not None:
                if moves and proof.id not in needed:
                    yield _error("dependency-order", first.id, f"{first.id} does not need {proof.id}")
            elif dependency in graph.scope:
                yield Finding(
                    code="dependency-not-recovered", severity=Severity.WARNING, subject=name,
                    message=f"{name} depends on {dependency}, which this plan does not recover",
                )  # fmt: skip
            else:
                yield _out_of_scope(graph, name, dependency)


def _out_of_scope(graph: _Graph, name: str, dependency: str) -> Finding:
    home = graph.catalog.primary_site_of(graph.catalog.application(dependency))
    if home == graph.plan.lost_site:
        return Finding(
            code="dependency-lost", severity=Severity.WARNING, subject=name,
            message=f"{name} depends on {dependency}, which runs at the lost {home} and is not part of this plan",
            next_step=f"add --app {dependency}, or build the plan with --lose {home} alone",
        )  # fmt: skip
    return Finding(
        code="dependency-out-of-scope", severity=Severity.NOTE, subject=name,
        message=f"{name} depends on {dependency}, which is not part of this plan and is not looked at",
    )  # fmt: skip


def _objectives(graph: _Graph) -> Found:
    """An RTO shorter than the chain of steps in front of the validation cannot be met, however fast the day is."""
    if graph.plan.kind is Kind.READINESS:
        return
    for name, seconds in validated_after(graph.plan).items():
        rto = graph.catalog.application(name).rto.seconds
        if seconds > rto:
            yield Finding(
                code="rto-too-short", severity=Severity.WARNING, subject=name,
                message=f"{name}: RTO {rto:g} s, but the steps up to its validation are expected to take {seconds:g} s",
                next_step="shorten its dependencies or correct the objective in the catalog",
            )  # fmt: skip


def _clean_up(graph: _Graph) -> Found:
    """Clean-up has to be reached also when what it cleans up failed; whatever a drill starts is cleaned up."""
    cleaning = [step for step in graph.plan.steps if step.phase is Phase.CLEAN_UP and step.changes_state]
    for step in cleaning:
        blockers = sorted(one for one in _needed(graph.plan, step) if graph.plan.by_id[one].changes_state)
        if blockers:
            yield _error("unreachable-clean-up", step.id, f"{step.id} is not reached when {blockers[0]} fails")
    if graph.plan.kind is not Kind.DRILL:
        return
    for step in graph.plan.steps:
        if not step.changes_state or step.phase is Phase.CLEAN_UP:
            continue
        if not any(clean.subject == step.subject and step.id in graph.before[clean.id] for clean in cleaning):
            yield _error("no-clean-up", step.id, f"{step.id} leaves something behind that no step cleans up")


def _needed_longer(graph: _Graph) -> Found:
    """The plan relies on a site that ends before its applications are no longer needed."""
    for site_id, names in _by_site(graph).items():
        site = graph.catalog.site(site_id)
        needs = [(graph.catalog.application(name).need_until, name) for name in names]
        longest = max(((until, name) for until, name in needs if until is not None), default=None)
        if site.valid_until is not None and longest is not None and longest[0] > site.valid_until:
            yield _at_site(
                graph, site_id, "site-ends-first",
                f"the plan relies on {site_id}, which is valid until {site.valid_until}; {longest[1]} is needed until "
                f"{longest[0]}",
            )  # fmt: skip


def _validity(graph: _Graph, on: date) -> Found:
    """A plan must not rely on a site that is not there on the day."""
    for site_id in _by_site(graph):
        site = graph.catalog.site(site_id)
        if site.valid_until is not None and on > site.valid_until:
            text = f"the plan relies on {site_id} on {on}, which is valid until {site.valid_until}"
            yield _at_site(graph, site_id, "site-not-valid", text)
        elif site.valid_from is not None and on < site.valid_from:
            text = f"the plan relies on {site_id} on {on}, which is valid from {site.valid_from}"
            yield _at_site(graph, site_id, "site-not-valid", text)


def _by_site(graph: _Graph) -> dict[str, list[str]]:
    """Applications by the site the plan relies on for them."""
    found: dict[str, list[str]] = {}
    for scope in graph.plan.scope:
        if scope.to_site is not None:
            found.setdefault(scope.to_site, []).append(scope.application)
    return found


def _at_site(graph: _Graph, site_id: str, code: str, message: str) -> Finding:
    line = graph.catalog.lines.get(f"sites.{site_id}")
    return Finding(
        code=code, severity=Severity.WARNING, subject=site_id, message=message,
        where=f"{graph.catalog.source}:{line}" if line else graph.catalog.source,
        next_step="prolong the arrangement for the site or move its applications",
    )  # fmt: skip


_RULES: tuple[Callable[[_Graph], Found], ...] = (
    _gates, _lost_site, _fences, _applications, _dependencies, _objectives, _clean_up,
    _needed_longer,
)  # fmt: skip
