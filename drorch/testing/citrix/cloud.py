"""Tokens, and the services behind them: the cloud's token service and licences, and a site's REST service."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from drorch.testing.citrix.asgi import Request, Response, Simulator, reply
from drorch.testing.citrix.world import Box, World


@dataclass
class TokenBook:
    """Tokens that are valid now. Shared by what gives them and what takes them."""

    customer: str = "acme"
    valid: set[str] = field(default_factory=set)
    given: int = 0
    refuses_all: bool = False

    def give(self) -> str:
        """A new token."""
        self.given += 1
        token = f"tok-{secrets.token_hex(12)}"
        self.valid.add(token)
        return token

    def refuse(self, request: Request) -> Response | None:
        """401 for a token that is not valid."""
        token = request.headers.get("authorization", "").removeprefix("CWSAuth bearer=")
        customer = request.headers.get("citrix-customerid")
        if self.refuses_all or token not in self.valid or customer != self.customer:
            return reply({"type": "https://errors-api.cloud.com/common/authentication", "detail": "expired"}, 401)
        return None


@dataclass
class CloudSimulator(Simulator):
    """The cloud's token service and licence usage."""

    world: World = field(default_factory=World)
    tokens: TokenBook = field(default_factory=TokenBook)
    client_id: str = "dr-client"
    client_secret: str = "cloud-5ecret"

    def respond(self, request: Request) -> Response:
        """See the base."""
        if request.path == f"/cctrustoauth2/{self.tokens.customer}/tokens/clients":
            form = request.form
            if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
                return reply({"error": "invalid_client"}, 401)
            return reply({"token_type": "bearer", "access_token": self.tokens.give(), "expires_in": "3600"})
        refused = self.tokens.refuse(request)
        if refused is not None:
            return refused
        if request.path == "/licensing/license/enterprise/cloud/cvad/ud/current":
            used, total = self.world.licences
            return reply(
                {
                    "customerId": self.tokens.customer,
                    "totalUsageCount": used,
                    "totalAvailableLicenseCount": total,
                    "remainingLicenseCount": total - used,
                    "nextExpiredLicenses": {"nextExpiredTime": "2027-05-10T00:00:00Z", "daysToExpire": 507},
                    "timeStamp": (datetime.now(UTC) - timedelta(minutes=3)).isoformat().replace("+00:00", "Z"),
                }
            )
        return reply({"detail": "not found"}, 404)


@dataclass
class CvadSimulator(Simulator):
    """``cvad/manage`` of a site of one's own (Basic for a token) or, with ``cloud``, behind the cloud's tokens."""

    world: World = field(default_factory=World)
    tokens: TokenBook = field(default_factory=lambda: TokenBook(customer="CitrixOnPremises"))
    user: str = "UN\\drrest"
    password: str = "rest-Pa55word"
    site: str = "61603f15-cdf9-4c7f-99ff-91636601a795"
    page: int = 2
    prefix: str = "/cvad/manage"

    def respond(self, request: Request) -> Response:
        """See the base."""
        path = request.path.removeprefix(self.prefix)
        if path == "/tokens" and request.method == "POST":
            wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if request.headers.get("authorization") != f"Basic {wanted}":
                return reply({"ErrorMessage": "The user name or password is incorrect"}, 401)
            token = self.tokens.give()
            return reply(
                {"Token": token, "Principal": self.user, "UserId": "S-1-5", "ExpiresAt": "2026-11-24T13:00:00Z"}
            )
        refused = self.tokens.refuse(request)
        if refused is not None:
            return refused
        if path == "/Me":
            return reply({"UserId": "S-1-5", "Customers": [{"Id": self.tokens.customer, "Sites": [{"Id": self.site}]}]})
        if request.headers.get("citrix-instanceid") != self.site:
            return reply({"ErrorMessage": "Citrix-InstanceId is missing"}, 400)
        if path == "/Machines":
            return self._machines(request)
        if path == f"/Sites/{self.site}":
            return reply(
                {
                    "Id": self.site,
                    "LicensedSessionsActive": self.world.licences[0] + len(self.world.sessions),
                    "PeakConcurrentLicenseUsers": self.world.licences[0] + 40,
                    "LicensingModel": self.world.licensing_model,
                    "LicensingGracePeriodActive": False,
                    "LicenseExpirationDate": "2027-06-30T00:00:00Z",
                }
            )
        return reply({"ErrorMessage": "not found"}, 404)

    def _machines(self, request: Request) -> Response:
        begin = int(request.query.get("continuationToken", "0"))
        rows = [_machine(box) for box in self.world.boxes[begin : begin + self.page]]
        found: dict[str, Any] = {"Items": rows}
        if begin + self.page < len(self.world.boxes):
            found["ContinuationToken"] = str(begin + self.page)
        return reply(found)


def _machine(box: Box) -> dict[str, Any]:
    return {
        "Name": f"UN\\{box.name}",
        "LoadIndex": box.load_index if box.registration == "Registered" else None,
        "SessionCount": box.sessions,
        "RegistrationState": box.registration,
        "InMaintenanceMode": box.maintenance,
        "PowerState": box.power,
        "DeliveryGroup": {"Id": "1", "Name": box.group},
        "Zone": {"Id": "2", "Name": box.zone},
    }
