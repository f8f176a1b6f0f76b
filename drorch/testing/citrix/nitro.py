"""A NetScaler node over NITRO."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from drorch.testing.citrix.asgi import Request, Response, Simulator, reply
from drorch.testing.citrix.world import World

NO_LIMIT = 4_294_967_295


@dataclass
class NitroSimulator(Simulator):
    """One node. What it counts comes from the world it is the door of."""

    world: World = field(default_factory=World)
    user: str = "drpoll"
    password: str = "nitro-Pa55word"
    primary: bool = True
    as_text: bool = True
    """Numbers as text, as appliances send them; False: as numbers."""
    as_object: bool = True
    """One row as an object; False: as a list of one."""
    max_users: int = NO_LIMIT
    icaonly: str = "ON"
    lease_days: int | None = 546
    started: str = "Mon Nov 16 03:12:44 2026"
    tokens: set[str] = field(default_factory=set)
    error: tuple[int, str] | None = None
    """Answer every question with this code."""
    forbidden: set[str] = field(default_factory=set)
    """Resources the account may not read."""
    counted_from: dict[str, int] = field(default_factory=dict)
    """What the counters stood at when they were set to 0."""

    def restart(self, started: str) -> None:
        """Counters begin anew."""
        self.counted_from = dict(self.world.denied)
        self.started = started

    def expire(self) -> None:
        """All sessions end."""
        self.tokens.clear()

    def respond(self, request: Request) -> Response:
        """See the base."""
        path = request.path.removeprefix("/nitro/v1")
        if path == "/config/login":
            return self._log_in(request)
        if path == "/config/logout":
            self.tokens.discard(request.cookie("NITRO_AUTH_TOKEN") or "")
            return reply({"errorcode": 0, "message": "Done", "severity": "NONE"}, 201)
        refused = self._refused(request)
        if refused is not None:
            return refused
        if self.error is not None:
            code, message = self.error
            return reply({"errorcode": code, "message": message, "severity": "ERROR"}, 599 if code > 2000 else 200)
        name = path.rsplit("/", 1)[1]
        if name in self.forbidden:
            return reply({"errorcode": 2138, "message": "Not authorized to execute this command"}, 403)
        rows = self._rows(path, request)
        if rows is None:
            return reply({"errorcode": 258, "message": "No such resource", "severity": "ERROR"}, 404)
        found: Any = [self._typed(row) for row in rows]
        if self.as_object and len(found) == 1 and path.startswith("/stat/"):
            (found,) = found
        return reply({"errorcode": 0, "message": "Done", "severity": "NONE", name: found})

    def _log_in(self, request: Request) -> Response:
        asked = request.json.get("login", {})
        if (asked.get("username"), asked.get("password")) != (self.user, self.password):
            return reply({"errorcode": 354, "message": "Invalid username or password", "severity": "ERROR"}, 401)
        token = secrets.token_hex(16)
        self.tokens.add(token)
        cookie = (("set-cookie", f"NITRO_AUTH_TOKEN={token}; path=/nitro/v1; HttpOnly"),)
        return reply({"errorcode": 0, "message": "Done", "severity": "NONE", "sessionid": token}, 201, cookie)

    def _refused(self, request: Request) -> Response | None:
        token = request.cookie("NITRO_AUTH_TOKEN")
        name, password = request.headers.get("x-nitro-user"), request.headers.get("x-nitro-pass")
        if token is not None:
            if name is not None:
                return reply({"errorcode": 1, "message": "cookie and headers together", "severity": "ERROR"}, 400)
            if token not in self.tokens:
                return reply({"errorcode": 444, "message": "Session expired", "severity": "ERROR"}, 401)
            return None
        if (name, password) != (self.user, self.password):
            return reply({"errorcode": 354, "message": "Invalid username or password", "severity": "ERROR"}, 401)
        return None

    def _rows(self, path: str, request: Request) -> list[dict[str, Any]] | None:
        denied = {name: self.world.denied[name] - self.counted_from.get(name, 0) for name in self.world.denied}
        users = self.world.logged_on
        lease = None if self.lease_days is None else [{"status": "ACTIVE", "daystoexpiration": self.lease_days}]
        known: dict[str, list[dict[str, Any]] | None] = {
            "/stat/hanode": [{"hacurstate": "UP", "hacurmasterstate": "Primary" if self.primary else "Secondary"}],
            "/stat/aaa": [
                {
                    "aaacuricasessions": self.world.desktops,
                    "aaacuricaonlyconn": len(users),
                    "aaacursessions": 0,
                    "aaacuricaconn": 0,
                    "aaaauthfail": denied["auth"],
                }
            ],
            "/stat/vpn": [
                {
                    "vpnlicensefail": denied["license"],
                    "icalicensefailure": denied["ica"],
                    "staconnsuccess": 51_233,
                    "staconnfailure": denied["sta"],
                    "cpsconnfailure": 0,
                    "stamonfail": 0,
                }
            ],
            "/config/vpnvserver": [
                {"name": "gw", "icaonly": self.icaonly, "maxaaausers": self.world.max_users, "state": "UP"},
                {"name": "gw-old", "icaonly": "OFF", "maxaaausers": 10, "state": "DOWN"},
            ],
            "/config/aaaparameter": [{"maxaaausers": self.max_users}],
            "/config/nslicense": [
                {
                    "ssl": True,
                    "sslvpn": True,
                    "f_sslvpn_users": 1000,
                    "f_ica_users": 0,
                    "modelid": "200",
                    "licensingmode": "LAS (Fixed Bandwidth)",
                    "daystoexpiration": 113,
                }
            ],
            "/config/nslaslicense": lease,
            "/stat/system": [{"starttimelocal": self.started, "cpuusagepcnt": 4}],
            "/config/aaasession": (
                [{"__count": len(users)}]
                if request.query.get("count") == "yes"
                else [{"username": user, "publicip": "192.0.2.7"} for user in users]
            ),
        }
        return known.get(path)

    def _typed(self, row: dict[str, Any]) -> dict[str, Any]:
        if not self.as_text:
            return row
        whole = {name: isinstance(value, int) and not isinstance(value, bool) for name, value in row.items()}
        return {name: str(value) if whole[name] else value for name, value in row.items()}
