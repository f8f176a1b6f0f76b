"""Log in through the OpenID provider: there and back, bound to the browser, each round once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from drorch.app.accounts import digest
from drorch.app.oidc import account_of
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.authorize import address_of, web_of
from drorch.interfaces.http.security.rules import public
from drorch.interfaces.http.security.signin import begin

router = APIRouter(prefix="/oidc", include_in_schema=False)
FLOW = "oidc"
LASTS_S = 600
COOKIE = "drorch_oidc"
_AFTER = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>drorch</title>
<meta http-equiv="refresh" content="0;url=/"></head><body><p><a href="/">drorch</a></p></body></html>"""
"""The browser comes from the provider's site and would not send a strict cookie along a redirect; from here it does."""


@router.get("/start", dependencies=[public()])
def start(request: Request) -> Response:
    """Send the browser to the provider."""
    web = web_of(request)
    signing = web.context.oidc
    if signing is None:
        raise HttpProblem(404, "no OpenID provider is set up", next_step="log in with a local account")
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    now = web.context.clock.now().wall
    web.context.records.purge(now)
    data = {"nonce": nonce, "verifier": verifier, "browser": digest(browser)}
    until = now + timedelta(seconds=LASTS_S)
    address = signing.provider.address(state=state, nonce=nonce, verifier=verifier)
    web.context.records.put(FLOW, digest(state), data, expected=0, until=until)
    response = RedirectResponse(address, 303)
    response.set_cookie(
        COOKIE,
        browser,
        max_age=LASTS_S,
        httponly=True,
        secure=web.settings.secure,
        samesite="lax",  # it has to come back with the provider's redirect
        path="/oidc",
    )
    return response


@router.get("/callback", dependencies=[public()])
def callback(
    request: Request,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The browser comes back. 403 unless it is the one that was sent, with the round it was sent on."""
    web = web_of(request)
    signing, records = web.context.oidc, web.context.records
    records.purge(web.context.clock.now().wall)
    kept = records.get(FLOW, digest(state))
    browser = digest(request.cookies.get(COOKIE, ""))
    if signing is None or kept is None or not secrets.compare_digest(str(kept.data["browser"]), browser):
        raise HttpProblem(403, "this login was not begun here, or is too old", next_step="begin it again")
    if not records.drop(FLOW, digest(state)):
        raise HttpProblem(403, "this login was used already", next_step="begin it again")
    if iss and iss != signing.settings.issuer:
        raise HttpProblem(403, "the answer comes from another provider", next_step="begin the login again")
    if error or not code:
        raise HttpProblem(403, f"the provider refused: {quote(error)[:100]}", next_step="begin the login again")
    nonce, verifier = str(kept.data["nonce"]), str(kept.data["verifier"])
    claims = signing.provider.claims(code=code, nonce=nonce, verifier=verifier)
    request.state.tried_login = str(claims.get("sub", ""))
    account = account_of(claims, signing.settings, web.context.accounts)
    response = HTMLResponse(_AFTER)
    begin(request, response, account)
    response.delete_cookie(COOKIE, path="/oidc")
    web.throttle.succeeded(account.login, address_of(request))
    return response
