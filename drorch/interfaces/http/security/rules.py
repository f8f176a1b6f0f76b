"""Which roles a route asks for. A route without a rule stops the server from starting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount

from drorch.app.accounts import Role
from drorch.core.errors import Broken
from drorch.interfaces.http.security.authorize import authorize

EVERYBODY = frozenset(Role)
"""Whoever is known, with any role: what may be read by all."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``roles``: one of them is enough. ``public``: also for people who are not known."""

    roles: frozenset[Role] = frozenset()
    public: bool = False


class Gate:
    """The dependency that keeps a rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    async def __call__(self, request: Request) -> None:
        """Raises HttpProblem 401, 403."""
        await authorize(request, self.rule.roles, public=self.rule.public)


def require(*roles: Role) -> Any:
    """For ``dependencies=[...]`` of a route: one of these roles; none named: any known person."""
    return Depends(Gate(Rule(roles=frozenset(roles) or EVERYBODY)))


def public() -> Any:
    """For ``dependencies=[...]`` of a route that is for everybody. A person who is known is known there as well."""
    return Depends(Gate(Rule(public=True)))


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """One line of the table of rights."""

    method: str
    path: str
    rule: Rule


def table(app: FastAPI, public_mounts: Iterable[str] = ()) -> tuple[Guarded, ...]:
    """Every route of the app with its rule. Broken when one has none, or more than one."""
    found: list[Guarded] = []
    for route in app.router.routes:
        if isinstance(route, Mount) and route.path in tuple(public_mounts):
            continue
        rule = _rule(route)
        methods = sorted(getattr(route, "methods", None) or {"GET"})
        found += [Guarded(method=method, path=getattr(route, "path", "?"), rule=rule) for method in methods]
    return tuple(found)


def _rule(route: BaseRoute) -> Rule:
    gates = []
    if isinstance(route, APIRoute):
        gates = [item.dependency for item in route.dependencies if isinstance(item.dependency, Gate)]
    if len(gates) != 1:
        path = getattr(route, "path", type(route).__name__)
        raise Broken(
            f"the route {path} has {len(gates)} rules of access, not one",
            next_step="give it dependencies=[require(...)] or [public()]; see docs/security.md",
        )
    return gates[0].rule
