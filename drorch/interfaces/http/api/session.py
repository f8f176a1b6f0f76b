"""Log in, log out, who am I; and the first admin of a new server."""

from __future__ import annotations

from pydantic import BaseModel, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import Role
from drorch.interfaces.http.api.base import Input, Line, Who, Word, api_router
from drorch.interfaces.http.security.principal import Principal
from drorch.interfaces.http.security.rules import public, require
from drorch.interfaces.http.security.signin import first_admin, sign_in, sign_out

router = api_router("/session", "session")


class Login(Input):
    """A local account."""

    login: Word
    password: SecretStr


class FirstAdmin(Input):
    """The first account; ``code`` is in the link that the server printed."""

    code: Word
    login: Word
    person: Line
    password: SecretStr


class Me(BaseModel):
    """Who is logged in. ``csrf_token`` goes into the header X-CSRF-Token of every change; null for tokens."""

    person: str
    login: str
    roles: list[Role]
    departments: list[str]
    via: str
    csrf_token: str | None


def me_of(principal: Principal) -> Me:
    """As JSON."""
    return Me(
        person=principal.name,
        login=principal.login,
        roles=sorted(principal.roles),
        departments=list(principal.departments),
        via=principal.via,
        csrf_token=principal.csrf or None,
    )


@router.get("", dependencies=[require()])
def who_am_i(who: Who) -> Me:
    """Who is logged in."""
    return me_of(who)


@router.post("", dependencies=[public()], status_code=201)
def log_in(body: Login, request: Request, response: Response) -> Me:
    """Begin a session: its cookie is set. 401 when it is wrong, 429 after too many tries."""
    return me_of(sign_in(request, response, body.login, body.password.get_secret_value()))


@router.delete("", dependencies=[require()], status_code=204)
def log_out(request: Request, response: Response) -> None:
    """End the session; nothing happens to a token."""
    sign_out(request, response)


@router.post("/first-admin", dependencies=[public()], status_code=201)
def make_first_admin(body: FirstAdmin, request: Request, response: Response) -> Me:
    """Make the first account and log it in. Once, with the code that the server printed at its start."""
    password = body.password.get_secret_value()
    return me_of(
        first_admin(request, response, code=body.code, login=body.login, person=body.person, password=password)
    )
