"""Sessions of browsers, kept on the server: the cookie is random, and only its digest is stored."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from drorch.app.accounts import SESSION, Account, Accounts, digest
from drorch.core.clock import Clock
from drorch.core.records import Record, Records, Stale
from drorch.interfaces.http.security.principal import Principal
from drorch.interfaces.http.settings import WebSettings

TOUCH_S = 60.0
"""The last use is written down this often: a page that asks every second must not write every second."""


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Begin, look up and end sessions."""

    records: Records
    accounts: Accounts
    clock: Clock
    settings: WebSettings

    def begin(self, account: Account, response: Response) -> Principal:
        """A new session for the account; its cookie is put on the response."""
        secret, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), self.clock.now().wall
        self.records.purge(now)
        until = now + timedelta(seconds=self.settings.absolute_s)
        data = {"csrf": csrf, "begun": now.isoformat(), "used": now.isoformat()}
        self.records.put(SESSION, digest(secret), data, owner=account.login, expected=0, until=until)
        response.set_cookie(
            self.settings.cookie,
            secret,
            max_age=int(self.settings.absolute_s),
            httponly=True,
            secure=self.settings.secure,
            samesite="strict",
            path="/",
        )
        return _principal(account, digest(secret), csrf)

    def of(self, request: Request) -> Principal | None:
        """Who the request's cookie stands for; None when it is too old, ended, or its account is disabled."""
        secret = request.cookies.get(self.settings.cookie)
        return self.find(digest(secret), used=True) if secret else None

    def find(self, key: str, *, used: bool) -> Principal | None:
        """By digest. ``used``: a person did something just now, which lets an idle session live on."""
        record = self.records.get(SESSION, key)
        if record is None:
            return None
        now, begun = self.clock.now().wall, _instant(record.data, "begun")
        last = _instant(record.data, "used")
        idle = (now - last).total_seconds()
        if idle > self.settings.idle_s or (now - begun).total_seconds() > self.settings.absolute_s:
            self.records.drop(SESSION, key)
            return None
        account = self.accounts.find(record.owner)
        if account is None or account.disabled:
            return None
        if used and idle > TOUCH_S:
            self._touch(record, now, begun)
        return _principal(account, key, str(record.data["csrf"]))

    def end(self, request: Request, response: Response) -> None:
        """End the request's session; harmless without one."""
        secret = request.cookies.get(self.settings.cookie)
        if secret:
            self.records.drop(SESSION, digest(secret))
        response.delete_cookie(
            self.settings.cookie, path="/", httponly=True, secure=self.settings.secure, samesite="strict"
        )

    def _touch(self, record: Record, now: datetime, begun: datetime) -> None:
        data = {**record.data, "used": now.isoformat()}
        until = begun + timedelta(seconds=self.settings.absolute_s)
        try:
            # Only if it is still there: a session that was ended meanwhile must not come back.
            self.records.put(SESSION, record.key, data, owner=record.owner, expected=record.version, until=until)
        except Stale:
            return


def _principal(account: Account, key: str, csrf: str) -> Principal:
    return Principal(
        name=account.person,
        login=account.login,
        roles=account.roles,
        via="session",
        departments=account.departments,
        secret=key,
        csrf=csrf,
    )


def _instant(data: Mapping[str, object], name: str) -> datetime:
    return datetime.fromisoformat(str(data[name]))
