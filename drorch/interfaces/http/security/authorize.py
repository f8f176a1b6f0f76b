"""Who asks, and may they? Asked once per request, before the route begins."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from drorch.app.accounts import Role
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.principal import Principal
from drorch.interfaces.http.security.sessions import Sessions
from drorch.interfaces.http.security.throttle import Throttle
from drorch.interfaces.http.settings import WebSettings
from drorch.interfaces.http.streams import Streams

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf_token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, kw_only=True)
class Web:
    """What every request needs; in ``app.state.web``."""

    context: WebContext
    settings: WebSettings
    sessions: Sessions
    throttle: Throttle
    streams: Streams


def web_of(request: Request) -> Web:
    """Of the app that answers this request."""
    return cast(Web, request.app.state.web)


def address_of(request: Request) -> str:
    """Where the request comes from, as far as the server can tell."""
    return request.client.host if request.client else ""


async def authorize(request: Request, roles: frozenset[Role], *, public: bool) -> None:
    """Put the principal into ``request.state``. HttpProblem 401 when nobody is known, 403 without the right."""
    _same_origin(request)
    principal = await run_in_threadpool(_known, request)
    request.state.principal = principal
    if principal is None:
        if not public:
            raise HttpProblem(
                401,
                "nobody is logged in",
                next_step="log in, or send 'Authorization: Bearer TOKEN' ('drorch user token' makes one)",
                headers={"WWW-Authenticate": 'Bearer realm="drorch"'},
            )
        return
    if principal.via == "session" and request.method not in SAFE:
        await _forged_not(request, principal)
    if not public and not principal.has(*roles):
        wanted = " or ".join(sorted(roles))
        raise HttpProblem(
            403,
            f"{principal.name} ({principal.login}) has not the role {wanted}",
            next_step="ask somebody with that role, or an admin for it",
        )


def _known(request: Request) -> Principal | None:
    web = web_of(request)
    header = request.headers.get("authorization")
    if header is None:
        return web.sessions.of(request)
    scheme, _, text = header.partition(" ")
    found = web.context.accounts.of_token(text.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        # A wrong token is never taken for "nobody": who sends one means to be somebody.
        raise HttpProblem(
            401,
            "the token is wrong, has expired, or its account is disabled",
            next_step="make another one: drorch user token",
            headers={"WWW-Authenticate": 'Bearer realm="drorch", error="invalid_token"'},
        )
    account, token = found
    return Principal(
        name=account.person,
        login=account.login,
        roles=account.roles & token.roles,
        via="token",
        departments=account.departments,
        secret=token.id,
    )


def still_known(web: Web, principal: Principal) -> bool:
    """Whether the session or token of a long stream still stands and still reads. Does not keep a session alive."""
    if principal.via == "session":
        return web.sessions.find(principal.secret, used=False) is not None
    account = web.context.accounts.find(principal.login)
    tokens = {token.id: token for token in web.context.accounts.tokens(principal.login)}
    token = tokens.get(principal.secret)
    live = token is not None and web.context.clock.now().wall < token.expires
    return live and account is not None and not account.disabled


def _same_origin(request: Request) -> None:
    """403 when a page of somebody else sent a change. Clients that are no browsers send no Origin."""
    if request.method in SAFE or request.headers.get("authorization") is not None:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = site not in (None, "same-origin", "none")
    if origin is not None:
        said = urlsplit(origin)
        foreign |= said.netloc.lower() != request.headers.get("host", "").lower() or said.scheme != request.url.scheme
    if foreign:
        raise HttpProblem(
            403, "the request comes from another site's page", next_step="open drorch itself and do it there"
        )


async def _forged_not(request: Request, principal: Principal) -> None:
    """403 without the session's token against forged requests."""
    said: object = request.headers.get(CSRF_HEADER)
    if said is None and request.headers.get("content-type", "").startswith(_FORMS):
        said = (await request.form()).get(CSRF_FIELD)
    if not isinstance(said, str) or not secrets.compare_digest(said.encode(), principal.csrf.encode()):
        raise HttpProblem(
            403, "the form is out of date (its csrf_token is missing or wrong)", next_step="load the page again"
        )
