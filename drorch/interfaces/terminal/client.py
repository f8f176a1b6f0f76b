"""A server of drorch, asked over HTTP: its problems are errors with the exit code they would have here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from drorch.core.clock import Clock
from drorch.core.errors import Broken, DrorchError, ExitCode, InputInvalid, NotFound

TIMEOUT_S = 30.0
PAGE = 500
TRIES = 3
AGAIN_AFTER_S = 1.0


class ServerSaid(DrorchError):
    """A problem document of the server."""

    def __init__(self, problem: Mapping[str, Any], server: str) -> None:
        where = problem.get("where")
        super().__init__(
            str(problem.get("detail") or problem.get("title") or "the server said no"),
            where=f"{server} {where}" if where else server,
            next_step=problem.get("next_step"),
        )
        code = problem.get("exit_code")
        self.exit_code = ExitCode(code) if code in tuple(ExitCode) else ExitCode.BROKEN


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server and who asks it. ``token``: bearer token; ``authority``: PEM file of a private authority."""

    url: str
    token: str
    clock: Clock
    authority: Path | None = None

    def get(self, path: str, **query: Any) -> Any:
        """JSON. ServerSaid, or Broken when the server cannot be reached; asked again a few times then."""
        params = {name: value for name, value in query.items() if value is not None}
        return self._asked("GET", path, tries=TRIES, params=params)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        """JSON. Asked again, when the connection fails, only with an idempotency ``key``."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._asked("POST", path, tries=TRIES if key else 1, json=body, headers=headers)

    def upload(self, path: str, content: bytes, name: str) -> Any:
        """A file as body."""
        headers = {"Content-Type": "application/octet-stream"}
        return self._asked("POST", path, tries=1, content=content, headers=headers, params={"name": name})

    def pages(self, path: str) -> Iterator[Any]:
        """Items of all pages."""
        cursor = None
        while True:
            page = self.get(path, limit=PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def _asked(
        self, method: str, path: str, *, tries: int, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        whole = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **(headers or {})}
        url = f"{self.url.rstrip('/')}/api/v1{path}"
        for left in reversed(range(tries)):
            try:
                with httpx.Client(timeout=TIMEOUT_S, trust_env=False, verify=self._verify()) as client:
                    return self._read(client.request(method, url, headers=whole, **more))
            except httpx.HTTPError as error:
                if left:
                    self.clock.sleep(AGAIN_AFTER_S)
                else:
                    unsure = "" if method == "GET" else "; whether it was done is not known: look before you repeat it"
                    raise Broken(
                        f"the server cannot be reached ({_why(error)}){unsure}",
                        where=self.url,
                        next_step="see whether it runs; on its machine drorch works without it",
                    ) from error
        raise AssertionError("tries is at least 1")

    def _read(self, answer: httpx.Response) -> Any:
        try:
            data = answer.json() if answer.content else None
        except (json.JSONDecodeError, UnicodeDecodeError):
            data = None
        if answer.is_success:
            return data
        problem = data if isinstance(data, dict) else {"detail": f"HTTP {answer.status_code}"}
        raise ServerSaid(problem, self.url)

    def _verify(self) -> Any:
        if self.authority is None:
            return True
        import ssl

        try:
            return ssl.create_default_context(cafile=str(self.authority))
        except (OSError, ssl.SSLError) as error:
            raise NotFound(
                "is no file with certificates", where=str(self.authority), next_step="name a PEM file"
            ) from error


def _why(error: httpx.HTTPError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not trusted; name its authority with --ca"
    return type(error).__name__


def checked_url(url: str) -> str:
    """The URL. InputInvalid unless it is https, or on this machine: the token must not travel in the clear."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.hostname is None or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise InputInvalid(
            "is not an https address", where=f"--server {url}", next_step="write it like https://drorch.example.org"
        )
    return url
