"""An OpenID provider over HTTP: discovery, authorization code flow with PKCE, and the checks of the ID token."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from drorch.core.clock import Clock
from drorch.core.errors import ProviderFailed

with warnings.catch_warnings():
    # Authlib announces its move to another HTTP package at import, with a filter of its own that comes first.
    import authlib.deprecate  # noqa: F401

    warnings.simplefilter("ignore")
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import OAuth2Client

TIMEOUT_S = 10.0
FRESH_S = 3600.0
LEEWAY_S = 60.0
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures with a key of the provider only: never ``none``, never a shared secret."""


class OpenIdProvider:
    """See the port `drorch.app.oidc.IdentityProvider`. Keeps what discovery said for an hour."""

    def __init__(
        self, *, issuer: str, client_id: str, secret: str | None, redirect: str, scopes: tuple[str, ...], clock: Clock
    ) -> None:
        self._issuer, self._client_id, self._secret = issuer, client_id, secret
        self._redirect, self._scopes, self._clock = redirect, scopes, clock
        self._lock = threading.Lock()
        self._document: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        self._asked = 0.0

    def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """See the port."""
        document, _ = self._known()
        with self._client() as client:
            url, _state = client.create_authorization_url(
                document["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    def claims(self, *, code: str, nonce: str, verifier: str) -> Mapping[str, object]:
        """See the port."""
        document, keys = self._known()
        try:
            with self._client() as client:
                token = client.fetch_token(
                    document["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                )
            id_token = str(token["id_token"])
            try:
                found = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims
            except (JoseError, ValueError):
                # The provider may have taken up a new key since.
                _, keys = self._known(anew=True)
                found = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims
        except (httpx.HTTPError, OAuthError, JoseError, KeyError, TypeError, ValueError) as error:
            raise _failed(f"the login there could not be completed ({type(error).__name__})") from error
        self._check(found, nonce)
        return found

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        """OpenID Connect Core 1.0, 3.1.3.7."""
        now = self._clock.now().wall.timestamp()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        party = claims.get("azp")
        begun, ends = claims.get("iat"), claims.get("exp")
        reasons = {
            "another issuer": claims.get("iss") != self._issuer,
            "another audience": self._client_id not in audiences,
            "another party": (party is not None or len(audiences) > 1) and party != self._client_id,
            "another login": claims.get("nonce") != nonce,
            "no subject": not isinstance(claims.get("sub"), str) or not claims["sub"],
            "no time": not _is_number(begun) or not _is_number(ends),
        }
        if not reasons["no time"]:
            reasons["an expired token"] = float(ends) <= now - LEEWAY_S  # type: ignore[arg-type]
            reasons["a token of the future"] = float(begun) > now + LEEWAY_S  # type: ignore[arg-type]
        for reason, holds in reasons.items():
            if holds:
                raise _failed(f"its token is not for this login: {reason}")

    def _known(self, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            now = self._clock.now().mono
            if anew or self._document is None or self._keys is None or now - self._asked > FRESH_S:
                try:
                    document = _json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                    if document.get("issuer") != self._issuer:
                        raise _failed("it calls itself another issuer")
                    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                        _same_safety(self._issuer, str(document[name]))
                    keys = KeySet.import_key_set(_json(str(document["jwks_uri"])))  # type: ignore[arg-type]
                except (httpx.HTTPError, JoseError, KeyError, TypeError, ValueError) as error:
                    raise _failed(f"it cannot be asked ({type(error).__name__})") from error
                self._document, self._keys, self._asked = document, keys, now
            return self._document, self._keys

    def _client(self) -> Any:
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=self._secret,
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            scope=" ".join(self._scopes),
            redirect_uri=self._redirect,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            trust_env=False,
        )


def _json(url: str) -> dict[str, Any]:
    answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
    answer.raise_for_status()
    data = answer.json()
    if not isinstance(data, dict):
        raise ValueError("not an object")
    return data


def _same_safety(issuer: str, url: str) -> None:
    if issuer.startswith("https://") and not url.startswith("https://"):
        raise ValueError("an endpoint without https")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _failed(what: str) -> ProviderFailed:
    return ProviderFailed(
        f"the OpenID provider: {what}",
        next_step="try again; when it is gone, log in with a break-glass account",
    )
