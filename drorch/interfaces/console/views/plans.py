"""Plans for people: what would be done, what cannot be recovered, and the drawing of the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, errors
from drorch.plan.codec import plan_id
from drorch.plan.critical import critical_path, estimated_duration
from drorch.plan.diagram.svg import draw_svg
from drorch.plan.model import STATE_CHANGING, TWO_PERSONS, ApplicationScope, Kind, Plan, Step
from drorch.run.commit_policy import agreement_problem
from drorch.run.events import AfterDeadline, CommitAgreed
from drorch.run.interlocks import groups_of

DRAWN = 400
"""Most steps of a plan that is drawn; a larger one is shown as a table only."""
_UNDO = CommitAgreed(then=AfterDeadline.UNDO, within_s=1, person="somebody", reason="asked for")


@dataclass(frozen=True, kw_only=True)
class PlanLine:
    """One plan in the list."""

    id: str
    kind: str
    title: str
    steps: int
    applications: int
    lost: int
    runs: tuple[str, ...]
    current: bool
    """Built from the catalog as it is now."""


def plan_line(plan: Plan, catalog_id: str, runs: Sequence[str]) -> PlanLine:
    """The line of a plan; ``runs`` are those of exactly this plan."""
    return PlanLine(
        id=plan_id(plan),
        kind=plan.kind.value,
        title=plan.title,
        steps=len(plan.steps),
        applications=len(plan.scope),
        lost=sum(scope.to_site is None for scope in plan.scope),
        runs=tuple(runs),
        current=plan.catalog_id == catalog_id,
    )


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """One plan's page."""

    id: str
    plan: Plan
    estimated_s: float
    critical: tuple[Step, ...]
    phases: Mapping[str, int]
    groups: tuple[str, ...]
    not_recovered: tuple[tuple[str, str, str], ...]
    """Id, name and reason."""
    remote: tuple[ApplicationScope, ...]
    findings: tuple[Finding, ...]
    drawing: Markup | None
    runs: tuple[str, ...]
    needs_approval: bool
    needs_second: bool
    needs_declaration: bool
    undoable: bool
    """Whether a deadline may be agreed on after which all of it is undone."""
    current: bool

    @property
    def usable(self) -> bool:
        """Whether a run of it can be begun."""
        return self.current and not errors(self.findings)


def plan_view(
    plan: Plan, catalog: Catalog, findings: Sequence[Finding], runs: Sequence[str], *, current: bool
) -> PlanView:
    """``catalog`` gives the names; one that is not in it any more keeps its id. InputInvalid on a cycle."""
    names = {app.id: app.name for app in catalog.applications}
    return PlanView(
        id=plan_id(plan),
        plan=plan,
        estimated_s=estimated_duration(plan),
        critical=tuple(plan.by_id[step] for step in critical_path(plan)),
        phases=Counter(step.phase.value for step in plan.steps),
        groups=tuple(sorted(groups_of(plan))),
        not_recovered=tuple(
            (scope.application, names.get(scope.application, scope.application), scope.reason or "")
            for scope in plan.scope
            if scope.to_site is None
        ),
        remote=tuple(scope for scope in plan.scope if scope.remote_access and scope.to_site is not None),
        findings=tuple(finding for finding in findings if finding.code != "not-recovered"),
        # The drawing escapes every text itself; it holds no style and no script.
        drawing=Markup(draw_svg(plan, styled=False)) if len(plan.steps) <= DRAWN else None,
        runs=tuple(runs),
        needs_approval=plan.kind in STATE_CHANGING,
        needs_second=plan.kind in TWO_PERSONS,
        needs_declaration=plan.kind is Kind.FAILOVER,
        undoable=agreement_problem(plan, _UNDO) is None,
        current=current,
    )
