"""Bearer tokens: of Citrix Cloud (client credentials) and of a site's own REST service. Fetched when first needed,
fetched once more when one is no longer accepted; a refusal is final."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import httpx
from pydantic import BaseModel, ConfigDict, Field

from drorch.access.ports import SourceFailed, Trouble
from drorch.adapters.citrix.secret import Secret
from drorch.adapters.citrix.wire import Answer, Endpoint, Wire, refused
from drorch.core.clock import Clock

RIGHTS = "the read-only role of docs/citrix.md"
_SPARE_S = 60.0


class _CloudToken(BaseModel):
    model_config = ConfigDict(extra="ignore")
    access_token: str = Field(min_length=1)
    expires_in: float = 3600


class _SiteToken(BaseModel):
    model_config = ConfigDict(extra="ignore")
    token: str = Field(alias="Token", min_length=1)


class Bearer(Protocol):
    """Something that gives the headers of a call."""

    def headers(self) -> Mapping[str, str]:
        """Headers with a token that is believed to be valid."""
        ...

    def forget(self) -> None:
        """The token was not accepted: fetch another."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class _Fetched:
    """A token that is kept, and a refusal that is remembered."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._token: Secret | None = None
        self._refused = False

    def forget(self) -> None:
        """See `Bearer`."""
        self._token = None

    def _fetch(self) -> Secret:
        raise NotImplementedError

    def _valid(self) -> Secret:
        if self._refused:
            what = "the secret was refused before and is not tried again"
            raise SourceFailed(Trouble.AUTH, what, where=self._where, next_step="mend the account, then start anew")
        if self._token is None:
            try:
                self._token = self._fetch()
            except SourceFailed as error:
                self._refused = error.trouble is Trouble.AUTH
                raise
        return self._token


class CloudBearer(_Fetched):
    """Citrix Cloud: `POST .../cctrustoauth2/{customer}/tokens/clients`."""

    def __init__(
        self, endpoint: Endpoint, *, customer: str, client_id: str, secret: Callable[[], Secret], clock: Clock
    ) -> None:
        self._wire = Wire(endpoint, clock)
        super().__init__(self._wire.host)
        self._customer, self._client_id, self._secret, self._clock = customer, client_id, secret, clock
        self._until = 0.0

    def headers(self) -> Mapping[str, str]:
        """See `Bearer`."""
        if self._clock.now().mono > self._until:
            self.forget()
        token = self._valid().reveal()
        return {"Authorization": f"CWSAuth bearer={token}", "Citrix-CustomerId": self._customer}

    def close(self) -> None:
        """See `Bearer`."""
        self._wire.close()

    def _fetch(self) -> Secret:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._secret().reveal(),
        }
        answer = self._wire.call("POST", f"/cctrustoauth2/{self._customer}/tokens/clients", form=form)
        if answer.status in (400, 401):
            raise refused(Answer(status=401, headers=answer.headers, body=b"", where=answer.where), rights=RIGHTS)
        if answer.status >= 400:
            raise refused(answer, rights=RIGHTS)
        found = answer.parsed(_CloudToken)
        self._until = self._clock.now().mono + max(0.0, found.expires_in - _SPARE_S)
        return Secret(found.access_token)


class SiteBearer(_Fetched):
    """A site's own REST service: `POST /tokens` with Basic; about an hour."""

    def __init__(self, wire: Wire, *, user: str, secret: Callable[[], Secret]) -> None:
        super().__init__(wire.host)
        self._wire, self._user, self._secret = wire, user, secret

    def headers(self) -> Mapping[str, str]:
        """See `Bearer`."""
        token = self._valid().reveal()
        return {"Authorization": f"CWSAuth bearer={token}", "Citrix-CustomerId": "CitrixOnPremises"}

    def close(self) -> None:
        """See `Bearer`. The connection is its owner's."""

    def _fetch(self) -> Secret:
        basic = httpx.BasicAuth(self._user, self._secret().reveal())
        made = next(basic.auth_flow(httpx.Request("POST", "http://localhost")))
        answer = self._wire.call("POST", "/tokens", headers={"Authorization": made.headers["Authorization"]})
        if answer.status >= 400:
            raise refused(answer, rights=RIGHTS)
        return Secret(answer.parsed(_SiteToken).token)


def asked(
    wire: Wire,
    bearer: Bearer | None,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A GET with a token, repeated once with a new one when the first had expired. SourceFailed when it says no."""
    answer = wire.call("GET", path, params=params, headers={**(headers or {}), **(bearer.headers() if bearer else {})})
    if answer.status == 401 and bearer is not None:
        bearer.forget()
        answer = wire.call("GET", path, params=params, headers={**(headers or {}), **bearer.headers()})
        if answer.status == 401:
            raise SourceFailed(
                Trouble.EXPIRED,
                "does not accept a token that it has just given",
                where=answer.where,
                next_step="compare the clocks of both machines, and the customer's id",
            )
    if answer.status >= 400:
        raise refused(answer, rights=RIGHTS)
    return answer
