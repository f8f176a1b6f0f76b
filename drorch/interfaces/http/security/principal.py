"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from drorch.app.accounts import Role


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks. ``name`` is the person, who stands in the journal; ``login`` one of the person's accounts."""

    name: str
    login: str
    roles: frozenset[Role]
    via: str
    """``session`` (a browser) or ``token``."""
    departments: tuple[str, ...] = ()
    secret: str = ""
    """Digest of the session or the token's id: what a long stream looks up again and again."""
    csrf: str = ""

    def has(self, *roles: Role) -> bool:
        """Whether one of the roles is there."""
        return not self.roles.isdisjoint(roles)


def principal_of(request: Request) -> Principal | None:
    """Who asks, when that is known; `authorize` has looked before the route began."""
    found = getattr(request.state, "principal", None)
    return found if isinstance(found, Principal) else None


def csrf_token(request: Request) -> str:
    """What a form has to carry as ``csrf_token`` (or a script as ``X-CSRF-Token``); empty without a session."""
    principal = principal_of(request)
    return principal.csrf if principal else ""
