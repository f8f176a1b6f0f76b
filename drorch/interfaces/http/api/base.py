"""What all routes of the API share: how they get at things, what they take, pages, entity tags."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import PROBLEMS, HttpProblem
from drorch.interfaces.http.security.authorize import web_of
from drorch.interfaces.http.security.principal import Principal, principal_of

PREFIX = "/api/v1"
T = TypeVar("T")


def _context(request: Request) -> WebContext:
    return web_of(request).context


def _principal(request: Request) -> Principal:
    found = principal_of(request)
    if found is None:  # a route that asks for a person and is public would be a mistake of ours
        raise HttpProblem(401, "nobody is logged in", next_step="log in")
    return found


Ctx = Annotated[WebContext, Depends(_context)]
Who = Annotated[Principal, Depends(_principal)]

NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}$", description="A run's id.")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_CONTROL)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=NO_CONTROL)]
Name = Annotated[str, Path(max_length=128, pattern=NO_CONTROL)]
Limit = Annotated[int, Query(ge=1, le=500, description="Entries of a page.")]
Cursor = Annotated[str | None, Query(max_length=400, description="'next' of the page before.")]
IfMatch = Annotated[str | None, Header(description="ETag of what was read; 412 when it has changed since.")]
IfNoneMatch = Annotated[str | None, Header(description="ETag of what is known already; 304 when it is still so.")]


class Input(BaseModel):
    """A body: unknown members are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(BaseModel, Generic[T]):
    """One page of a list. ``next`` is the ``cursor`` of the one behind it; null at the end."""

    items: list[T]
    next: str | None = None
    total: int | None = None


def api_router(path: str, tag: str) -> APIRouter:
    """A router below the API's prefix."""
    return APIRouter(prefix=f"{PREFIX}{path}", tags=[tag], responses=PROBLEMS)


def page_of(items: Sequence[T], key: Callable[[T], str], cursor: str | None, limit: int) -> Page[T]:
    """The page behind ``cursor``. ``key``: unique, and stays with its item while others come and go.

    InputInvalid when the cursor is none, or its item is gone.
    """
    begin = 0
    if cursor is not None:
        wanted = _decoded(cursor)
        begin = next((number + 1 for number, item in enumerate(items) if key(item) == wanted), -1)
        if begin < 0:
            raise InputInvalid(
                "the cursor does not fit (any more)", where="cursor", next_step="begin at the first page"
            )
    chosen = list(items[begin : begin + limit])
    more = begin + limit < len(items)
    return Page(items=chosen, next=_encoded(key(chosen[-1])) if more else None, total=len(items))


def _encoded(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InputInvalid("this is no cursor", where="cursor", next_step="begin at the first page") from None


class NotModified(Exception):
    """Answer 304: what the client has is still so."""

    def __init__(self, response: Response) -> None:
        self.headers = {name: response.headers[name] for name in ("etag", "cache-control")}
        super().__init__("not modified")


def etag_of(*values: Any) -> str:
    """A strong entity tag of plain data."""
    return f'"{content_hash(list(values)).removeprefix("sha256:")[:24]}"'


def check_match(said: str | None, etag: str) -> None:
    """412 when ``If-Match`` names another state than the present one."""
    if said is not None and said.strip() != "*" and etag not in [part.strip() for part in said.split(",")]:
        raise HttpProblem(412, "it has changed since you looked", where="If-Match", next_step="look again, then decide")


def tagged(response: Response, etag: str, known: str | None) -> bool:
    """Put the ETag on the response; True, with 304, when the client knows this state."""
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "no-cache, private"
    return known is not None and etag in [part.strip() for part in known.split(",")]
