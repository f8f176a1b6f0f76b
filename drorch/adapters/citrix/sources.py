"""From the sources file to clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from drorch.access.ports import AccessSource, Account, CallCheck, LoginDriver, SourceAnswer, SourceFailed, Trouble
from drorch.access.sources import AuthKind, SourceConfig, SourceKind, Way
from drorch.adapters.citrix.checks import checked_calls
from drorch.adapters.citrix.cvad import Cvad
from drorch.adapters.citrix.licences import CloudLicences, LicenceFile
from drorch.adapters.citrix.login import CitrixLogins, Login, LoginConfig
from drorch.adapters.citrix.monitor import Monitor
from drorch.adapters.citrix.nitro import NetScaler
from drorch.adapters.citrix.secret import Secret, read_secret
from drorch.adapters.citrix.tokens import CloudBearer
from drorch.adapters.citrix.wire import Endpoint
from drorch.core.clock import Clock


def open_source(config: SourceConfig, clock: Clock) -> AccessSource:
    """The client of a source. Nothing is asked yet."""
    if config.kind is SourceKind.NETSCALER:
        return NetScaler(
            config.id,
            config.gateway or "",
            [_endpoint(config, url) for url in config.urls],
            user=config.user or "",
            secret=_secret(config),
            clock=clock,
            session=config.auth is AuthKind.SESSION,
        )
    if config.kind is SourceKind.LICENCE_FILE:
        return LicenceFile(config.id, config.file or Path(), config.products)
    if config.kind is SourceKind.LOGIN:
        return LoginSource(config, clock)
    return _with_token(config, clock)


def login_driver(config: SourceConfig, clock: Clock) -> LoginDriver:
    """Logs accounts on the way that a source of kind ``login`` says."""
    return CitrixLogins(_login(config), clock)


def _with_token(config: SourceConfig, clock: Clock) -> AccessSource:
    endpoint = _endpoint(config, config.urls[0])
    bearer = None
    if config.auth is AuthKind.CLOUD:
        bearer = CloudBearer(
            _endpoint(config, config.token_url or ""),
            customer=config.customer or "",
            client_id=config.client_id or "",
            secret=_secret(config),
            clock=clock,
        )
    account = (config.user or "", _secret(config))
    if config.kind is SourceKind.MONITOR:
        site = config.site or ""
        return Monitor(config.id, site, endpoint, clock=clock, bearer=bearer, ntlm=None if bearer else account)
    if config.kind is SourceKind.CVAD:
        return Cvad(
            config.id,
            endpoint,
            pools=config.pools,
            licence=config.licence,
            clock=clock,
            bearer=bearer,
            basic=None if bearer else account,
        )
    if bearer is None:
        raise ValueError("the cloud's licences need its token")
    return CloudLicences(config.id, config.licence or "", endpoint, bearer=bearer, clock=clock)


class LoginSource:
    """A synthetic login as a source. See the port `drorch.access.ports.AccessSource`."""

    def __init__(self, config: SourceConfig, clock: Clock) -> None:
        self.id = config.id
        self._config = config
        self._clock = clock

    def read(self, since: datetime) -> SourceAnswer:
        """See the port. A login that failed is a reading, and no failure to read."""
        del since
        login = self._log_in()
        login.log_off()
        return SourceAnswer(readings=(login.reading,))

    def checks(self) -> Sequence[CallCheck]:
        """See the port."""
        return checked_calls((("login", "phase by phase: " + self._way(), self._told),))

    def close(self) -> None:
        """See the port. Nothing is open between rounds."""

    def _way(self) -> str:
        return (self._config.way or Way.STOREFRONT).value

    def _told(self) -> str:
        login = self._log_in()
        off = login.log_off()
        phases = ", ".join(f"{item.phase} {item.seconds:.1f} s" for item in login.reading.phases)
        if login.reading.trouble is not None:
            raise SourceFailed(login.reading.trouble, f"{login.detail}; reached: {phases}", where=self.id)
        if not off:
            raise SourceFailed(Trouble.HTTP, "it could not be logged off", where=self.id)
        return f"{phases}; {len(login.resources)} resources; logged off"

    def _log_in(self) -> Login:
        account = Account(user=self._config.user or "", password_file=str(self._config.secret_file))
        return CitrixLogins(_login(self._config), self._clock).log_in(account)


def _login(config: SourceConfig) -> LoginConfig:
    return LoginConfig(
        site=config.site or "",
        way=config.way or Way.STOREFRONT,
        endpoint=_endpoint(config, config.urls[0]),
        store=config.store,
        expect=config.expect,
        launch=config.launch,
    )


def _endpoint(config: SourceConfig, url: str) -> Endpoint:
    return Endpoint(url=url, ca_file=config.ca_file, call_s=config.call_s)


def _secret(config: SourceConfig) -> Callable[[], Secret]:
    """Read when it is needed: a password that was changed in its file is used at once."""
    return lambda: read_secret(config.secret_file or Path())
