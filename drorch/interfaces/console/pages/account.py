"""Log in, log out, the first admin; accounts and the audit log for admins."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import Account, Role
from drorch.core.errors import DrorchError, InputInvalid
from drorch.interfaces.console.pages.frame import Console, go, number, texts_of_form
from drorch.interfaces.console.pages.plans import told
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.paging import page_of
from drorch.interfaces.http.problems import problem_of
from drorch.interfaces.http.security.principal import principal_of
from drorch.interfaces.http.security.rules import public, require
from drorch.interfaces.http.security.signin import first_admin, sign_in, sign_out


def routes(console: Console) -> APIRouter:
    """The pages around a session."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login", dependencies=[public()])
    def login_page(request: Request, to: str = "/") -> Response:
        if principal_of(request) is not None:
            return go(_inside(to))
        return _login(console, request, to, "", 200)

    @router.post("/login", dependencies=[public()])
    async def login(request: Request) -> Response:
        texts = texts_of_form(await request.form())
        return await console.in_thread(lambda: _sign_in(console, request, texts))

    @router.post("/logout", dependencies=[public()])
    def logout(request: Request) -> Response:
        response = go("/login", "out")
        sign_out(request, response)
        return response

    @router.get("/first", dependencies=[public()])
    def first_page(request: Request, code: str = "") -> Response:
        return console.page(request, "first.html", N_("The first account"), "login", code=code, problem="", form={})

    @router.post("/first", dependencies=[public()])
    async def first(request: Request) -> Response:
        texts = texts_of_form(await request.form())
        return await console.in_thread(lambda: _first(console, request, texts))

    @router.get("/users", dependencies=[require(Role.ADMIN)])
    def users(request: Request) -> Response:
        return _users(console, request, "", {})

    @router.post("/users", dependencies=[require(Role.ADMIN)])
    async def add_user(request: Request) -> Response:
        form = await request.form()
        texts, roles = texts_of_form(form), tuple(str(item) for item in form.getlist("role"))
        return await console.in_thread(lambda: _add(console, request, texts, roles))

    @router.get("/audit", dependencies=[require(Role.ADMIN)])
    def audit(request: Request) -> Response:
        entries = list(reversed(console.context.audit.read()))
        page = page_of(entries, number(request), {}, size=100)
        broken = console.context.audit.first_break()
        return console.page(request, "audit.html", N_("Audit"), "audit", page=page, broken=broken)

    return router


def _inside(to: str) -> str:
    return to if to.startswith("/") and not to.startswith("//") and "\\" not in to else "/"


def _login(console: Console, request: Request, to: str, problem: str, status: int) -> Response:
    oidc = console.context.oidc is not None
    return console.page(
        request, "login.html", N_("Log in"), "login", status=status, to=_inside(to), problem=problem, oidc=oidc
    )


def _sign_in(console: Console, request: Request, form: Mapping[str, str]) -> Response:
    to = _inside(form.get("to", "/"))
    response = go(to)
    try:
        sign_in(request, response, form.get("login", "").strip().lower(), form.get("password", ""))
    except DrorchError as error:
        return _login(console, request, to, told(error), problem_of(error).status)
    return response


def _first(console: Console, request: Request, form: Mapping[str, str]) -> Response:
    response = go("/")
    try:
        first_admin(
            request,
            response,
            code=form.get("code", ""),
            login=form.get("login", "").strip().lower(),
            person=form.get("person", ""),
            password=form.get("password", ""),
        )
    except DrorchError as error:
        return console.page(
            request, "first.html", N_("The first account"), "login", status=problem_of(error).status,
            code=form.get("code", ""), problem=told(error), form=form,
        )  # fmt: skip
    return response


def _users(console: Console, request: Request, problem: str, form: Mapping[str, str], status: int = 200) -> Response:
    return console.page(
        request, "users.html", N_("Accounts"), "users", status=status, accounts=console.context.accounts.all(),
        problem=problem, form=form,
    )  # fmt: skip


def _add(console: Console, request: Request, form: Mapping[str, str], roles: tuple[str, ...]) -> Response:
    try:
        if not roles or not set(roles) <= {role.value for role in Role}:
            raise InputInvalid("an account needs a role", next_step="choose at least one")
        account = Account(
            login=form.get("login", "").strip().lower(),
            person=form.get("person", ""),
            roles=frozenset(Role(role) for role in roles),
            made_by=console.person(request).name,
        )
        console.context.accounts.add(account, form.get("password", ""))
    except DrorchError as error:
        return _users(console, request, told(error), form, problem_of(error).status)
    request.state.noted = f"account {account.login}: {', '.join(sorted(account.roles))}"
    return go("/users", "recorded")
