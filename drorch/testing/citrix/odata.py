"""The monitor service: of a site of one's own (NTLM) or of the cloud (token)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from drorch.testing.citrix.asgi import Request, Response, Simulator, reply
from drorch.testing.citrix.cloud import TokenBook
from drorch.testing.citrix.world import World

_SINCE = re.compile(r"(?:SummaryDate|FailureDate) ge (\S+)")
_UNTIL = re.compile(r"SummaryDate lt (\S+)")


@dataclass
class MonitorSimulator(Simulator):
    """``tokens`` None: NTLM, with the users of the file that ``NTLM_USER_FILE`` names."""

    world: World = field(default_factory=World)
    tokens: TokenBook | None = None
    prefix: str = "/Citrix/Monitor/OData/v4/Data"
    page: int = 500
    foreign_link: bool = False
    """The next page lies at another host."""
    endless: bool = False
    contexts: dict[tuple[str, int], Any] = field(default_factory=dict)

    def respond(self, request: Request) -> Response:
        """See the base."""
        refused = self._refused(request)
        if refused is not None:
            return refused
        entity = request.path.removeprefix(self.prefix).strip("/")
        rows = {"SessionActivitySummaries": self._minutes, "ConnectionFailureLogs": self._failures}.get(entity)
        if rows is None:
            return reply({"error": {"code": "", "message": "Resource not found"}}, 404)
        return self._page(request, rows(request.query.get("$filter", "")))

    def _refused(self, request: Request) -> Response | None:
        if self.tokens is not None:
            return self.tokens.refuse(request)
        if self.contexts.get(request.client) is True:
            return None
        return self._negotiate(request)

    def _negotiate(self, request: Request) -> Response | None:
        import spnego
        from spnego.exceptions import SpnegoError

        scheme, _, data = request.headers.get("authorization", "").partition(" ")
        if scheme != "NTLM" or not data:
            return Response(status=401, headers=(("www-authenticate", "Negotiate"), ("www-authenticate", "NTLM")))
        context = self.contexts.get(request.client) or spnego.server(protocol="ntlm")
        self.contexts[request.client] = context
        try:
            answer = context.step(base64.b64decode(data))
        except SpnegoError:
            del self.contexts[request.client]
            return Response(status=401, headers=(("www-authenticate", "NTLM"),))
        if context.complete:
            self.contexts[request.client] = True
            return None
        challenge = base64.b64encode(answer or b"").decode()
        return Response(status=401, headers=(("www-authenticate", f"NTLM {challenge}"),))

    def _minutes(self, wanted: str) -> list[dict[str, Any]]:
        since, until = _moment(_SINCE, wanted), _moment(_UNTIL, wanted)
        return [
            {
                "SummaryDate": minute.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "DesktopGroupId": group,
                "ConcurrentSessionCount": sessions,
                "TotalLogOnCount": 2,
                "TotalLogOnDuration": 61_000,
                "Granularity": 1,
            }
            for minute, groups in sorted(self.world.minutes.items())
            if (since is None or minute >= since) and (until is None or minute < until)
            for group, sessions in groups.items()
        ]

    def _failures(self, wanted: str) -> list[dict[str, Any]]:
        since = _moment(_SINCE, wanted)
        return [
            {"ConnectionFailureEnumValue": kind, "FailureDate": at.isoformat()}
            for at, kind in self.world.failures
            if since is None or at >= since
        ]

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        skip = int(request.query.get("$skip", "0"))
        found: dict[str, Any] = {"@odata.context": f"{self.prefix}/$metadata", "value": rows[skip : skip + self.page]}
        if len(rows) > skip + self.page or self.endless:
            query = urlencode({**request.query, "$skip": str(skip if self.endless else skip + self.page)})
            host = "monitor.invalid" if self.foreign_link else request.headers["host"]
            found["@odata.nextLink"] = f"http://{host}{request.path}?{query}"
        return reply(found)


def _moment(pattern: re.Pattern[str], text: str) -> datetime | None:
    found = pattern.search(text)
    return datetime.fromisoformat(found[1]).astimezone(UTC) if found else None
