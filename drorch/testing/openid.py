"""A small OpenID provider on loopback: discovery, keys, authorize and token, which checks PKCE and lies on request."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "drorch", "the client's secret"


@dataclass(kw_only=True)
class Provider:
    """What the provider says of the person who logs in there, and how it misbehaves."""

    now: float
    """Seconds since 1970 of its clock."""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "name": "Olga Operator"})
    claims: dict[str, Any] = field(default_factory=dict)
    """Laid over those of the token: a lie."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    sign_with: RSAKey | None = None
    """Another key than it publishes."""
    unsigned: bool = False
    port: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """Its own name."""
        return f"http://127.0.0.1:{self.port}"

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """RFC 6749, 4.1.3, with RFC 7636."""
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        problems = {
            "code": asked is None,
            "client": authorization != f"Basic {basic}",
            "pkce": asked is not None
            and (asked.get("code_challenge") != challenge or asked.get("code_challenge_method") != "S256"),
            "redirect": asked is not None and asked["redirect_uri"] != form.get("redirect_uri"),
        }
        for problem, holds in problems.items():
            if holds:
                self.refused.append(problem)
                return 400, {"error": "invalid_grant"}
        nonce = (asked or {}).get("nonce")
        body = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": int(self.now),
            "exp": int(self.now) + 300,
            "nonce": nonce,
            **self.person,
            **self.claims,
        }
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(body)}

    def _signed(self, body: dict[str, Any]) -> str:
        if self.unsigned:
            parts = ({"alg": "none"}, body)
            texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
            return f"{texts[0]}.{texts[1]}."
        return str(jwt.encode({"alg": "RS256", "kid": "one"}, body, self.sign_with or self.key))


@contextmanager
def running(provider: Provider) -> Iterator[Provider]:
    """The provider answers on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                ends = {name: f"{provider.issuer}/{end}" for name, end in names.items()}
                self._send(200, {"issuer": provider.issuer, **ends})
            elif parts.path == "/keys":
                self._send(200, {"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
            else:
                self._send(404, {})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            self._send(*provider.token(form, self.headers.get("Authorization", "")))

        def _send(self, status: int, data: object) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
