"""Accounts, tokens and the audit log, for admins; and everybody's own password and tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import Account, Role, Token
from drorch.core.codec import plain
from drorch.core.errors import NotFound
from drorch.interfaces.http.api.base import (
    Ctx,
    IfMatch,
    Input,
    Limit,
    Line,
    Name,
    Who,
    Word,
    api_router,
    check_match,
    etag_of,
    tagged,
)
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.authorize import address_of, web_of
from drorch.interfaces.http.security.rules import require

router = api_router("", "accounts")
ADMIN = require(Role.ADMIN)
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
Departments = Annotated[list[Word], Field(max_length=500)]


class AccountBody(Input):
    """A new account. Without a password only tokens, or an OpenID provider, open it."""

    login: Word
    person: Line = Field(description="Who it is. All accounts of one person are one person for two-person rules.")
    roles: Roles
    departments: Departments = Field(default=[])
    break_glass: bool = False
    oidc_subject: Line | None = None
    password: SecretStr | None = None


class AccountChange(Input):
    """What is named changes."""

    person: Line | None = None
    roles: Roles | None = None
    departments: Departments | None = None
    disabled: bool | None = None


class PasswordBody(Input):
    """Another password."""

    password: SecretStr


class OwnPasswordBody(PasswordBody):
    """The present one shows that it is you."""

    present: SecretStr


class TokenBody(Input):
    """A token has some of its account's roles, and an end."""

    label: Line
    roles: Roles
    days: Annotated[int, Field(ge=1, le=366, strict=True)]


class AccountOut(BaseModel):
    """An account."""

    login: str
    person: str
    roles: list[Role]
    departments: list[str]
    break_glass: bool
    disabled: bool
    oidc_subject: str | None
    has_password: bool
    made_by: str
    version: int


class TokenOut(BaseModel):
    """A token, without its secret."""

    id: str
    login: str
    label: str
    roles: list[Role]
    expires: datetime
    made_by: str


class NewToken(TokenOut):
    """``token`` is shown this once."""

    token: str


class AuditPage(BaseModel):
    """Entries, oldest first; ``next_after``: where the next page begins, null at the end."""

    entries: list[dict[str, Any]]
    next_after: int | None


class AuditCheck(BaseModel):
    """Whether nothing was changed or taken out. What is cut off at the end no chain shows."""

    holds: bool
    first_break: int | None


def _out(account: Account) -> AccountOut:
    return AccountOut.model_validate(account.shown())


def _token(token: Token) -> TokenOut:
    return TokenOut.model_validate(plain(token))


def _etag(account: Account) -> str:
    return etag_of("account", account.login, account.version)


@router.get("/users", dependencies=[ADMIN])
def list_users(context: Ctx) -> list[AccountOut]:
    """All accounts."""
    return [_out(account) for account in context.accounts.all()]


@router.post("/users", dependencies=[ADMIN], status_code=201)
def add_user(body: AccountBody, context: Ctx, who: Who) -> AccountOut:
    """Make an account. 412 when the login is taken."""
    account = Account(
        login=body.login,
        person=body.person,
        roles=frozenset(body.roles),
        departments=tuple(body.departments),
        break_glass=body.break_glass,
        oidc_subject=body.oidc_subject,
        made_by=who.name,
    )
    return _out(context.accounts.add(account, body.password.get_secret_value() if body.password else None))


@router.get("/users/{login}", dependencies=[ADMIN])
def show_user(login: Name, context: Ctx, response: Response) -> AccountOut:
    """One account; its ETag is needed to change it."""
    account = context.accounts.get(login)
    tagged(response, _etag(account), None)
    return _out(account)


@router.patch("/users/{login}", dependencies=[ADMIN])
def change_user(
    login: Name, body: AccountChange, context: Ctx, response: Response, if_match: IfMatch = None
) -> AccountOut:
    """Other roles, person or departments; disable, enable. Its sessions end. 428 without If-Match."""
    if if_match is None:
        raise HttpProblem(428, "a change needs If-Match", where="If-Match", next_step="read the account, send its ETag")
    account = context.accounts.get(login)
    check_match(if_match, _etag(account))
    changed = replace(
        account,
        person=account.person if body.person is None else body.person,
        roles=account.roles if body.roles is None else frozenset(body.roles),
        departments=account.departments if body.departments is None else tuple(body.departments),
        disabled=account.disabled if body.disabled is None else body.disabled,
    )
    made = context.accounts.change(changed, expected=account.version)
    tagged(response, _etag(made), None)
    return _out(made)


@router.put("/users/{login}/password", dependencies=[ADMIN], status_code=204)
def set_password(login: Name, body: PasswordBody, context: Ctx) -> None:
    """Another password for an account; its sessions end."""
    context.accounts.set_password(login, body.password.get_secret_value())


@router.get("/users/{login}/tokens", dependencies=[ADMIN])
def list_tokens(login: Name, context: Ctx) -> list[TokenOut]:
    """The account's tokens."""
    context.accounts.get(login)
    return [_token(item) for item in context.accounts.tokens(login)]


@router.delete("/users/{login}/tokens/{token}", dependencies=[ADMIN], status_code=204)
def revoke_token(login: Name, token: Name, context: Ctx) -> None:
    """End a token."""
    if token not in {item.id for item in context.accounts.tokens(login)}:
        raise NotFound(f"{login} has no token {token!r}", next_step="see its tokens")
    context.accounts.revoke(token)


@router.put("/session/password", dependencies=[require()], status_code=204)
def change_own_password(body: OwnPasswordBody, request: Request, context: Ctx, who: Who) -> None:
    """Another password for oneself; all one's sessions end. Not with a token."""
    throttle, address = web_of(request).throttle, address_of(request)
    if throttle.wait_s(who.login, address, break_glass=True) > 0:
        raise HttpProblem(429, "too many wrong passwords", next_step="wait some minutes")
    if who.via != "session" or context.accounts.checked(who.login, body.present.get_secret_value()) is None:
        throttle.failed(who.login, address)
        raise HttpProblem(403, "the present password is wrong", next_step="log in and try again")
    context.accounts.set_password(who.login, body.password.get_secret_value())


@router.get("/session/tokens", dependencies=[require()])
def own_tokens(context: Ctx, who: Who) -> list[TokenOut]:
    """One's own tokens."""
    return [_token(item) for item in context.accounts.tokens(who.login)]


@router.post("/session/tokens", dependencies=[require()], status_code=201)
def issue_token(body: TokenBody, context: Ctx, who: Who) -> NewToken:
    """A token for oneself. Not with a token: it would never end."""
    if who.via != "session":
        raise HttpProblem(403, "a token makes no tokens", next_step="log in, or use 'drorch user token'")
    token, text = context.accounts.issue(who.login, label=body.label, roles=body.roles, days=body.days, by=who.name)
    return NewToken(**_token(token).model_dump(), token=text)


@router.delete("/session/tokens/{token}", dependencies=[require()], status_code=204)
def revoke_own_token(token: Name, context: Ctx, who: Who) -> None:
    """End one of one's own tokens."""
    if token not in {item.id for item in context.accounts.tokens(who.login)}:
        raise NotFound(f"you have no token {token!r}", next_step="see your tokens")
    context.accounts.revoke(token)


@router.get("/audit", dependencies=[ADMIN])
def audit(context: Ctx, after: Annotated[int, Query(ge=0, le=10**12)] = 0, limit: Limit = 200) -> AuditPage:
    """The audit log, oldest first, behind entry ``after``."""
    entries = context.audit.read(after, limit)
    last = entries[-1].get("number") if len(entries) == limit else None
    return AuditPage(entries=list(entries), next_after=last if isinstance(last, int) else None)


@router.get("/audit/check", dependencies=[ADMIN])
def check_audit(context: Ctx) -> AuditCheck:
    """Whether the chain of the audit log holds."""
    line = context.audit.first_break()
    return AuditCheck(holds=line is None, first_break=line)
