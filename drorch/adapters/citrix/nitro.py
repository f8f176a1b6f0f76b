"""NetScaler over NITRO: load, limits, licences and denials of a gateway.

Sources: the vendor's NITRO documentation and public clients. Counters come as numbers or as text, one row as an object
or as a list of one; unlimited is said as 0 or 4294967295, by field. Of a pair only the primary is asked.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from drorch.access.ports import CallCheck, Denial, GatewayReading, SourceAnswer, SourceFailed, Trouble
from drorch.adapters.citrix.checks import checked_calls, rows
from drorch.adapters.citrix.secret import Secret
from drorch.adapters.citrix.wire import Answer, Endpoint, Wire, refused
from drorch.core.clock import Clock

SESSION_GONE = frozenset({444, 1027})
PASSWORD_REFUSED = frozenset({354, 355})
NOT_THERE = 258
NO_LIMIT = 4_294_967_295
RIGHTS = "the command policy of docs/citrix.md"
DENIALS = {
    Denial.NO_LICENSE: ("vpn", "vpnlicensefail"),
    Denial.ICA_LICENSE: ("vpn", "icalicensefailure"),
    Denial.STA: ("vpn", "staconnfailure"),
    Denial.CONFIG: ("vpn", "cpsconnfailure"),
    Denial.AUTH: ("aaa", "aaaauthfail"),
}
READ: Mapping[str, str] = {
    "/stat/aaa": "sessions now, refused logons",
    "/stat/vpn": "people turned away: licences, tickets",
    "/config/vpnvserver": "mode and limit of each virtual server",
    "/config/aaaparameter": "limit of the whole gateway",
    "/config/nslicense": "licences and rated throughput",
}
OPTIONAL: Mapping[str, str] = {
    "/config/nslaslicense": "lease of the licence (LAS)",
    "/stat/system": "since when it counts",
    "/config/aaasession?count=yes": "logged-on users (test days)",
}


def _number(value: object) -> object:
    """Counters come as 412, 412.0 or "412"."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else value
    return value


Counter = Annotated[float, BeforeValidator(_number)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    errorcode: Annotated[int, BeforeValidator(_number)]
    message: str = ""


class _Aaa(_Part):
    aaacuricasessions: Counter = 0
    aaacuricaonlyconn: Counter = 0
    aaacursessions: Counter = 0
    aaacuricaconn: Counter = 0
    aaaauthfail: Counter = 0


class _Vpn(_Part):
    vpnlicensefail: Counter
    icalicensefailure: Counter
    staconnfailure: Counter = 0
    cpsconnfailure: Counter = 0


class _Server(_Part):
    icaonly: str = "OFF"
    maxaaausers: Counter = 0
    state: str = "UP"


class _Parameter(_Part):
    maxaaausers: Counter = NO_LIMIT


class _License(_Part):
    sslvpn: bool = False
    f_sslvpn_users: Counter = 0
    f_ica_users: Counter = 0
    modelid: str = ""
    daystoexpiration: Counter | None = None


class _Lease(_Part):
    daystoexpiration: Counter | None = None


class _System(_Part):
    starttimelocal: str = ""


class _Node(_Part):
    hacurmasterstate: str = ""


class _Session(_Part):
    username: str = ""


class NetScaler:
    """A gateway: one node, or both of a pair. See the port `drorch.access.ports.AccessSource`."""

    def __init__(
        self,
        source: str,
        gateway: str,
        nodes: Sequence[Endpoint],
        *,
        user: str,
        secret: Callable[[], Secret],
        clock: Clock,
        session: bool = False,
    ) -> None:
        self.id = source
        self._gateway = gateway
        self._user = user
        self._secret = secret
        self._clock = clock
        self._session = session
        self._wires = [Wire(node, clock) for node in nodes]
        self._open: set[str] = set()
        self._refused = False

    def read(self, since: datetime) -> SourceAnswer:
        """See the port. It keeps no history, so ``since`` does not matter."""
        del since
        wire = self._primary()
        aaa, vpn = self._one(wire, "/stat/aaa", _Aaa), self._one(wire, "/stat/vpn", _Vpn)
        servers = [row for row in self._rows(wire, "/config/vpnvserver", _Server) if row.state.upper() == "UP"]
        limit = self._one(wire, "/config/aaaparameter", _Parameter).maxaaausers
        rights = self._one(wire, "/config/nslicense", _License)
        lease = self._maybe(wire, "/config/nslaslicense", _Lease)
        system = self._maybe(wire, "/stat/system", _System)
        now = self._clock.now().wall
        # A session may be counted as a user, as a connection or as a launched session, by mode: none is left out.
        sessions = max(aaa.aaacursessions, aaa.aaacuricaonlyconn + aaa.aaacuricaconn, aaa.aaacuricasessions)
        counters = {"vpn": vpn, "aaa": aaa}
        reading = GatewayReading(
            gateway=self._gateway,
            at=now,
            node=wire.host,
            sessions=int(sessions),
            ica_only=all(row.icaonly.upper() == "ON" for row in servers) if servers else None,
            max_users=min(
                _limit(limit),
                sum(_limit(row.maxaaausers) for row in servers) if servers else 0.0,
                _limit(rights.f_ica_users) if rights.sslvpn else 0.0,
            ),
            concurrent_licences=_licences(rights),
            throughput_mbit_s=float(rights.modelid) if re.fullmatch(r"\d{1,7}", rights.modelid) else None,
            denials={denial: int(getattr(counters[part], name)) for denial, (part, name) in DENIALS.items()},
            counting_since=f"{wire.host} {system.starttimelocal if system else ''}".strip(),
            lease_until=_until(now, lease, rights),
        )
        return SourceAnswer(readings=(reading,))

    def user_names(self) -> tuple[str, ...]:
        """Who is logged on now. For the yearly test only: callers count them and forget them."""
        return tuple(row.username for row in self._rows(self._primary(), "/config/aaasession", _Session))

    def checks(self) -> Sequence[CallCheck]:
        """See the port."""
        pair = [("/stat/hanode", "which node is the primary", lambda: self._primary().host)]
        primary = checked_calls(pair if len(self._wires) > 1 else ())
        if any(check.trouble is not None for check in primary):
            return primary
        wire = self._primary()
        calls = {**READ, **OPTIONAL}
        return (*primary, *checked_calls([(path, gives, self._counted(wire, path)) for path, gives in calls.items()]))

    def close(self) -> None:
        """See the port. Sessions are few: they are given back."""
        for wire in self._wires:
            if wire.host in self._open:
                # A session that cannot be ended now ends by itself after its timeout.
                with contextlib.suppress(SourceFailed):
                    wire.call("POST", "/nitro/v1/config/logout", json={"logout": {}})
                self._open.discard(wire.host)
            wire.close()

    def _counted(self, wire: Wire, path: str) -> Callable[[], str]:
        return lambda: rows(len(self._rows(wire, path, _Part)))

    def _primary(self) -> Wire:
        if len(self._wires) == 1:
            return self._wires[0]
        primaries: list[Wire] = []
        failures: list[SourceFailed] = []
        for wire in self._wires:
            try:
                states = [row.hacurmasterstate.lower() for row in self._rows(wire, "/stat/hanode", _Node)]
            except SourceFailed as error:
                if error.trouble is Trouble.AUTH:
                    raise
                failures.append(error)
                continue
            if states[:1] == ["primary"]:
                primaries.append(wire)
        if len(primaries) == 1:
            return primaries[0]
        if not primaries and failures:
            raise failures[0]
        what = f"{len(primaries)} of {len(self._wires)} nodes say that they are the primary"
        raise SourceFailed(Trouble.HTTP, what, where=self.id, next_step="look at the pair: show ha node")

    def _one(self, wire: Wire, path: str, shape: type[Any]) -> Any:
        rows = self._rows(wire, path, shape)
        if len(rows) != 1:
            what = f"the answer is not as documented: {len(rows)} rows"
            raise SourceFailed(Trouble.PARSE, what, where=wire.host + path, next_step="look at the version")
        return rows[0]

    def _maybe(self, wire: Wire, path: str, shape: type[Any]) -> Any:
        """None where this version does not have it, or the account may not read it: nothing needed hangs on it."""
        try:
            rows = self._rows(wire, path, shape)
        except SourceFailed as error:
            if error.trouble in (Trouble.MISSING, Trouble.FORBIDDEN):
                return None
            raise
        return rows[0] if rows else None

    def _rows(self, wire: Wire, path: str, shape: type[Any]) -> list[Any]:
        answer = self._asked(wire, path)
        envelope = self._envelope(answer)
        if envelope.errorcode in SESSION_GONE and self._session:
            self._open.discard(wire.host)
            answer = self._asked(wire, path)
            envelope = self._envelope(answer)
        self._judge(answer, envelope)
        name = path.split("?")[0].rsplit("/", 1)[1]
        found = (envelope.model_extra or {}).get(name, [])
        rows = found if isinstance(found, list) else [found]
        try:
            return [shape.model_validate(row) for row in rows]
        except ValidationError as error:
            field = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            what = f"the answer is not as documented: {field}"
            raise SourceFailed(Trouble.PARSE, what, where=answer.where, next_step="look at the version") from None

    def _asked(self, wire: Wire, path: str) -> Answer:
        if self._refused:
            raise self._no_more(wire)
        if self._session and wire.host not in self._open:
            self._log_in(wire)
        headers = {} if self._session else self._credentials()
        return wire.call("GET", f"/nitro/v1{path}", headers=headers)

    def _log_in(self, wire: Wire) -> None:
        wire.cookies.clear()
        body = {"login": {"username": self._user, "password": self._secret().reveal()}}
        answer = wire.call("POST", "/nitro/v1/config/login", json=body)
        self._judge(answer, self._envelope(answer))
        if wire.cookie("NITRO_AUTH_TOKEN") is None:
            what = "the answer is not as documented: no session cookie"
            raise SourceFailed(Trouble.PARSE, what, where=answer.where, next_step="look at the version")
        self._open.add(wire.host)

    def _credentials(self) -> dict[str, str]:
        return {"X-NITRO-USER": self._user, "X-NITRO-PASS": self._secret().reveal()}

    def _envelope(self, answer: Answer) -> _Envelope:
        if answer.status >= 400 and b"errorcode" not in answer.body[:4096]:
            if answer.status == 401:
                self._refused = True
            raise refused(answer, rights=RIGHTS)
        return answer.parsed(_Envelope)

    def _judge(self, answer: Answer, envelope: _Envelope) -> None:
        """Status and error code both have to be good."""
        code = envelope.errorcode
        if code == 0 and answer.status < 400:
            return
        if code in PASSWORD_REFUSED or answer.status == 401:
            self._refused = True
            what = f"does not accept the name or password (error {code})"
            raise SourceFailed(
                Trouble.AUTH, what, where=answer.where, next_step="mend the account; it is not tried again"
            )
        if code in SESSION_GONE:
            what = f"the session is gone (error {code})"
            raise SourceFailed(Trouble.EXPIRED, what, where=answer.where, next_step="look at the session timeout")
        if code == NOT_THERE or answer.status in (403, 404):
            answer = Answer(
                status=403 if answer.status == 403 else 404,
                headers=answer.headers,
                body=answer.body,
                where=answer.where,
            )
            raise refused(answer, rights=RIGHTS)
        what = f"says no: error {code}, status {answer.status}"
        raise SourceFailed(Trouble.HTTP, what, where=answer.where, next_step="look the code up in the NITRO reference")

    def _no_more(self, wire: Wire) -> SourceFailed:
        what = "the password was refused before and is not tried again"
        return SourceFailed(Trouble.AUTH, what, where=wire.host, next_step="mend the account, then start anew")


def _limit(value: float) -> float:
    """0 and 4294967295 both say: no limit here."""
    return math.inf if value in (0, NO_LIMIT) else value


def _licences(rights: _License) -> float:
    """User licences. That 0 means unlimited is documented for ICA users only: here it means none."""
    if not rights.sslvpn:
        return 0.0
    return math.inf if rights.f_sslvpn_users == NO_LIMIT else rights.f_sslvpn_users


def _until(now: datetime, lease: _Lease | None, rights: _License) -> date | None:
    """End of the lease, else of the licence. A licence with 0 days has no end (perpetual); a lease with 0 has ended."""
    if lease is not None and lease.daystoexpiration is not None:
        return (now + timedelta(days=max(0.0, lease.daystoexpiration))).date()
    days = rights.daystoexpiration
    return None if days is None or days <= 0 else (now + timedelta(days=days)).date()
