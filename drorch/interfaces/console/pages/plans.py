"""Plans: build, read, prepare a run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.catalog.files import load_catalog_file
from drorch.core.errors import DrorchError, InputInvalid, NotFound, Refused
from drorch.core.ids import short
from drorch.core.redact import redact_text
from drorch.interfaces.console.pages.frame import Console, check_reason, go, number, texts_of_form
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.paging import page_of
from drorch.interfaces.console.views.plans import plan_view
from drorch.interfaces.http.run_start import StartWish, start_run
from drorch.interfaces.http.security.rules import require
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_id
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.plan.store import PlanWish, make_plan
from drorch.run.events import AfterDeadline

USUAL_TOTAL = 4
LONGEST_MINUTES = 31 * 24 * 60


def routes(console: Console) -> APIRouter:
    """Everything below /plans."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/plans", dependencies=[require()])
    def plans(request: Request) -> Response:
        page = page_of(desk.plans(), number(request), {})
        return console.page(request, "plans.html", N_("Plans"), "plans", page=page)

    @router.get("/plans/new", dependencies=[require(Role.PLANNER)])
    def new(request: Request) -> Response:
        asked = request.query_params
        form = {"kind": asked.get("kind", "drill"), "lose": asked.get("lose", ""), "groups": (), "total": USUAL_TOTAL}
        return _form(console, request, form, "")

    @router.post("/plans", dependencies=[require(Role.PLANNER)])
    async def build(request: Request) -> Response:
        form = await request.form()
        groups = tuple(str(item) for item in form.getlist("group"))
        texts = texts_of_form(form)
        return await console.in_thread(lambda: _build(console, request, texts, groups))

    @router.get("/plans/{plan}", dependencies=[require()])
    def one(request: Request, plan: str) -> Response:
        return _show(console, request, desk.plan(plan), "")

    @router.post("/plans/{plan}/run", dependencies=[require(Role.OPERATOR)])
    async def prepare(request: Request, plan: str) -> Response:
        texts = texts_of_form(await request.form())
        return await console.in_thread(lambda: _prepare(console, request, plan, texts))

    return router


def _form(
    console: Console, request: Request, form: Mapping[str, object], problem: str, *, status: int = 200
) -> Response:
    catalog, _ = console.desk.catalog()
    groups = [group for group in catalog.groups if group.recovery_site is not None]
    return console.page(
        request, "plan_new.html", N_("Build a plan"), "plans", status=status, form=form, sites=catalog.sites,
        groups=groups, problem=problem,
    )  # fmt: skip


def _build(console: Console, request: Request, form: Mapping[str, str], groups: tuple[str, ...]) -> Response:
    kind, lose, total = form.get("kind", ""), form.get("lose", ""), form.get("total", "")
    try:
        if kind not in {item.value for item in Kind}:
            raise InputInvalid("no kind is chosen", next_step="choose one")
        if not (total.isdecimal() and len(total) < 4 and 1 <= int(total) <= 64):
            raise InputInvalid("playbooks at once: a number from 1 to 64", next_step="correct it")
        catalog = load_catalog_file(console.desk.places.catalog)
        wish = PlanWish(
            kind=Kind(kind),
            lose=lose or None,
            groups=groups,
            limits=Limits(total=int(total)),
            estate=console.context.files.estate,
        )
        plan, findings = make_plan(catalog, wish)
        console.desk.store.keep(plan, findings)
    except InputInvalid as error:
        again = {"kind": kind, "lose": lose, "groups": groups, "total": total}
        return _form(console, request, again, told(error), status=422)
    request.state.noted = f"plan {short(plan_id(plan))}"
    return go(f"/plans/{short(plan_id(plan))}", "built")


def _show(console: Console, request: Request, plan: Plan, problem: str, *, status: int = 200) -> Response:
    desk = console.desk
    catalog, _ = desk.catalog()
    current = plan.catalog_id == catalog.content_id and plan.playbooks_id == playbooks_id(read_playbooks())
    findings = check_plan(plan, catalog) if current else ()
    view = plan_view(plan, catalog, findings, desk.runs_of(plan), current=current)
    return console.page(
        request, "plan.html", N_("Plan"), "plans", status=status, view=view, problem=problem, of_run="",
        once=secrets.token_hex(16),
    )  # fmt: skip


def _prepare(console: Console, request: Request, name: str, form: Mapping[str, str]) -> Response:
    plan = console.desk.plan(name)
    try:
        check_reason(form.get("reason", ""))
        commit, within_s = _commit_policy(form)
        wish = StartWish(
            plan=plan_id(plan),
            reason=redact_text(form["reason"]),
            declare=form.get("declare") == "yes",
            commit=commit,
            commit_within_s=within_s,
            watch=console.desk.standing_watch() if plan.kind is Kind.FAILOVER else None,
        )
        run = start_run(console.context, console.person(request), wish, form.get("once", "")).run
    except (InputInvalid, Refused) as error:
        if isinstance(error, NotFound):
            raise
        return _show(console, request, plan, told(error), status=409)
    request.state.noted = f"run {run} of plan {name}"
    return go(f"/runs/{run}", "prepared" if plan.kind is not Kind.READINESS else "begun")


def _commit_policy(form: Mapping[str, str]) -> tuple[AfterDeadline | None, int]:
    """What was chosen, and its deadline in seconds. InputInvalid for what is no choice or no number."""
    chosen, minutes = form.get("commit", ""), form.get("commit_minutes", "").strip()
    if chosen not in {"", *AfterDeadline}:
        raise InputInvalid(f"there is no commit policy {chosen!r}", next_step="choose one of the list")
    number_like = minutes.isdecimal() and minutes.isascii() and len(minutes) < 6
    if minutes and not (number_like and 1 <= int(minutes) <= LONGEST_MINUTES):
        raise InputInvalid(f"the deadline: whole minutes from 1 to {LONGEST_MINUTES}", next_step="correct it")
    return AfterDeadline(chosen) if chosen else None, int(minutes or 0) * 60


def told(error: DrorchError) -> str:
    """An error in one line for people."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    return ". ".join(part for part in (what, error.next_step) if part)
