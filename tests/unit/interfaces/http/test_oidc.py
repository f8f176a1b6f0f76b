"""Log in through an OpenID provider on loopback: the round works once, for the browser that began it; lies do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey

from drorch.adapters.oidc import OpenIdProvider
from drorch.app.accounts import Role
from drorch.app.oidc import Claims, OidcSettings, OidcSignIn, load_oidc
from drorch.core.errors import InputInvalid
from drorch.interfaces.serving.application import create_app
from drorch.testing.openid import CLIENT, SECRET, Provider, running
from drorch.testing.web import PASSWORD, WebScene

CALLBACK = "http://127.0.0.1/oidc/callback"


@pytest.fixture
def provider(scene: WebScene) -> Iterator[Provider]:
    with running(Provider(now=scene.clock.now().wall.timestamp())) as made:
        made.person |= {"groups": ["dr-operators"], "preferred_username": "Olga"}
        yield made


@pytest.fixture
def browser(scene: WebScene, provider: Provider) -> Iterator[TestClient]:
    settings = OidcSettings(
        issuer=provider.issuer,
        client_id=CLIENT,
        redirect=CALLBACK,
        roles={"dr-operators": [Role.OPERATOR], "dr-admins": [Role.ADMIN]},
    )
    real = OpenIdProvider(
        issuer=provider.issuer,
        client_id=CLIENT,
        secret=SECRET,
        redirect=CALLBACK,
        scopes=settings.scopes,
        clock=scene.clock,
    )
    context = replace(scene.context, oidc=OidcSignIn(settings=settings, provider=real))
    app = create_app(context, scene.settings)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False) as made:
        yield made


def there(browser: TestClient) -> str:
    """Begin, go to the provider, and return where it sends the browser back to."""
    sent = browser.get("/oidc/start")
    assert sent.status_code == 303
    back = httpx.get(sent.headers["location"], trust_env=False)
    assert back.status_code == 302
    return back.headers["location"]


def log_in(browser: TestClient) -> httpx.Response:
    return browser.get(there(browser), headers={"Accept": "text/html"})


def me(browser: TestClient) -> dict[str, object]:
    answer = browser.get("/api/v1/session")
    return answer.json() if answer.status_code == 200 else {}


def test_the_round_gives_a_session_with_the_roles_of_the_groups(browser: TestClient, provider: Provider) -> None:
    answer = log_in(browser)
    assert answer.status_code == 200
    assert 'content="0;url=/"' in answer.text
    assert "<script" not in answer.text
    told = me(browser)
    assert (told["person"], told["login"], told["roles"]) == ("Olga Operator", "olga", ["operator"])
    assert provider.refused == []


def test_a_changed_name_or_group_at_the_provider(browser: TestClient, provider: Provider) -> None:
    log_in(browser)
    # Another display name makes no second person; other groups are other rights.
    provider.person |= {"name": "Ana Approver", "groups": ["dr-admins", "strangers"]}
    browser.cookies.clear()
    log_in(browser)
    told = me(browser)
    assert (told["person"], told["login"], told["roles"]) == ("Olga Operator", "olga", ["admin"])


def test_no_local_account_is_taken_over_by_its_name(scene: WebScene, browser: TestClient, provider: Provider) -> None:
    scene.person("olga", Role.ADMIN, person="Somebody Else")
    log_in(browser)
    told = me(browser)
    assert told["login"] != "olga"
    assert str(told["login"]).startswith("olga-")
    assert told["roles"] == ["operator"]


def test_who_has_no_group_or_a_disabled_account_stays_out(
    scene: WebScene, browser: TestClient, provider: Provider
) -> None:
    provider.person |= {"groups": ["strangers"]}
    assert log_in(browser).status_code == 409
    assert scene.context.accounts.all() == ()
    provider.person |= {"groups": ["dr-operators"]}
    assert log_in(browser).status_code == 200
    (account,) = scene.context.accounts.all()
    scene.context.accounts.change(replace(account, disabled=True))
    assert log_in(browser).status_code == 409
    assert me(browser) == {}


def test_a_round_is_for_one_browser_and_once(scene: WebScene, browser: TestClient) -> None:
    back = there(browser)
    with TestClient(browser.app, base_url="http://127.0.0.1", follow_redirects=False) as stranger:
        assert stranger.get(back).status_code == 403
    assert browser.get(back).status_code == 200
    browser.cookies.clear()
    assert browser.get(back).status_code == 403
    late = there(browser)
    scene.clock.advance(601)
    assert browser.get(late).status_code == 403


@pytest.mark.parametrize("query", ["", "state=x&code=y", "state=%00&code=y", "error=access_denied"])
def test_what_was_not_begun_here_is_refused(browser: TestClient, query: str) -> None:
    assert browser.get(f"/oidc/callback?{query}").status_code == 403


def test_a_refusal_of_the_provider_and_another_issuer(browser: TestClient, provider: Provider) -> None:
    state = parse_qs(urlsplit(there(browser)).query)["state"][0]
    assert browser.get(f"/oidc/callback?state={state}&error=access_denied").status_code == 403
    assert browser.get(f"{there(browser).replace('iss=', 'iss=http%3A%2F%2Fevil')}").status_code == 403


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": ""},
        {"sub": 7},
        {"exp": 1},
        {"exp": None},
        {"exp": True},
        {"iat": 10**11},
    ],
)
def test_a_token_that_is_not_for_this_login_is_not_believed(
    browser: TestClient, provider: Provider, lie: dict[str, object]
) -> None:
    provider.claims = lie
    assert log_in(browser).status_code == 503
    assert me(browser) == {}


def test_a_token_with_a_foreign_signature_or_none_is_not_believed(browser: TestClient, provider: Provider) -> None:
    provider.sign_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert log_in(browser).status_code == 503
    provider.sign_with, provider.unsigned = None, True
    assert log_in(browser).status_code == 503
    assert me(browser) == {}


def test_a_new_key_of_the_provider_is_taken_up(browser: TestClient, provider: Provider) -> None:
    assert log_in(browser).status_code == 200
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    assert log_in(browser).status_code == 200


def test_without_its_verifier_the_code_is_worth_nothing(browser: TestClient, provider: Provider) -> None:
    code = parse_qs(urlsplit(there(browser)).query)["code"][0]
    stolen = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    answer = httpx.post(f"{provider.issuer}/token", data=stolen, auth=(CLIENT, SECRET), trust_env=False)
    assert answer.status_code == 400
    assert provider.refused == ["pkce"]


def test_when_the_provider_is_gone_break_glass_comes_in(
    scene: WebScene, browser: TestClient, provider: Provider
) -> None:
    scene.person("glass", Role.ADMIN, break_glass=True)
    gone = OidcSettings(issuer="http://127.0.0.1:1", client_id=CLIENT, redirect=CALLBACK, roles={})
    real = OpenIdProvider(
        issuer=gone.issuer, client_id=CLIENT, secret=None, redirect=CALLBACK, scopes=("openid",), clock=scene.clock
    )
    app = create_app(replace(scene.context, oidc=OidcSignIn(settings=gone, provider=real)), scene.settings)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        answer = client.get("/oidc/start", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert "break-glass" in answer.json()["next_step"]
        assert client.post("/api/v1/session", json={"login": "glass", "password": PASSWORD}).status_code == 201


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("issuer: http://id.example.org\nclient_id: d\nredirect: https://d/oidc/callback\nroles: {}", "issuer"),
        ("issuer: https://id\nclient_id: d\nredirect: https://d/c\nroles: {g: [king]}", "roles.g.0"),
        ("issuer: https://id\nclient_id: d\nredirect: https://d/c\nroles: {}\nsecret: x", "secret"),
        ("{{", "YAML"),
        ("7", "the file"),
    ],
)
def test_wrong_settings_are_said_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "oidc.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputInvalid, match=said):
        load_oidc(file)


def test_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "oidc.yaml"
    file.write_text(
        "issuer: https://id\nclient_id: d\nredirect: https://d/c\nroles: {g: [operator, viewer]}\n"
        "claims: {roles: memberOf}",
        encoding="utf-8",
    )
    read = load_oidc(file)
    assert read.roles == {"g": [Role.OPERATOR, Role.VIEWER]}
    assert read.claims == Claims(roles="memberOf")
