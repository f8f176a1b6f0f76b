"""The front door: a gateway (classic or nFactor) before a store, or the store alone."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from drorch.testing.citrix.asgi import Request, Response, Simulator, markup, reply
from drorch.testing.citrix.world import World

_NS = "http://citrix.com/authentication/response/1"


class Door(StrEnum):
    """Which door."""

    STOREFRONT = "storefront"
    CLASSIC = "gateway-classic"
    NFACTOR = "gateway-nfactor"


@dataclass
class FrontDoor(Simulator):
    """See the module. Names of fields and labels are this deployment's own: a client has to read the form."""

    world: World = field(default_factory=World)
    door: Door = Door.NFACTOR
    store: str = "/Citrix/StoreWeb"
    second_factor: bool = False
    expired_password: bool = False
    button: str = "Anmelden"
    launches: list[str] = field(default_factory=lambda: ["retry", "success"])
    csrf: dict[str, str] = field(default_factory=dict)
    """The token that is valid now, by store session."""
    users: dict[str, str] = field(default_factory=dict)
    """Store session to user."""
    logged_off: int = 0
    reissue: bool = True
    hardened: bool = True

    def respond(self, request: Request) -> Response:
        """See the base."""
        if request.path.startswith(self.store + "/"):
            if self.door is not Door.STOREFRONT and request.cookie("NSC_AAAC") not in self.world.sessions:
                return Response(status=302, headers=(("location", "/logon/LogonPoint/index.html"),))
            return self._in_store(request, request.path.removeprefix(self.store + "/"))
        if self.door is Door.CLASSIC:
            return self._classic(request)
        if self.door is Door.NFACTOR:
            return self._nfactor(request)
        return Response(status=404, kind="text/html")

    # -- gateway ----------------------------------------------------------------------------------------------------

    def _is_tool(self, request: Request) -> bool:
        agent = request.headers.get("user-agent", "")
        return self.hardened and ("origin" not in request.headers or "Mozilla" not in agent)

    def _password_is_good(self, request: Request, user: str | None, password: str | None) -> bool:
        self.world.tries[user or ""] += 1
        good = user is not None and self.world.passwords.get(user) == password and not self._is_tool(request)
        if not good:
            self.world.denied["auth"] += 1
        return good

    def _admit(self, user: str) -> str | None:
        if self.world.full:
            self.world.denied["license"] += 1
            return None
        token = secrets.token_hex(16)
        self.world.sessions[token] = user
        return token

    def _classic(self, request: Request) -> Response:
        if request.path == "/cgi/login":
            form = request.form
            if not self._password_is_good(request, form.get("login"), form.get("passwd")):
                return _bounce("4001")
            token = self._admit(form["login"])
            if token is None:
                return _bounce("4009")
            to = "/vpn/second.html" if self.second_factor else "/cgi/setclient?wica"
            headers = (("location", to), ("set-cookie", f"NSC_AAAC={token}; path=/; Secure"[: -len("; Secure")]))
            return Response(status=302, kind="text/html", headers=headers)
        return self._common(request, "/vpn/index.html")

    def _common(self, request: Request, page: str) -> Response:
        if request.path == page:
            return Response(body=b"<html>gateway</html>", kind="text/html")
        if request.path == "/cgi/logout":
            if self.world.sessions.pop(request.cookie("NSC_AAAC") or "", None) is not None:
                self.logged_off += 1
            return Response(body=b"<html>bye</html>", kind="text/html")
        if request.path in ("/cgi/setclient", "/p/u/setClient.do"):
            return Response(body=b"<html></html>", kind="text/html")
        return Response(status=404, kind="text/html")

    def _nfactor(self, request: Request) -> Response:
        if request.path == "/p/u/getAuthenticationRequirements.do":
            return markup(self._login_form("/p/u/doAuthentication.do"))
        if request.path == "/p/u/doAuthentication.do":
            form = request.form
            if form.get("StateContext") != "state-1":
                return markup(_form("", "failure", ""))
            if not self._password_is_good(request, form.get("login-7"), form.get("pw-7")):
                return markup(self._login_form("/p/u/doAuthentication.do", error=True))
            if self.second_factor:
                return markup(_form("/p/u/doAuthentication.do", "more-info", _field("otp", "passcode")))
            token = self._admit(form["login-7"])
            if token is None:
                return markup(_form("", "failure", ""))
            return markup(_form("", "success", ""), headers=(("set-cookie", f"NSC_AAAC={token}; path=/"),))
        return self._common(request, "/logon/LogonPoint/index.html")

    def _login_form(self, post_back: str, *, error: bool = False) -> str:
        if self.expired_password:
            fields = _field("old", "oldpassword") + _field("new", "newpassword")
            return _form(post_back, "update-credentials", fields)
        fields = _field("login-7", "username") + _field("pw-7", "password") + _field("save-7", "savecredentials")
        fields += _field("go-7", "none", button=self.button)
        if error:
            fields += (
                "<Requirement><Credential><Type>none</Type></Credential><Label><Text>No</Text></Label></Requirement>"
            )
        return _form(post_back, "more-info", fields)

    # -- store ------------------------------------------------------------------------------------------------------

    def _in_store(self, request: Request, path: str) -> Response:
        session = request.cookie("ASP.NET_SessionId")
        if path == "Home/Configuration":
            session = secrets.token_hex(8)
            cookies = (("set-cookie", f"ASP.NET_SessionId={session}; path=/"), self._issue(session))
            return markup(
                '<clientSettings><authManager getAuthMethodsURL="Authentication/GetAuthMethods"/>'
                '<resourcesProxy listURL="Resources/List"/></clientSettings>',
                headers=cookies,
            )
        if session is None or request.headers.get("csrf-token") != self.csrf.get(session):
            return Response(status=403, body=b"bad csrf token", kind="text/plain")
        answer = self._with_token(request, session, path)
        if not self.reissue or answer.status >= 400:
            return answer
        headers = (*answer.headers, self._issue(session))
        return Response(status=answer.status, body=answer.body, kind=answer.kind, headers=headers)

    def _issue(self, session: str) -> tuple[str, str]:
        self.csrf[session] = secrets.token_hex(8)
        return ("set-cookie", f"CsrfToken={self.csrf[session]}; path={self.store}/")

    def _with_token(self, request: Request, session: str, path: str) -> Response:
        if path == "Authentication/GetAuthMethods":
            way = "ExplicitForms" if self.door is Door.STOREFRONT else "CitrixAGBasic"
            url = "ExplicitAuth/Login" if self.door is Door.STOREFRONT else "GatewayAuth/Login"
            return markup(f'<authMethods><method name="{way}" url="{url}"/></authMethods>')
        if path == "ExplicitAuth/Login":
            return markup(self._login_form("ExplicitAuth/LoginAttempt"))
        if path == "ExplicitAuth/LoginAttempt":
            return self._attempt(request, session)
        if path == "GatewayAuth/Login":
            self.users[session] = self.world.sessions[request.cookie("NSC_AAAC") or ""]
            return markup(_form("", "success", ""))
        if session not in self.users:
            return reply({"unauthorized": True}, 401)
        return self._for_user(session, path)

    def _attempt(self, request: Request, session: str) -> Response:
        form = request.form
        if form.get("StateContext") != "state-1" or form.get("go-7") != self.button:
            return markup(_form("", "failure", ""))
        if not self._password_is_good(request, form.get("login-7"), form.get("pw-7")):
            return markup(self._login_form("ExplicitAuth/LoginAttempt", error=True))
        if self.second_factor:
            return markup(_form("ExplicitAuth/LoginAttempt", "more-info", _field("otp", "passcode")))
        self.users[session] = form["login-7"]
        return markup(_form("", "success", ""))

    def _for_user(self, session: str, path: str) -> Response:
        user = self.users[session]
        if path == "Resources/List":
            self.world.logins += 1
            if self.world.fail_login(user, self.world.logins):
                return Response(status=503, body=b"Service Unavailable", kind="text/plain")
            names = self.world.resources.get(user, self.world.everybody)
            rows = [
                {
                    "id": f"CTX.{name}",
                    "name": name,
                    "launchstatusurl": f"Resources/GetLaunchStatus/{name}",
                    "path": "\\",
                }
                for name in names
            ]
            body = json.dumps({"isSubscriptionEnabled": True, "resources": rows}).encode()
            return Response(body=body)
        if path.startswith("Resources/GetLaunchStatus/"):
            status = self.launches.pop(0) if len(self.launches) > 1 else self.launches[0]
            error = "UnavailableDesktop" if status == "failure" else None
            return reply({"status": status, "pollTimeout": 0, "fileFetchUrl": None, "errorId": error})
        if path == "Authentication/Logoff":
            self.users.pop(session)
            if self.door is Door.STOREFRONT:
                self.logged_off += 1
            return Response(body=b"", kind="text/plain")
        return Response(status=404, kind="text/plain")


def _bounce(code: str) -> Response:
    headers = (("location", "/vpn/index.html"), ("set-cookie", f"NSC_VPNERR={code}; path=/"))
    return Response(status=302, kind="text/html", headers=headers)


def _form(post_back: str, result: str, fields: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><AuthenticateResponse xmlns="{_NS}"><Status>success</Status>'
        f"<Result>{result}</Result><StateContext>state-1</StateContext><AuthenticationRequirements>"
        f"<PostBack>{post_back}</PostBack><Requirements>{fields}</Requirements></AuthenticationRequirements>"
        "</AuthenticateResponse>"
    )


def _field(name: str, kind: str, *, button: str | None = None) -> str:
    given = f"<Input><Button>{button}</Button></Input>" if button else "<Input><Text><InitialValue/></Text></Input>"
    return (
        f"<Requirement><Credential><ID>{name}</ID><Type>{kind}</Type></Credential>"
        f"<Label><Text>{name}</Text></Label>{given}</Requirement>"
    )
