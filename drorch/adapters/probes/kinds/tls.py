"""Does the endpoint prove its name by a trusted certificate that is valid for long enough?"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from drorch.adapters.probes.kinds.attempt import Unsatisfied, attempt
from drorch.adapters.probes.kinds.result import ProbeCode, ProbeResult
from drorch.catalog.model import ProbeKind
from drorch.estate.model import Endpoint

EXPIRED_CODE = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""


@dataclass(frozen=True, kw_only=True)
class TlsProbe:
    """``authority_file`` holds the trusted authorities (PEM), None for those of the system."""

    endpoint: Endpoint
    name: str
    authority_file: str | None = None
    at_least_days: float = 14.0

    def look(self, timeout_s: float) -> ProbeResult:
        """One handshake."""
        return attempt(ProbeKind.TLS, f"{self.name}:{self.endpoint.port}", lambda: self._shake(timeout_s))

    def _shake(self, timeout_s: float) -> Mapping[str, object]:
        context = ssl.create_default_context(cafile=self.authority_file)
        address = (self.endpoint.address, self.endpoint.port)
        try:
            with (
                socket.create_connection(address, timeout=timeout_s) as plain,
                context.wrap_socket(plain, server_hostname=self.name) as secured,
            ):
                certificate = secured.getpeercert() or {}
                version = secured.version()
        except ssl.SSLCertVerificationError as error:
            code = ProbeCode.EXPIRED if error.verify_code == EXPIRED_CODE else ProbeCode.UNTRUSTED
            raise Unsatisfied(code, error.verify_message) from error
        except ssl.SSLError as error:
            raise Unsatisfied(ProbeCode.PROTOCOL, f"no TLS: {error.reason or 'broken off'}") from error
        days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86400
        if days < self.at_least_days:
            raise Unsatisfied(
                ProbeCode.EXPIRED, f"valid for {days:.1f} days more, {self.at_least_days:g} are asked for"
            )
        return {"days_left": round(days, 1), "version": version}
