"""Windows authentication over HTTP (NTLM), with the package pyspnego (extra ``citrix``)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Generator
from typing import Any

import httpx

from drorch.adapters.citrix.secret import Secret
from drorch.core.errors import InputInvalid

_INSTALL = "install it: pip install 'drorch[citrix]'"


class NtlmAuth(httpx.Auth):
    """The three messages of NTLM on one connection; a refusal of the third is the answer, it is not tried again."""

    def __init__(self, user: str, secret: Callable[[], Secret]) -> None:
        try:
            import spnego
        except ImportError as error:
            raise InputInvalid("NTLM needs the package pyspnego", next_step=_INSTALL) from error
        self._client: Callable[..., Any] = spnego.client
        self._user = user
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx. A connection that is authenticated already is simply used."""
        response = yield request
        scheme = _offered(response)
        if response.status_code != 401 or scheme is None:
            return
        context = self._client(username=self._user, password=self._secret().reveal(), protocol="ntlm")
        request.headers["Authorization"] = _header(scheme, context.step())
        response = yield request
        challenge = _challenge(response, scheme)
        if response.status_code != 401 or challenge is None:
            return
        try:
            answer = context.step(challenge)
        except Exception:
            return  # an unusable challenge: the 401 stands
        request.headers["Authorization"] = _header(scheme, answer)
        yield request
        del request.headers["Authorization"]


def _offered(response: httpx.Response) -> str | None:
    """NTLM, or Negotiate, which takes the same messages."""
    offered = [value.split(" ", 1)[0].lower() for value in response.headers.get_list("www-authenticate")]
    return next((name for name in ("NTLM", "Negotiate") if name.lower() in offered), None)


def _challenge(response: httpx.Response, scheme: str) -> bytes | None:
    for value in response.headers.get_list("www-authenticate"):
        name, _, data = value.partition(" ")
        if name.lower() == scheme.lower() and data:
            try:
                return base64.b64decode(data, validate=True)
            except binascii.Error:
                return None
    return None


def _header(scheme: str, token: bytes | None) -> str:
    return f"{scheme} {base64.b64encode(token or b'').decode()}"
