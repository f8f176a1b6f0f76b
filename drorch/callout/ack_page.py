"""The page behind the link of a message: looking does nothing, pressing the button acknowledges.

Mail scanners and previews open links by themselves, so GET and HEAD never acknowledge. Pure of any web framework:
`AckPage.answer` takes a method and a path; `asgi_app` wraps it, to be served alone or mounted in the web console.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from drorch.callout.exercises import Exercises
from drorch.callout.log import Acknowledged, Callout, CalloutBody
from drorch.callout.operations import hash_of
from drorch.callout.text import page
from drorch.core.clock import Clock
from drorch.core.errors import DrorchError, InputInvalid, NotFound

LINK = re.compile(r"/callout/(?P<exercise>[0-9a-z-]{1,64})/(?P<token>[A-Za-z0-9_-]{22,128})")
LONGEST_BODY = 4096

_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send back."""

    status: HTTPStatus
    html: str
    headers: Mapping[str, str] = field(default_factory=lambda: dict(_HEADERS))


class AckPage:
    """Answers for all exercises of one store."""

    def __init__(self, exercises: Exercises, clock: Clock) -> None:
        self._exercises, self._clock = exercises, clock

    def answer(self, method: str, path: str) -> Answer:
        """One request. A link that is unknown, foreign or malformed has one and the same answer."""
        found = LINK.fullmatch(path)
        if method not in ("GET", "HEAD", "POST"):
            allowed = {**_HEADERS, "allow": "GET, HEAD, POST"}
            return Answer(
                status=HTTPStatus.METHOD_NOT_ALLOWED, html=page("Not possible", "", button=False), headers=allowed
            )
        if found is None:
            return _unknown()
        try:
            return self._of(method, found["exercise"], hash_of(found["token"]))
        except NotFound:
            return _unknown()
        except DrorchError:
            # What is wrong with the log is for its owner, not for whoever holds a link.
            sentence = "The exercise cannot be looked up just now. Please try again in a minute."
            return Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, html=page("Please try again", sentence, button=False))

    def _of(self, method: str, exercise: str, token: str) -> Answer:
        state, now = self._exercises.state(exercise), self._clock.now().wall
        message = state.message_with(token)
        if message is None:
            return _unknown()
        if state.calls[message.body.call].acknowledged_at is not None:
            return _thanks("You have acknowledged this call. Nothing is left to do.")
        if _closed(state, now):
            sentence = "The exercise is over, so this acknowledgement does not count any more."
            return Answer(status=HTTPStatus.GONE, html=page("Too late", sentence, button=False))
        if method != "POST":
            sentence = "Press the button to acknowledge that this call reached you."
            return Answer(status=HTTPStatus.OK, html=page("Call-out exercise", sentence, button=True))

        def acknowledge(present: Callout | None) -> CalloutBody | None:
            if present is None or _closed(present, now):
                raise InputInvalid("over", next_step="")
            call = present.calls[present.call_of[message.number]]
            return None if call.acknowledged_at is not None else Acknowledged(message=message.number)

        self._exercises.append(exercise, now, acknowledge)
        return _thanks("Thank you. It is written down that this call reached you. Nothing else has to be done.")


def _closed(state: Callout, now: datetime) -> bool:
    return state.over is not None or state.stopped_by is not None or now >= state.begun.expires_at


def _unknown() -> Answer:
    sentence = "This link is not known. Open it exactly as it stands in the message."
    return Answer(status=HTTPStatus.NOT_FOUND, html=page("Unknown link", sentence, button=False))


def _thanks(sentence: str) -> Answer:
    return Answer(status=HTTPStatus.OK, html=page("Acknowledged", sentence, button=False))


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def asgi_app(ack: AckPage) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The page as an ASGI application; it answers paths that begin with ``/callout/``, also below a mount point.

    Mount it at the root of the server that `link_base` names, without any login before it: the link is the login.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        if not await _short_enough(receive):
            answer = Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, html=page("Too large", "", button=False))
        else:
            path = str(scope["path"])
            answer = await asyncio.to_thread(ack.answer, str(scope["method"]), path)
        body = b"" if scope["method"] == "HEAD" else answer.html.encode()
        headers = {**answer.headers, "content-length": str(len(answer.html.encode()))}
        await send(
            {
                "type": "http.response.start",
                "status": int(answer.status),
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": body})

    return app


async def _short_enough(receive: Receive) -> bool:
    size, more = 0, True
    while more and size <= LONGEST_BODY:
        part = await receive()
        size, more = size + len(part.get("body", b"")), bool(part.get("more_body", False))
    return size <= LONGEST_BODY


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        what = (await receive())["type"]
        await send({"type": f"{what}.complete"})
        if what == "lifespan.shutdown":
            return
