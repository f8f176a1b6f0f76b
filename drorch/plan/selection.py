"""What a plan is about: which groups move from where to where, and what that means for each application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from drorch.catalog.model import Application, Arrangement, Catalog, ProtectionGroup
from drorch.core.errors import InputInvalid, NotFound
from drorch.plan.graph import topological
from drorch.plan.model import ApplicationScope, Kind, Selection


@dataclass(frozen=True, kw_only=True)
class Request(Selection):
    """What was asked for, as given by the caller."""

    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Move:
    """One protection group and its direction. In a readiness plan nothing moves: ``to_site`` is where it could go."""

    group: ProtectionGroup
    from_site: str
    to_site: str
    applications: tuple[Application, ...]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The moves, and what is done for every application concerned (in catalog order)."""

    kind: Kind
    lost_site: str | None
    moves: tuple[Move, ...]
    scope: tuple[ApplicationScope, ...]

    def served(self) -> Mapping[str, ApplicationScope]:
        """Scope of the applications that are validated at the end, by application."""
        return MappingProxyType({one.application: one for one in self.scope if one.to_site is not None})


def select(catalog: Catalog, request: Request) -> Chosen:
    """Resolve a request. NotFound for unknown ids, InputInvalid when it selects nothing or does not fit the kind."""
    _refuse_unknown(catalog, request)
    base = _base(catalog, request)
    lost_site = _lost_site(catalog, request, base)
    moves = _moves(catalog, request.kind, base)
    scopes = {app.id: _scope(catalog, request, app) for app in base if not _is_remote(app)}
    _add_remote(catalog, request.kind, lost_site or request.lose, scopes, tuple(app.id for app in base))
    if lost_site is None and not any(scope.to_site for scope in scopes.values()):
        reasons = "; ".join(f"{scope.application}: {scope.reason}" for scope in scopes.values())
        raise InputInvalid(
            f"a {request.kind} plan of this selection has nothing to do ({reasons})",
            next_step="select applications with a recovery site, or the gateway of the remote-access ones",
        )
    return Chosen(
        kind=request.kind,
        lost_site=lost_site,
        moves=moves,
        scope=tuple(scopes[app.id] for app in catalog.applications if app.id in scopes),
    )


def _is_remote(app: Application) -> bool:
    return app.arrangement is Arrangement.REMOTE_ACCESS


def _refuse_unknown(catalog: Catalog, request: Request) -> None:
    asked = (
        ("site", (request.lose,) if request.lose is not None else (), [site.id for site in catalog.sites]),
        ("application", request.applications, [app.id for app in catalog.applications]),
        ("protection group", request.groups, [group.id for group in catalog.groups]),
    )
    for what, ids, known in asked:
        for unknown in (one for one in ids if one not in known):
            near = get_close_matches(unknown, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known[:12])}"
            raise NotFound(f"there is no {what} {unknown!r} in the catalog", where=catalog.source, next_step=hint)


def _base(catalog: Catalog, request: Request) -> tuple[Application, ...]:
    """Applications selected by name, group or site; the rest of a group comes along, since its data is one unit."""
    named = set(request.applications)
    groups = set(request.groups)
    groups |= {catalog.application(one).group for one in named if not _is_remote(catalog.application(one))}
    if named or groups:
        base = tuple(app for app in catalog.applications if app.id in named or app.group in groups)
        elsewhere = [app.id for app in base if request.lose and catalog.primary_site_of(app) != request.lose]
        if elsewhere:
            raise InputInvalid(
                f"{elsewhere[0]} does not run at {request.lose} but at "
                f"{catalog.primary_site_of(catalog.application(elsewhere[0]))}",
                next_step="leave out --lose, or select only applications of that site",
            )
        return base
    if request.lose is not None:
        base = tuple(app for app in catalog.applications if catalog.primary_site_of(app) == request.lose)
        if not base:
            raise InputInvalid(
                f"no application has {request.lose} as its primary site: nothing is selected",
                next_step="name the site where the applications run",
            )
        return base
    if request.kind is Kind.READINESS:
        return catalog.applications
    raise InputInvalid(
        f"a {request.kind} plan needs to know what it is about: nothing is selected",
        next_step="give --lose SITE, --group GROUP or --app APPLICATION",
    )


def _lost_site(catalog: Catalog, request: Request, base: tuple[Application, ...]) -> str | None:
    """Only a failover has a lost site: witnesses must prove it before anything is promoted."""
    if request.kind is not Kind.FAILOVER:
        return None
    if request.lose is not None:
        return request.lose
    sites = sorted({catalog.primary_site_of(app) for app in base})
    if len(sites) > 1:
        raise InputInvalid(
            f"a failover is the answer to one lost site, but this selection runs at {', '.join(sites)}",
            next_step="build one plan per site, with --lose SITE",
        )
    if all(_is_remote(app) for app in base):
        raise InputInvalid(
            f"{base[0].id} is reached by remote access and does not fail over itself",
            next_step="select its gateway, or give --lose SITE",
        )
    return sites[0]


def _moves(catalog: Catalog, kind: Kind, base: tuple[Application, ...]) -> tuple[Move, ...]:
    moving = {app.group for app in base if not _is_remote(app)}
    found = []
    for group in catalog.groups:
        if group.id not in moving or group.recovery_site is None:
            continue
        here, there = group.primary_site, group.recovery_site
        if kind is Kind.FAILBACK:
            here, there = there, here
        apps = tuple(app for app in base if app.group == group.id and not _is_remote(app))
        found.append(Move(group=group, from_site=here, to_site=there, applications=apps))
    return tuple(found)


def _scope(catalog: Catalog, request: Request, app: Application) -> ApplicationScope:
    group = catalog.group(app.group)
    here = group.primary_site
    if request.kind is Kind.READINESS:
        return ApplicationScope(application=app.id, from_site=here, to_site=here, reason=_pulled_in(request, app))
    if group.recovery_site is None:
        reason = f"its protection group {group.id} has no recovery site"
        return ApplicationScope(application=app.id, from_site=here, to_site=None, reason=reason)
    there = group.recovery_site
    if request.kind is Kind.FAILBACK:
        here, there = there, here
    return ApplicationScope(application=app.id, from_site=here, to_site=there, reason=_pulled_in(request, app))


def _pulled_in(request: Request, app: Application) -> str | None:
    if not request.applications or app.id in request.applications or app.group in request.groups:
        return None
    return f"not selected itself: the data of protection group {app.group} moves as one unit"


def _add_remote(
    catalog: Catalog, kind: Kind, lost: str | None, scopes: dict[str, ApplicationScope], selected: Iterable[str]
) -> None:
    """Add the remote-access applications selected, and those reached through something that is in scope."""
    remote = {app.id: app for app in catalog.applications if _is_remote(app)}
    edges = {name: tuple(d for d in app.depends_on if d in remote) for name, app in remote.items()}
    chosen = set(selected)
    for name in topological(edges):
        app = remote[name]
        if name in chosen or any(needed in scopes for needed in app.depends_on):
            scopes[name] = _remote_scope(catalog, kind, lost, scopes, app)


def _remote_scope(
    catalog: Catalog, kind: Kind, lost: str | None, scopes: Mapping[str, ApplicationScope], app: Application
) -> ApplicationScope:
    host = catalog.primary_site_of(app)
    known = [scopes[needed] for needed in app.depends_on if needed in scopes]
    gone = [scope.application for scope in known if scope.to_site is None]
    gateway = catalog.gateway_of(app)
    through = gateway.id if gateway is not None else "its gateway"
    to_site: str | None = None
    if kind in (Kind.FAILOVER, Kind.DRILL) and host == lost:
        reason = (
            f"hosted at {host} itself: remote access covers denial of access to a building, not the loss of the "
            "data centre that hosts the application"
        )
    elif gone:
        reason = f"depends on {gone[0]}, which this plan does not recover"
    elif kind is Kind.DRILL and (gateway is None or gateway.id not in scopes):
        reason = f"reached through {through}, of which this drill makes no copy"
    elif not known and kind is not Kind.READINESS:
        reason = f"nothing of it moves, and {through}, through which it is reached, is not part of this plan"
    else:
        to_site, reason = host, f"reachability through {through} only; the application itself does not move"
    return ApplicationScope(application=app.id, from_site=host, to_site=to_site, reason=reason, remote_access=True)
