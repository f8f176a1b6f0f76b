"""Plans: build, look at, check, compare. Nothing is run here."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.catalog.files import load_catalog_file
from drorch.core.codec import plain
from drorch.core.findings import Finding
from drorch.interfaces.http.api.base import Ctx, Cursor, Input, Limit, Name, Page, Word, api_router, page_of
from drorch.interfaces.http.security.rules import require
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_id, plan_to_json
from drorch.plan.critical import critical_path, estimated_duration
from drorch.plan.diagram.svg import draw_svg
from drorch.plan.diff import diff_plans
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.store import PlanStore, PlanWish, make_plan

router = api_router("/plans", "plans")
SVG_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A drawing carries its own style; it may do nothing else, also when it is opened by itself."""


class PlanBody(Input):
    """As ``drorch plan build``."""

    kind: Kind
    lose: Word | None = None
    applications: list[Word] = Field(default=[], max_length=20_000)
    groups: list[Word] = Field(default=[], max_length=5_000)
    parallel: Annotated[int, Field(ge=1, le=10_000, strict=True)] = Limits().total
    per_site: Annotated[int, Field(ge=1, le=10_000, strict=True)] = Limits().per_site


class NotRecovered(BaseModel):
    """An application in scope that this plan cannot bring back."""

    application: str
    reason: str | None


class FindingOut(BaseModel):
    """Something to be said about a catalog or a plan."""

    severity: str
    code: str
    message: str
    where: str | None = None
    next_step: str | None = None


class PlanSummary(BaseModel):
    """A plan in short."""

    id: str
    kind: Kind
    title: str
    lost_site: str | None
    catalog_id: str
    playbooks_id: str
    steps: int
    applications: int
    estimated_s: float
    critical_path: list[str]
    not_recovered: list[NotRecovered]


class BuiltPlan(PlanSummary):
    """A plan that was just built and is kept."""

    findings: list[FindingOut]


class Change(BaseModel):
    """One difference; ``field`` null: the whole subject is there in one plan only."""

    kind: str
    subject: str
    field: str | None = None
    old: Any = None
    new: Any = None


def summary_of(plan: Plan) -> PlanSummary:
    """In short."""
    return PlanSummary(
        id=plan_id(plan),
        kind=plan.kind,
        title=plan.title,
        lost_site=plan.lost_site,
        catalog_id=plan.catalog_id,
        playbooks_id=plan.playbooks_id,
        steps=len(plan.steps),
        applications=len(plan.scope),
        estimated_s=estimated_duration(plan),
        critical_path=list(critical_path(plan)),
        not_recovered=[
            NotRecovered(application=scope.application, reason=scope.reason)
            for scope in plan.scope
            if scope.to_site is None
        ],
    )


def finding_out(finding: Finding) -> FindingOut:
    """As JSON."""
    return FindingOut(
        severity=finding.severity.value,
        code=finding.code,
        message=finding.message,
        where=finding.where,
        next_step=finding.next_step,
    )


@router.post("", dependencies=[require(Role.PLANNER, Role.OPERATOR)], status_code=201)
def build(body: PlanBody, context: Ctx, response: Response) -> BuiltPlan:
    """Build, check and keep a plan; 422 when it has errors. The same wish gives the same plan."""
    wish = PlanWish(
        kind=body.kind,
        lose=body.lose,
        applications=tuple(body.applications),
        groups=tuple(body.groups),
        limits=Limits(total=body.parallel, per_site=body.per_site),
        estate=context.files.estate,
    )
    plan, findings = make_plan(load_catalog_file(context.files.catalog), wish)
    kept = PlanStore(context.home).keep(plan, findings)
    response.headers["Location"] = f"{router.prefix}/{kept}"
    return BuiltPlan(**summary_of(plan).model_dump(), findings=[finding_out(item) for item in findings])


@router.get("", dependencies=[require()])
def list_plans(context: Ctx, cursor: Cursor = None, limit: Limit = 50) -> Page[PlanSummary]:
    """All plans that are kept, newest first."""
    store = PlanStore(context.home)
    page = page_of(store.ids(), str, cursor, limit)
    return Page(items=[summary_of(store.find(item)) for item in page.items], next=page.next, total=page.total)


@router.get("/{plan}", dependencies=[require()])
def show(plan: Name, context: Ctx) -> dict[str, Any]:
    """The whole plan: its id, and every step."""
    found = PlanStore(context.home).find(plan)
    return {"id": plan_id(found), "plan": plan_to_json(found)}


@router.get("/{plan}/summary", dependencies=[require()])
def show_summary(plan: Name, context: Ctx) -> PlanSummary:
    """The plan in short."""
    return summary_of(PlanStore(context.home).find(plan))


@router.get("/{plan}/findings", dependencies=[require()])
def check(
    plan: Name,
    context: Ctx,
    on: Annotated[date | None, Query(description="Day it is meant for: judges site validity.")] = None,
) -> list[FindingOut]:
    """Faults of a plan against the catalog as it is now."""
    found = PlanStore(context.home).find(plan)
    catalog = load_catalog_file(context.files.catalog)
    return [finding_out(item) for item in check_plan(found, catalog, on=on)]


@router.get("/{plan}/diff/{other}", dependencies=[require()])
def diff(plan: Name, other: Name, context: Ctx) -> list[Change]:
    """What is different in ``other``."""
    store = PlanStore(context.home)
    return [Change(**plain(change)) for change in diff_plans(store.find(plan), store.find(other))]


@router.get(
    "/{plan}/graph.svg",
    dependencies=[require()],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)
def graph(plan: Name, context: Ctx) -> Response:
    """The plan as a drawing."""
    found = PlanStore(context.home).find(plan)
    headers = {"Content-Security-Policy": SVG_CSP}
    return Response(draw_svg(found), media_type="image/svg+xml", headers=headers)
