"""The links of call-out messages on the console's own address, before its accounts: the link itself is the login.

Outside of the application on purpose: its audit log writes down paths, and the path of a link is a secret.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from drorch.callout.ack_page import AckPage, asgi_app
from drorch.interfaces.http.context import WebContext

PREFIX = "/callout/"


def with_links(app: ASGIApp, context: WebContext) -> ASGIApp:
    """The application, with everything below ``/callout/`` answered by the acknowledgement page."""
    page = asgi_app(AckPage(context.callouts.exercises, context.clock))

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and str(scope["path"]).startswith(PREFIX):
            await page(scope, receive, send)
        else:
            await app(scope, receive, send)

    return both
