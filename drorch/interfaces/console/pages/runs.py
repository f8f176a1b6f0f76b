"""Runs: the list, the live page, steps, what people ask of them, and the stream of events."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.core.clock import Instant
from drorch.core.errors import DrorchError, InputInvalid, NotFound
from drorch.core.redact import redact_text
from drorch.core.state_folder import run_folder
from drorch.evidence.record.model import Report
from drorch.interfaces.console.pages.frame import Console, check_reason, go, number, query, texts_of_form
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.operator_acts import ACTIONS, consequence
from drorch.interfaces.console.views.paging import Page, page_of
from drorch.interfaces.console.views.plans import plan_view
from drorch.interfaces.console.views.run_list import RunListRow, run_list
from drorch.interfaces.console.views.run_page import run_page, step_page
from drorch.interfaces.console.views.runs import run_card
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.rules import require
from drorch.orchestration.operator_requests import MAX_EVIDENCE_BYTES, Asked, RunNow

RENEW_S = 5
LONGEST_OUTPUT = 200_000
_STEPPED = {"retry", "skip", "resolve"}


def routes(console: Console) -> APIRouter:
    """Everything below /runs but the stream."""
    router, desk = APIRouter(include_in_schema=False), console.desk

    @router.get("/runs", dependencies=[require()])
    def runs(request: Request) -> Response:
        asked = query(request)
        cards = desk.cards()
        found = run_list(cards, asked)
        part = page_of(found, number(request), {name: asked.get(name, "") for name in ("q", "kind", "state")})
        results = desk.results(part.items)
        rows: Page[RunListRow] = Page(
            items=tuple(RunListRow(card=card, result=results.get(card.run)) for card in part.items),
            number=part.number,
            size=part.size,
            total=part.total,
            query=part.query,
        )
        view = {"page": rows, "query": part.query}
        return console.page(request, "runs.html", N_("Runs"), "runs", live=RENEW_S, view=view)

    @router.get("/runs/{run}", dependencies=[require()])
    def one_run(request: Request, run: str) -> Response:
        now, at = desk.run(run), desk.now()
        ended = now.state.ended is not None
        view = run_page(
            now,
            at,
            usual_s=console.usual_s(run),
            requests=desk.requests(run),
            query=query(request),
            page=number(request),
            report=_so_far(console, now),
            may=console.may(request),
            translate=console.texts(request).gettext,
            record=desk.report(run),
            driver_said="" if now.driven or ended else redact_text(console.context.drivers.said(desk.places.home, run)),
        )
        live = {"live": RENEW_S} if ended else {"stream": f"/runs/{run}/stream"}
        return console.page(request, "run.html", run, "runs", view=view, **live)

    @router.get("/runs/{run}/plan", dependencies=[require()])
    def plan_of_run(request: Request, run: str) -> Response:
        opened = desk.service.open(run)
        runs_of = desk.runs_of(opened.plan)
        view = plan_view(opened.plan, opened.catalog, (), runs_of, current=True)
        return console.page(request, "plan.html", N_("Plan"), "runs", view=view, once="", problem="", of_run=run)

    @router.get("/runs/{run}/steps/{subject}/{verb}", dependencies=[require()])
    def one_step(request: Request, run: str, subject: str, verb: str) -> Response:
        now, step = desk.run(run), f"{subject}/{verb}"
        if step not in now.plan.by_id:
            raise NotFound(f"the plan has no step {step!r}", where=f"run {run}", next_step="see the steps of the run")
        folder = run_folder(console.context.home, run).path / "playbooks"
        view = step_page(
            now, step, desk.now(), may=console.may(request), output_of=lambda ident: _output(folder / ident)
        )
        live = 0 if now.state.ended is not None else RENEW_S
        return console.page(request, "step.html", step, "runs", live=live, view=view)

    @router.get("/runs/{run}/do/{action}", dependencies=[require()])
    def confirm(request: Request, run: str, action: str, step: str = "") -> Response:
        return _confirm(console, request, run, action, step or None)

    return router


def asking(console: Console) -> APIRouter:
    """What changes a run. Each action is a route of its own, so that each has its own rule of access."""
    router = APIRouter(include_in_schema=False)

    def handler(action: str, role: Role) -> None:
        async def ask(request: Request, run: str) -> Response:
            form = await request.form()
            texts = texts_of_form(form)
            upload = form.get("evidence_file")
            content = await upload.read(MAX_EVIDENCE_BYTES + 1) if isinstance(upload, UploadFile) else b""
            name = (upload.filename or "") if isinstance(upload, UploadFile) else ""
            return await console.in_thread(lambda: _ask(console, request, run, action, texts, name, content))

        router.add_api_route(
            f"/runs/{{run}}/do/{action}", ask, methods=["POST"], dependencies=[require(role)], name=f"ask-{action}"
        )

    for action in ACTIONS.values():
        handler(action.id, Role(action.role))
    return router


def _so_far(console: Console, now: RunNow) -> tuple[Report, Instant, float] | None:
    report = console.desk.report(now.run) if now.state.ended is not None else None
    if report is not None and report.run.journal_events == len(now.events):
        return report, now.events[-1].at, now.events[-1].at.since(now.events[0].at)
    try:
        made = console.so_far.of(now)
    except DrorchError:
        return None  # its estate or catalog cannot be read; the journal is shown all the same
    return made.report, made.at, made.now_s


def _output(folder: Path) -> str:
    """What the playbook said. It was redacted when it was written; redacting again costs nothing."""
    try:
        with (folder / "stdout").open("rb") as stream:
            return redact_text(stream.read(LONGEST_OUTPUT).decode("utf-8", "replace"))
    except OSError:
        return ""


def _confirm(
    console: Console,
    request: Request,
    run: str,
    action: str,
    step: str | None,
    *,
    problem: str = "",
    reason: str = "",
    status: int = 200,
) -> Response:
    if action not in ACTIONS:
        raise NotFound(f"there is no action {action!r}", next_step="go back to the run")
    now = console.desk.run(run)
    if step is not None and step not in now.plan.by_id:
        raise NotFound(f"the plan has no step {step!r}", where=f"run {run}", next_step="see the steps of the run")
    if ACTIONS[action].of_step and step is None:
        raise InputInvalid("no step is named", next_step="choose the step on the page of the run")
    view = consequence(now, action, step, console.desk.now())
    return console.page(
        request, "confirm.html", ACTIONS[action].title, "runs", status=status, view=view, run=run_card(now),
        problem=problem, reason=reason,
    )  # fmt: skip


def _ask(
    console: Console, request: Request, run: str, action: str, form: Mapping[str, str], name: str, content: bytes
) -> Response:
    step = form.get("step") or None
    try:
        driven = _do(console, request, run, action, form, name, content)
    except (InputInvalid, DrorchError) as error:
        if isinstance(error, NotFound | HttpProblem):
            raise
        problem = f"{error.what}. {error.next_step or ''}".strip()
        return _confirm(console, request, run, action, step, problem=problem, reason=form.get("reason", ""), status=409)
    if driven:
        return go(f"/runs/{run}", "asked")
    started = console.drive(run, action)
    return go(f"/runs/{run}", "started" if started else "not-driven")


def _do(
    console: Console, request: Request, run: str, action: str, form: Mapping[str, str], name: str, content: bytes
) -> bool:
    """Ask it; whether a driver is at the run and takes it up."""
    operations, person = console.context.operations, console.person(request).name
    reason, step = form.get("reason", ""), form.get("step", "")
    request.state.noted = f"{action} {run} {step}".strip()
    if action == "attach":
        check_reason(reason)
        operations.refuse_second_driver(run)
        return False
    who = {"person": person, "reason": reason}
    if action == "approve":
        return operations.approve(run, plan=form.get("plan", "").replace(" ", ""), **who).driven
    if action == "override":
        second = console.second_person(request, form.get("second", ""), form.get("second_password", ""))
        at_step = form.get("at_step", "").strip() or None
        return operations.override(
            run, form.get("interlock", ""), step=at_step, person=person, second_person=second, reason=reason
        ).driven
    if action == "undo":
        return operations.undo(run, (step,) if step else (), **who).driven
    if action == "resolve":
        return _resolve(console, run, step, form.get("evidence", ""), name, content, who).driven
    if action in _STEPPED:
        asks = {"retry": operations.retry, "skip": operations.skip}
        return asks[action](run, step, **who).driven
    plain = {
        "pause": operations.pause,
        "resume": operations.resume,
        "stop": operations.stop,
        "commit": operations.commit,
        "clean-up": operations.clean_up,
    }
    return plain[action](run, **who).driven


def _resolve(
    console: Console, run: str, step: str, text: str, name: str, content: bytes, who: Mapping[str, str]
) -> Asked:
    """With the uploaded file as evidence when there is one, else with the text."""
    person, reason = who["person"], who["reason"]
    if not content:
        # A text of the web must not name a file of this machine.
        return console.context.operations.resolve(
            run, step, evidence=text, may_be_file=False, person=person, reason=reason
        )
    with tempfile.TemporaryDirectory() as folder:
        safe = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in Path(name).name)[-80:] or "evidence"
        file = Path(folder) / safe
        file.write_bytes(content)
        return console.context.operations.resolve(run, step, evidence=str(file), person=person, reason=reason)
