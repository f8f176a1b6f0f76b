"""A synthetic login, phase by phase: through a gateway (classic or nFactor) or straight at StoreFront.

It stops at a second factor, never repeats a refused password, and always logs off. What it proves ends where the
desktop begins: gateway, password, store, list of resources, and with ``launch`` that a machine could be given. The
session on the desktop itself needs a real client.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from drorch.access.ports import Account, LoginReading, PhaseReading, SourceFailed, Trouble
from drorch.access.sources import Way
from drorch.adapters.citrix.forms import Form, Verdict, attribute_urls, method_urls, parse_xml, read_form
from drorch.adapters.citrix.login_answers import (
    Launch,
    Resources,
    Ticket,
    expect_status,
    refuse_detours,
    refused_password,
    strange,
)
from drorch.adapters.citrix.secret import Secret, read_secret
from drorch.adapters.citrix.wire import Answer, Endpoint, Wire, trust_of
from drorch.core.clock import Clock
from drorch.core.errors import DrorchError

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
"""Hardened gateways treat a tool's user agent like a wrong password."""
MOST_POLLS = 12
"""Times a launch is asked for again: machines may have to start."""
LONGEST_POLL_S = 30.0
GATEWAY_COOKIE = "NSC_AAAC"


@dataclass(frozen=True, kw_only=True)
class LoginConfig:
    """How to log in."""

    site: str
    way: Way
    endpoint: Endpoint
    store: str
    expect: int = 1
    launch: str | None = None


class CitrixLogins:
    """Logs accounts on. See the port `drorch.access.ports.LoginDriver`."""

    def __init__(self, config: LoginConfig, clock: Clock) -> None:
        """InputInvalid when the CA file cannot be used."""
        self._config = config
        self._clock = clock
        self._trust = trust_of(config.endpoint)

    def log_in(self, account: Account) -> Login:
        """See the port."""
        login = Login(self._config, self._clock, self._trust)
        login.run(account.user, lambda: read_secret(Path(account.password_file)))
        return login

    def log_off(self, ticket: Mapping[str, object]) -> bool:
        """See the port."""
        login = Login(self._config, self._clock, self._trust)
        login.take_over(Ticket.model_validate(ticket))
        return login.log_off()


@dataclass
class _Progress:
    phases: list[PhaseReading] = field(default_factory=list)
    trouble: Trouble | None = None
    detail: str = ""


class Login:
    """One login. See the port `drorch.access.ports.HeldLogin`."""

    def __init__(self, config: LoginConfig, clock: Clock, trust: ssl.SSLContext) -> None:
        self._config = config
        self._clock = clock
        self._wire = Wire(config.endpoint, clock, agent=AGENT, trust=trust)
        self._at = clock.now().wall
        self._progress = _Progress()
        self._names: frozenset[str] = frozenset()
        self._paths: Mapping[str, str] = {}
        self._inside = False
        self._at_store = False
        self._off: bool | None = None

    @property
    def reading(self) -> LoginReading:
        """See the port."""
        done = self._progress
        return LoginReading(
            site=self._config.site,
            at=self._at,
            succeeded=done.trouble is None and bool(done.phases),
            phases=tuple(done.phases),
            trouble=done.trouble,
        )

    @property
    def detail(self) -> str:
        """What went wrong, in words; empty when nothing did."""
        return self._progress.detail

    @property
    def resources(self) -> frozenset[str]:
        """See the port."""
        return self._names

    def run(self, user: str, secret: Callable[[], Secret]) -> None:
        """All phases, up to the first that fails. What was opened before a failure is logged off at once."""
        try:
            if self._config.way is Way.STOREFRONT:
                with self._phase("store"):
                    self._configure()
                with self._phase("password"):
                    self._explicit(user, secret)
            else:
                with self._phase("gateway"):
                    form = self._gateway_page()
                with self._phase("password"):
                    self._gateway_password(form, user, secret)
                with self._phase("store"):
                    self._configure()
                    self._single_sign_on()
            with self._phase("resources"):
                self._list()
            if self._config.launch is not None:
                with self._phase("launch"):
                    self._launch(self._config.launch)
        except SourceFailed as error:
            self._progress.trouble = error.trouble
            self._progress.detail = f"{error.what} ({error.where})"
            self.log_off()
        except DrorchError as error:
            # A secret file that cannot be used: nothing was sent.
            self._progress.trouble = Trouble.AUTH
            self._progress.detail = error.what
            self.log_off()

    def log_off(self) -> bool:
        """See the port."""
        if self._off is not None:
            return self._off
        self._off = True
        try:
            if self._at_store:
                self._off = self._post("Authentication/Logoff").status < 400
            if self._inside:
                left = self._wire.call("GET", "/cgi/logout", headers=self._origin())
                self._off = left.status < 400 and self._off
        except SourceFailed:
            self._off = False
        finally:
            self._wire.close()
        return self._off

    def ticket(self) -> Mapping[str, object]:
        """See the port."""
        cookies = [(item.name, item.value or "", item.domain, item.path) for item in self._wire.cookies.jar]
        return {"inside": self._inside, "at_store": self._at_store, "cookies": cookies}

    def take_over(self, ticket: Ticket) -> None:
        """Be the login that another process began."""
        self._inside, self._at_store = ticket.inside, ticket.at_store
        for name, value, domain, path in ticket.cookies:
            self._wire.cookies.set(name, value, domain=domain, path=path)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = self._clock.now()
        succeeded = False
        try:
            yield
            succeeded = True
        finally:
            seconds = self._clock.now().since(began)
            self._progress.phases.append(PhaseReading(phase=name, seconds=round(seconds, 3), succeeded=succeeded))

    # -- the gateway ------------------------------------------------------------------------------------------------

    def _gateway_page(self) -> Form | None:
        if self._config.way is Way.GATEWAY_CLASSIC:
            page = self._wire.call("GET", "/vpn/index.html", headers=self._origin())
            expect_status(page, 200)
            return None
        expect_status(self._wire.call("GET", "/logon/LogonPoint/index.html", headers=self._origin()), 200)
        answer = self._wire.call("POST", "/p/u/getAuthenticationRequirements.do", headers=self._origin(), form={})
        if answer.status == 404:  # older versions
            answer = self._wire.call(
                "POST", "/nf/auth/getAuthenticationRequirements.do", headers=self._origin(), form={}
            )
        expect_status(answer, 200)
        return read_form(answer.body, answer.where)

    def _gateway_password(self, form: Form | None, user: str, secret: Callable[[], Secret]) -> None:
        if form is None:
            self._classic(user, secret)
            return
        refuse_detours(form, self._wire.host)
        filled = form.filled(user, secret().reveal())
        answer = self._wire.call("POST", self._local(form.post_back), headers=self._origin(), form=filled)
        expect_status(answer, 200)
        self._inside = self._wire.cookie(GATEWAY_COOKIE) is not None
        self._judge(read_form(answer.body, answer.where), answer.where)
        if not self._inside:
            raise strange(answer, "no session cookie")
        expect_status(self._wire.call("POST", "/p/u/setClient.do", headers=self._origin(), form={}), 200)

    def _classic(self, user: str, secret: Callable[[], Secret]) -> None:
        form = {"login": user, "passwd": secret().reveal()}
        answer = self._wire.call("POST", "/cgi/login", headers=self._origin(), form=form)
        error = self._wire.cookie("NSC_VPNERR")
        self._inside = self._wire.cookie(GATEWAY_COOKIE) is not None and error is None
        to = urlsplit(answer.headers.get("location", "")).path
        if answer.status != 302:
            expect_status(answer, 302)
        if not self._inside:
            if error == "4009" or "maxusers" in to:
                what = "the gateway is full: login exceeds maximum allowed users"
                raise SourceFailed(Trouble.HTTP, what, where=answer.where, next_step="look at its limits and licences")
            raise refused_password(answer.where)
        if to not in ("/cgi/setclient", "/cgi/selfauth"):
            what = "the gateway asks for more than a password"
            raise SourceFailed(
                Trouble.SECOND_FACTOR, what, where=answer.where, next_step="exempt the monitoring account"
            )
        expect_status(self._wire.call("POST", "/cgi/setclient?wica", headers=self._origin(), form={}), 200, 302)

    def _single_sign_on(self) -> None:
        address = self._methods().get("CitrixAGBasic")
        if address is None:
            raise SourceFailed(
                Trouble.FORBIDDEN,
                "the store does not take logins from the gateway",
                where=self._wire.host,
                next_step="allow pass-through from the gateway at the store",
            )
        answer = self._post(address or "GatewayAuth/Login")
        expect_status(answer, 200)
        self._judge(read_form(answer.body, answer.where), answer.where)
        self._at_store = True

    # -- the store --------------------------------------------------------------------------------------------------

    def _configure(self) -> None:
        answer = self._post("Home/Configuration")
        expect_status(answer, 200)
        self._paths = attribute_urls(parse_xml(answer.body, answer.where))

    def _methods(self) -> Mapping[str, str]:
        answer = self._post(self._path("authmanager.getauthmethodsurl", "Authentication/GetAuthMethods"))
        expect_status(answer, 200)
        return method_urls(parse_xml(answer.body, answer.where))

    def _explicit(self, user: str, secret: Callable[[], Secret]) -> None:
        address = self._methods().get("ExplicitForms")
        if address is None:
            raise SourceFailed(
                Trouble.FORBIDDEN,
                "the store does not take a name and password",
                where=self._wire.host,
                next_step="allow explicit login at the store, or test through the gateway",
            )
        answer = self._post(address or "ExplicitAuth/Login")
        expect_status(answer, 200)
        form = read_form(answer.body, answer.where)
        refuse_detours(form, answer.where)
        answer = self._post(form.post_back, form.filled(user, secret().reveal()))
        expect_status(answer, 200)
        self._judge(read_form(answer.body, answer.where), answer.where)
        self._at_store = True

    def _list(self) -> None:
        path = self._path("resourcesproxy.listurl", "Resources/List")
        answer = self._post(path, {"format": "json", "resourceDetails": "Default"})
        expect_status(answer, 200)
        found = answer.parsed(Resources).resources
        self._names = frozenset(item.name for item in found)
        self._launchable = {item.name: item.launch_status for item in found}
        if len(found) < self._config.expect:
            what = f"{len(found)} resources are offered, and {self._config.expect} are expected"
            raise SourceFailed(Trouble.MISSING, what, where=answer.where, next_step="look at the account's groups")

    def _launch(self, name: str) -> None:
        address = self._launchable.get(name)
        if not address:
            what = f"{name!r} is not offered for launch"
            raise SourceFailed(Trouble.MISSING, what, where=self._wire.host, next_step="look at the account's groups")
        for _ in range(MOST_POLLS):
            answer = self._post(address, {"createFileFetchTicket": "false"})
            expect_status(answer, 200)
            said = answer.parsed(Launch)
            if said.status == "success":
                return
            if said.status != "retry":
                what = f"no machine is given: {said.error or said.status}"
                raise SourceFailed(Trouble.HTTP, what[:200], where=answer.where, next_step="look at the delivery group")
            self._clock.sleep(min(max(0.0, said.wait_s), LONGEST_POLL_S))
        what = "no machine is given in time"
        raise SourceFailed(Trouble.TIMEOUT, what, where=self._wire.host, next_step="look at the delivery group")

    def _post(self, path: str, form: Mapping[str, str] | None = None) -> Answer:
        """A call to the store. Its token is re-issued on the way, so it is read from the cookies each time."""
        headers = {**self._origin(), "X-Citrix-IsUsingHTTPS": "Yes", "X-Requested-With": "XMLHttpRequest"}
        token = self._wire.cookie("CsrfToken")
        if token is not None:
            headers["Csrf-Token"] = token
        return self._wire.call("POST", self._in_store(path), headers=headers, form=form or {})

    def _path(self, name: str, usual: str) -> str:
        return self._paths.get(name) or usual

    def _in_store(self, path: str) -> str:
        local = self._local(path)
        return local if local.startswith(self._config.store) else f"{self._config.store}/{local.lstrip('/')}"

    def _local(self, path: str) -> str:
        """An address out of an answer: only ever on the same host."""
        parts = urlsplit(path)
        if parts.netloc and parts.netloc != self._wire.host:
            what = f"points to another host ({parts.netloc}), which is given nothing"
            raise SourceFailed(
                Trouble.REDIRECTED, what, where=self._wire.host, next_step="look at the store's addresses"
            )
        query = f"?{parts.query}" if parts.query else ""
        found = quote(parts.path, safe="/%._-~!$&'()*+,;=:@") + query
        return found if found.startswith("/") else f"/{found}" if parts.netloc else found

    def _origin(self) -> dict[str, str]:
        parts = urlsplit(self._config.endpoint.url)
        return {"Origin": f"{parts.scheme}://{parts.netloc}"}

    def _judge(self, form: Form, where: str) -> None:
        if form.verdict is Verdict.SUCCESS:
            return
        if form.verdict is Verdict.SECOND_FACTOR:
            raise SourceFailed(
                Trouble.SECOND_FACTOR,
                "asks for a second factor: it cannot be tested beyond that",
                where=where,
                next_step="exempt the monitoring account, bound to this machine's address",
            )
        refuse_detours(form, where)
        raise refused_password(where)
