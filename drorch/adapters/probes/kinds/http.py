"""Does the path answer over HTTP? One pinned client per target, no proxies, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import httpx

from drorch.adapters.probes.kinds.attempt import Unsatisfied, attempt
from drorch.adapters.probes.kinds.result import ProbeCode, ProbeResult
from drorch.catalog.model import ProbeKind
from drorch.estate.model import Endpoint


class HttpProbe:
    """A GET of ``path`` at ``endpoint`` with ``name`` as Host. Satisfied by a 2xx answer only.

    Keeps one connection; a context manager, or call :meth:`close`.
    """

    def __init__(self, *, endpoint: Endpoint, name: str, path: str = "/") -> None:
        self._target = f"http://{name}:{endpoint.port}{path}"
        self._url = f"http://{endpoint.address}:{endpoint.port}{path}"
        self._name = name
        self._client = httpx.Client(
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )

    def look(self, timeout_s: float) -> ProbeResult:
        """Ask once."""
        return attempt(ProbeKind.HTTP, self._target, lambda: self._get(timeout_s))

    def _get(self, timeout_s: float) -> Mapping[str, object]:
        try:
            answer = self._client.get(self._url, headers={"host": self._name}, timeout=timeout_s)
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        except httpx.ConnectError as error:
            raise ConnectionRefusedError from error
        except httpx.HTTPError as error:
            raise Unsatisfied(ProbeCode.PROTOCOL, f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise Unsatisfied(ProbeCode.STATUS, f"HTTP {answer.status_code}")
        return {"status": answer.status_code, "bytes": len(answer.content)}

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def __enter__(self) -> HttpProbe:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
