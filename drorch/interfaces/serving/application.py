"""The web application: routes, rules, guards."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from drorch import __version__
from drorch.interfaces.console import routes as console
from drorch.interfaces.http.api import all_routers
from drorch.interfaces.http.api.base import NotModified
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import Problem, install
from drorch.interfaces.http.security import guards, oidc
from drorch.interfaces.http.security.authorize import Web
from drorch.interfaces.http.security.rules import table
from drorch.interfaces.http.security.sessions import Sessions
from drorch.interfaces.http.security.strangers import Strangers
from drorch.interfaces.http.security.throttle import Throttle
from drorch.interfaces.http.settings import WebSettings
from drorch.interfaces.http.streams import Streams

PUBLIC_MOUNTS = ("/static",)
"""Only files that come with drorch."""


def create_app(context: WebContext, settings: WebSettings) -> FastAPI:
    """The application. Broken when a route has no rule of access."""
    app = FastAPI(
        title="drorch",
        version=__version__,
        description="Everything the drorch command does, over HTTP. Errors are RFC 9457 problem documents.",
        docs_url=None,  # those pages fetch scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # a route of ours with a rule of its own
        redirect_slashes=False,
    )
    sessions = Sessions(records=context.records, accounts=context.accounts, clock=context.clock, settings=settings)
    app.state.web = Web(
        context=context,
        settings=settings,
        sessions=sessions,
        throttle=Throttle(context.clock),
        streams=Streams(
            context.journal,
            context.clock,
            poll_s=settings.stream_poll_s,
            beat_s=settings.stream_beat_s,
            at_once=settings.streams_at_once,
            closing=settings.closing,
        ),
    )
    for router in all_routers():
        _join(app, router)
    _join(app, oidc.router)
    _join(app, console.router(context))
    install(app, lambda request, problem: console.error_page(context, request, problem))
    app.add_exception_handler(NotModified, _not_modified)
    app.state.rights = table(app, PUBLIC_MOUNTS)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    # The last one is the outermost.
    app.add_middleware(guards.BodyLimit)
    app.state.strangers = Strangers(context.audit, context.clock)
    app.add_middleware(guards.Auditing, log=context.audit, strangers=app.state.strangers)
    app.add_middleware(guards.KnownHosts, hosts=settings.hosts)
    app.add_middleware(guards.SecurityHeaders, secure=settings.secure)
    return app


def _not_modified(_request: Request, error: Exception) -> Response:
    return Response(status_code=304, headers=error.headers if isinstance(error, NotModified) else None)


def _join(app: FastAPI, router: APIRouter) -> None:
    """Flat, so that every route is seen by the table of rights. A router's own prefix and dependencies are in its
    routes already."""
    app.router.routes.extend(router.routes)


def _openapi(app: FastAPI) -> dict[str, Any]:
    from fastapi.openapi.utils import get_openapi

    if app.openapi_schema is None:
        routes = [route for route in app.routes if getattr(route, "path", "").startswith("/api/")]
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=routes, openapi_version="3.1.0"
        )
        parts = document.setdefault("components", {})
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.setdefault("schemas", {}).update({**schema.pop("$defs", {}), "Problem": schema})
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        public = {(line.method, line.path) for line in app.state.rights if line.rule.public}
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if (method.upper(), path) not in public:
                    operation["security"] = [{"token": []}]
        app.openapi_schema = document
    return app.openapi_schema
