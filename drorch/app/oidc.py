"""Log in through an OpenID provider: what is set up, and which account and roles follow from what the provider says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from drorch.app.accounts import LOGIN, Account, Accounts, Role
from drorch.core.errors import InputInvalid, Refused
from drorch.core.files import read_input

MAX_BYTES = 100_000
MADE_BY = "OpenID provider"


class Claims(BaseModel):
    """Which claims of the ID token say what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: str = "name"
    login: str = "preferred_username"
    roles: str = "groups"
    departments: str | None = None


class OidcSettings(BaseModel):
    """``oidc.yaml``. ``roles``: a value of the roles claim to roles of drorch; what is not named gives nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret_file: Path | None = None
    redirect: str
    scopes: tuple[str, ...] = ("openid", "profile")
    claims: Claims = Claims()
    roles: dict[str, list[Role]]

    @field_validator("issuer", "redirect")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        return safe_url(url)


@dataclass(frozen=True, kw_only=True)
class OidcSignIn:
    """A provider and how it is used."""

    settings: OidcSettings
    provider: IdentityProvider


class IdentityProvider(Protocol):
    """An OpenID provider, authorization code flow with PKCE (S256)."""

    def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser. ProviderFailed when the provider cannot be asked."""
        ...

    def claims(self, *, code: str, nonce: str, verifier: str) -> Mapping[str, object]:
        """Who came back with ``code``: checked claims of the ID token. ProviderFailed when it cannot be believed."""
        ...


def safe_url(url: str) -> str:
    """The URL. ValueError unless it is https, or http on this machine itself."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and local)):
        raise ValueError("has to be an https address")
    return url


def load_oidc(path: Path) -> OidcSettings:
    """InputInvalid with the file and the field."""
    try:
        data = yaml.load(read_input(path, MAX_BYTES), Loader=yaml.CSafeLoader)
        return OidcSettings.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        what = f"{field}: {first['msg']}"
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        what = f"not readable as YAML: {getattr(error, 'problem', None) or error}"
    raise InputInvalid(what, where=str(path), next_step="see docs/security.md, 'OpenID provider'")


def account_of(claims: Mapping[str, object], settings: OidcSettings, accounts: Accounts) -> Account:
    """The account of who logged in at the provider, with the roles that the provider gives now.

    It is found by issuer and subject only, never by a name: names can be chosen. Its person is what the provider said
    at the first time, or an admin: somebody who changes their name there stays the same person here. Refused without a
    role, and when the account is disabled.
    """
    subject = f"{settings.issuer}|{claims['sub']}"
    roles = roles_of(claims, settings)
    account = accounts.by_subject(subject)
    if account is not None and account.disabled:
        raise Refused(f"the account {account.login} is disabled", next_step="ask an admin")
    if not roles:
        raise Refused("the provider gives you no role here", next_step="ask for one of the groups that drorch knows")
    departments = _texts(claims.get(settings.claims.departments or "", ()))
    if account is None:
        person = str(claims.get(settings.claims.person) or "").strip()
        if not person:
            raise Refused("the provider does not say your name", next_step=f"it has to send '{settings.claims.person}'")
        login = _login(claims, settings, subject, accounts)
        return accounts.add(
            Account(
                login=login, person=person, roles=roles, departments=departments, oidc_subject=subject, made_by=MADE_BY
            )
        )
    kept = departments if settings.claims.departments else account.departments
    wanted = replace(account, roles=roles, departments=kept)
    return account if wanted == account else accounts.change(wanted)


def roles_of(claims: Mapping[str, object], settings: OidcSettings) -> frozenset[Role]:
    """What the roles claim gives."""
    named = _texts(claims.get(settings.claims.roles, ()))
    return frozenset(role for name in named for role in settings.roles.get(name, ()))


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _login(claims: Mapping[str, object], settings: OidcSettings, subject: str, accounts: Accounts) -> str:
    said = re.sub(r"[^a-z0-9._@-]+", "-", str(claims.get(settings.claims.login) or "").lower()).strip("._@-")[:50]
    own = hashlib.sha256(subject.encode()).hexdigest()[:8]
    taken = LOGIN.fullmatch(said) is None or accounts.find(said) is not None
    return f"{said}-{own}".strip("-") if taken else said
