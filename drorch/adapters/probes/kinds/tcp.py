"""Does the endpoint accept a TCP connection?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from drorch.adapters.probes.kinds.attempt import attempt
from drorch.adapters.probes.kinds.result import ProbeResult
from drorch.catalog.model import ProbeKind
from drorch.estate.model import Endpoint


@dataclass(frozen=True, kw_only=True)
class TcpProbe:
    """``source`` is the local address to connect from, None for any."""

    endpoint: Endpoint
    source: str | None = None

    def look(self, timeout_s: float) -> ProbeResult:
        """Connect and close."""

        def connect() -> Mapping[str, object]:
            source = (self.source, 0) if self.source else None
            address = (self.endpoint.address, self.endpoint.port)
            with socket.create_connection(address, timeout=timeout_s, source_address=source):
                return {}

        return attempt(ProbeKind.TCP, f"{self.endpoint.address}:{self.endpoint.port}", connect)
