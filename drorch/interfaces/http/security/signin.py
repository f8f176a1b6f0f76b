"""Log in and out, and make the first admin. Used by the API and by the pages alike."""

from __future__ import annotations

import math
import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import Account, Accounts, Role, digest
from drorch.core.clock import Clock
from drorch.core.errors import Refused
from drorch.core.records import Records
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.authorize import address_of, web_of
from drorch.interfaces.http.security.principal import Principal

FIRST, FIRST_KEY = "first-admin", "code"
FIRST_LASTS_S = 3600.0


def sign_in(request: Request, response: Response, login: str, password: str) -> Principal:
    """Begin a session for a local account. HttpProblem 401 when it is wrong, 429 after too many tries."""
    web, address = web_of(request), address_of(request)
    request.state.tried_login = login
    account = web.context.accounts.find(login)
    wait = web.throttle.wait_s(login, address, break_glass=account is not None and account.break_glass)
    if wait > 0:
        raise HttpProblem(
            429,
            "too many wrong passwords",
            next_step=f"try again in {math.ceil(wait)} s",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    checked = web.context.accounts.checked(login, password)
    if checked is None:
        web.throttle.failed(login, address)
        raise HttpProblem(401, "login or password is wrong", next_step="try again, or ask an admin")
    web.throttle.succeeded(login, address)
    return begin(request, response, checked)


def begin(request: Request, response: Response, account: Account) -> Principal:
    """A session for an account that has proved itself; an earlier session of this browser ends."""
    web = web_of(request)
    web.sessions.end(request, Response())
    principal = web.sessions.begin(account, response)
    request.state.principal = principal
    return principal


def sign_out(request: Request, response: Response) -> None:
    """End this browser's session."""
    web_of(request).sessions.end(request, response)


def offer_first_admin(records: Records, accounts: Accounts, clock: Clock) -> str | None:
    """A code for the first account, good for an hour and once; None when there are accounts already."""
    if accounts.any():
        records.drop(FIRST, FIRST_KEY)
        return None
    code = secrets.token_urlsafe(24)
    until = clock.now().wall + timedelta(seconds=FIRST_LASTS_S)
    records.put(FIRST, FIRST_KEY, {"code": digest(code), "until": until.isoformat()}, until=until)
    return code


def first_admin(
    request: Request, response: Response, *, code: str, login: str, person: str, password: str
) -> Principal:
    """Make the first account, an admin, and log it in. Refused when the code is wrong, used or too old."""
    web, address = web_of(request), address_of(request)
    records, accounts = web.context.records, web.context.accounts
    records.purge(web.context.clock.now().wall)
    kept = records.get(FIRST, FIRST_KEY)
    if web.throttle.wait_s(FIRST, address, break_glass=True) > 0:
        raise HttpProblem(429, "too many wrong codes", next_step="wait five minutes")
    if kept is None or not secrets.compare_digest(str(kept.data["code"]), digest(code)):
        web.throttle.failed(FIRST, address)
        raise Refused(
            "the link is wrong, was used, or is too old",
            next_step="start the server again for a new one; when there are accounts, ask an admin",
        )
    account = Account(login=login, person=person, roles=frozenset({Role.ADMIN}), made_by="first start")
    if accounts.any() or not records.drop(FIRST, FIRST_KEY):
        raise Refused("there are accounts already", next_step="ask an admin for one")
    try:
        made = accounts.add(account, password)
    except Exception:
        # The link stays good: a password that was too short must not lock everybody out.
        records.put(FIRST, FIRST_KEY, kept.data)
        raise
    return begin(request, response, made)
