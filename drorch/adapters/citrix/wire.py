"""One HTTP call, with everything that must not be forgotten: a deadline over the whole call, a size limit, verified
TLS, no redirect followed, 429 obeyed within limits, and errors that say what is wrong without saying a secret."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from drorch.access.ports import SourceFailed, Trouble
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid

MOST_BYTES = 16_000_000
MOST_WAITS = 3
"""Times that 429 is obeyed in one call."""
PATIENCE_S = 60.0
"""Longest time waited for 429 in one call."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
AGENT = "drorch"
_DEADLINE = "drorch_deadline"
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where something answers. ``transport`` replaces the network (tests)."""

    url: str
    ca_file: Path | None = None
    call_s: float = 30.0
    most_bytes: int = MOST_BYTES
    transport: httpx.BaseTransport | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer. ``where`` is host and path, for messages; the body is not shown."""

    status: int
    headers: httpx.Headers
    body: bytes
    where: str

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes, {self.where})"

    @property
    def is_page(self) -> bool:
        """Whether it is HTML: a page for people."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))

    def parsed(self, shape: type[Shape]) -> Shape:
        """The body as ``shape``. SourceFailed names the field that is wrong, never its value."""
        self.refuse_page()
        try:
            return shape.model_validate_json(self.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "the answer"
            kind = "it is cut off or no JSON" if first["type"] == "json_invalid" else f"{field}: {first['type']}"
            raise SourceFailed(
                Trouble.PARSE,
                f"the answer is not as documented: {kind}",
                where=self.where,
                next_step="look at the version of the system; docs/citrix.md lists what is read",
            ) from None

    def refuse_page(self) -> None:
        """SourceFailed when it is a page for people, or a way to one."""
        if self.status in _REDIRECTS or self.is_page:
            to = urlsplit(self.headers.get("location", "")).path
            raise SourceFailed(
                Trouble.REDIRECTED,
                f"answers with a {'redirect to ' + to if to else 'page for people'} instead of data",
                where=self.where,
                next_step="is it the address of the interface, and not of a login page or portal?",
            )


class Wire:
    """Calls to one endpoint, one at a time. Keeps connections and cookies until it is closed."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        *,
        auth: httpx.Auth | None = None,
        agent: str = AGENT,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """``trust``: what `trust_of` the endpoint gave, where many wires to it are made; None reads it here."""
        quiet()
        self._endpoint = endpoint
        self._clock = clock
        self._client = httpx.Client(
            transport=_Bounded(endpoint, clock, trust or trust_of(endpoint)),
            auth=auth,
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": agent, "Accept-Encoding": "identity"},
        )
        self.host = urlsplit(endpoint.url).netloc

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookie jar."""
        return self._client.cookies

    def cookie(self, name: str) -> str | None:
        """A cookie by name, whatever its path; the one set last."""
        return next((item.value for item in reversed(list(self._client.cookies.jar)) if item.name == name), None)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """One call; ``path`` may be a whole address on the same host. SourceFailed for what no answer came for."""
        url = self._address(path)
        where = f"{self.host}{urlsplit(url).path}"
        waited = 0.0
        for attempt in range(MOST_WAITS + 1):
            request = self._client.build_request(
                method, url, headers=headers, params=params, json=json, data=form, content=content
            )
            answer = self._sent(request, where)
            if answer.status != 429:
                return answer
            pause = _retry_after(answer.headers.get("retry-after"), self._clock.now().wall)
            waited += pause
            if attempt == MOST_WAITS or waited > PATIENCE_S:
                break
            self._clock.sleep(pause)
        raise SourceFailed(
            Trouble.RATE_LIMITED,
            f"asks for fewer calls, and to wait {pause:.0f} s more",
            where=where,
            next_step="ask it less often, and let nothing else use the same account",
        )

    def _address(self, path: str) -> str:
        if not path.startswith(("http://", "https://")):
            return self._endpoint.url + path
        there, here = urlsplit(path), urlsplit(self._endpoint.url)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise SourceFailed(
                Trouble.REDIRECTED,
                f"points to another host ({there.netloc}), which is given nothing",
                where=self.host,
                next_step="name the address that answers by itself",
            )
        return path

    def _sent(self, request: httpx.Request, where: str) -> Answer:
        request.extensions[_DEADLINE] = self._clock.now().mono + self._endpoint.call_s
        request.extensions["timeout"] = httpx.Timeout(self._endpoint.call_s).as_dict()
        try:
            response = self._client.send(request)
        except (httpx.HTTPError, OSError) as error:
            raise _failed(error, where, self._endpoint.call_s) from None
        return Answer(status=response.status_code, headers=response.headers, body=response.content, where=where)


class _Bounded(httpx.BaseTransport):
    """Holds every answer to the deadline and the size, also those that only authentication reads."""

    def __init__(self, endpoint: Endpoint, clock: Clock, context: ssl.SSLContext) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._inner = endpoint.transport or httpx.HTTPTransport(verify=context, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        response = self._inner.handle_request(request)
        where = f"{request.url.netloc.decode()}{request.url.path}"
        deadline = float(request.extensions[_DEADLINE])
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _BoundedStream(response.stream, self._endpoint, self._clock, deadline, where)
        return response

    def close(self) -> None:
        """See httpx."""
        self._inner.close()


class _BoundedStream(httpx.SyncByteStream):
    def __init__(
        self, inner: httpx.SyncByteStream, endpoint: Endpoint, clock: Clock, deadline: float, where: str
    ) -> None:
        self._inner, self._endpoint, self._clock = inner, endpoint, clock
        self._deadline, self._where = deadline, where

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._inner:
            size += len(part)
            if size > self._endpoint.most_bytes:
                raise SourceFailed(
                    Trouble.TOO_LARGE,
                    f"answers with more than {self._endpoint.most_bytes} bytes",
                    where=self._where,
                    next_step="is it the right address?",
                )
            if self._clock.now().mono > self._deadline:
                raise _too_slow(self._where, self._endpoint.call_s)
            yield part

    def close(self) -> None:
        self._inner.close()


def quiet() -> None:
    """The HTTP and NTLM packages write addresses, cookies and headers to their logs at low levels. They do not here."""
    for name in ("httpx", "httpcore", "spnego"):
        logging.getLogger(name).setLevel(logging.WARNING)


def trust_of(endpoint: Endpoint) -> ssl.SSLContext:
    """Whose certificates are believed; reading them takes tens of milliseconds. InputInvalid for a bad CA file."""
    ca_file = endpoint.ca_file
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise InputInvalid(
            f"the CA file cannot be used: {error.strerror or error.reason or 'not in PEM form'}",  # type: ignore[attr-defined]
            where=str(ca_file),
            next_step="name a file with the CA's certificates in PEM form",
        ) from None


def refused(answer: Answer, *, rights: str) -> SourceFailed:
    """The failure behind a status that says no. ``rights`` names what the account needs for this call."""
    trouble, what, next_step = {
        401: (Trouble.AUTH, "does not accept the name or password", "mend the account; it is not tried again"),
        403: (Trouble.FORBIDDEN, "does not let this account read that", f"give the account {rights}"),
        404: (Trouble.MISSING, "does not know what is asked for", "look at the address and the version of the system"),
    }.get(
        answer.status,
        (Trouble.HTTP, f"answers with status {answer.status}", "look at the system's own log at this time"),
    )
    return SourceFailed(trouble, what, where=answer.where, next_step=next_step)


def _failed(error: Exception, where: str, call_s: float) -> SourceFailed:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or "refused"
            what = f"who answers cannot be verified: {reason}"
            return SourceFailed(Trouble.TLS, what, where=where, next_step="name the CA's certificates with ca_file")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return _too_slow(where, call_s)
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        what = "the answer is cut off"
        return SourceFailed(Trouble.PARSE, what, where=where, next_step="look at what stands between it and drorch")
    what = f"cannot be reached ({type(error).__name__})"
    return SourceFailed(Trouble.UNREACHABLE, what, where=where, next_step="look at the network and at the system")


def _too_slow(where: str, call_s: float) -> SourceFailed:
    what = f"has not answered whole within {call_s:g} s"
    return SourceFailed(Trouble.TIMEOUT, what, where=where, next_step="look at the system's load")


def _retry_after(text: str | None, now: datetime) -> float:
    """Seconds; RFC 9110 10.2.3 allows a number or a date. Without one: 5 s."""
    if text is None:
        return 5.0
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 5.0
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
