"""The events of a run as they come, for its page: whole lines in the reader's language, with their number."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from drorch.core.errors import DrorchError
from drorch.core.state_folder import run_folder
from drorch.interfaces.console.i18n import Texts
from drorch.interfaces.console.pages.frame import Console
from drorch.interfaces.console.views.journal import log_line
from drorch.interfaces.http.security.authorize import still_known, web_of
from drorch.interfaces.http.security.rules import require
from drorch.plan.model import Plan
from drorch.run.events import Event, RunEnded

BEAT_S = 2.0
"""The page takes the connection for lost after four silent beats."""
KNOWN_BEATS = 8
"""So many beats apart it is asked whether the reader may still read."""


def routes(console: Console) -> APIRouter:
    """The stream."""
    router = APIRouter(include_in_schema=False)

    @router.get("/runs/{run}/stream", dependencies=[require()])
    def stream(request: Request, run: str, after: int = 0) -> Response:
        web_of(request).streams.refuse_too_many()
        run_folder(console.context.home, run)  # NotFound as a page, before the stream begins
        heard = request.headers.get("last-event-id", "")
        begin = max(after, int(heard)) if heard.isdecimal() else after
        web_of(request).streams.refuse_too_many()
        return StreamingResponse(
            _lines(console, request, run, begin, _plan_of(console, run)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


def _plan_of(console: Console, run: str) -> Plan | None:
    """The plan of the run; None when it cannot be read: its events are told all the same."""
    try:
        return console.context.operations.now(run).plan
    except DrorchError:
        return None


async def _lines(console: Console, request: Request, run: str, after: int, plan: Plan | None) -> AsyncIterator[str]:
    """Each event behind ``after`` once, in order; a beat when nothing comes. Ends with the server or the right."""
    web, texts, person = web_of(request), console.texts(request), console.person(request)
    beats = 0
    yield _message("beat", {"after": after})
    async for events in web.streams.events(run, after, BEAT_S):
        for event in events:
            after = event.seq
            yield _message("line", line_of(event, texts, plan), number=event.seq)
        if not events:
            beats += 1
            yield _message("beat", {"after": after})
            if beats % KNOWN_BEATS == 0 and not await run_in_threadpool(still_known, web, person):
                return


def line_of(event: Event, texts: Texts, plan: Plan | None = None) -> dict[str, object]:
    """One line of the log as the page puts it down."""
    line = log_line(event, plan)
    return {
        "seq": line.seq,
        "at": line.at.wall.isoformat(),
        "clock": f"{line.at.wall:%H:%M:%S}",
        "tone": line.tone,
        "text": texts.gettext(line.sentence.text) % dict(line.sentence.values),
        "detail": line.detail,
        "ended": isinstance(event.body, RunEnded),
    }


def _message(kind: str, data: dict[str, object], number: int | None = None) -> str:
    mark = f"id: {number}\n" if number is not None else ""
    return f"{mark}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
