"""Accounts, their passwords and tokens: who may do what over the web, and which person stands behind it."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from drorch.catalog.schema import printable
from drorch.core.clock import Clock
from drorch.core.codec import plain, read
from drorch.core.errors import InputInvalid, NotFound
from drorch.core.records import Record, Records, Stale

LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")
LONGEST_PERSON = 100
SHORTEST_PASSWORD, SHORTEST_BREAK_GLASS, LONGEST_PASSWORD = 12, 20, 256
LONGEST_TOKEN_DAYS = 366
ACCOUNT, TOKEN, SESSION = "account", "token", "session"
_RESTORE = "restore the database of accounts from a copy"


class Role(StrEnum):
    """What an account may do. Every role reads; none includes another (docs/security.md)."""

    VIEWER = "viewer"
    PLANNER = "planner"
    OPERATOR = "operator"
    APPROVER = "approver"
    DEPARTMENT = "department"
    ADMIN = "admin"


class Hasher(Protocol):
    """A slow hash for passwords."""

    def hash(self, password: str) -> str:
        """A salted hash as text."""
        ...

    def fits(self, password: str, hashed: str | None) -> bool:
        """Whether it is the hash of this password; takes as long for None."""
        ...


@dataclass(frozen=True, kw_only=True)
class Account:
    """One way in. ``person`` is who acts: two accounts of one person are one person for every two-person rule."""

    login: str
    person: str
    roles: frozenset[Role]
    departments: tuple[str, ...] = ()
    break_glass: bool = False
    """A local account for the night the identity provider is gone: strangers cannot lock it out."""
    disabled: bool = False
    oidc_subject: str | None = None
    """``issuer|sub`` at an OpenID provider."""
    made_by: str = ""
    password: str | None = None
    version: int = 0

    def shown(self) -> dict[str, object]:
        """Without the password's hash."""
        told: dict[str, object] = plain(self)
        del told["password"]
        return {**told, "has_password": self.password is not None}


@dataclass(frozen=True, kw_only=True)
class Token:
    """What is kept of a bearer token. ``roles``: at most these of its account's, at each use."""

    id: str
    login: str
    label: str
    roles: frozenset[Role]
    expires: datetime
    made_by: str


class Accounts:
    """Everything about accounts and tokens. Holds no state itself."""

    def __init__(self, records: Records, clock: Clock, hasher: Hasher) -> None:
        self._records, self._clock, self._hasher = records, clock, hasher

    def any(self) -> bool:
        """Whether there is an account at all."""
        return bool(self._records.of(ACCOUNT))

    def all(self) -> tuple[Account, ...]:
        """By login."""
        return tuple(_account(record) for record in self._records.of(ACCOUNT))

    def find(self, login: str) -> Account | None:
        """The account, also a disabled one."""
        record = self._records.get(ACCOUNT, login)
        return None if record is None else _account(record)

    def get(self, login: str) -> Account:
        """NotFound without it."""
        found = self.find(login)
        if found is None:
            raise NotFound(f"there is no account {login!r}", next_step="see 'drorch user list'")
        return found

    def by_subject(self, subject: str) -> Account | None:
        """The account of a person at an OpenID provider."""
        return next((account for account in self.all() if account.oidc_subject == subject), None)

    def add(self, account: Account, password: str | None = None) -> Account:
        """A new account. InputInvalid for what it says, Stale when the login is taken."""
        checked = _checked(account)
        hashed = self._hashed(password, checked.break_glass) if password is not None else None
        return self._put(replace(checked, password=hashed), expected=0)

    def change(self, account: Account, expected: int | None = None) -> Account:
        """Other roles, person, departments, disabled or not. Its sessions end. Stale when ``expected`` does not fit.

        InputInvalid when nobody could give roles any more.
        """
        before = self.get(account.login)
        checked = replace(_checked(account), password=before.password, made_by=before.made_by)
        if _administers(before) and not _administers(checked):
            others = [item for item in self.all() if item.login != account.login and _administers(item)]
            if not others:
                raise InputInvalid("this is the last account that may administer", next_step="make another admin first")
        changed = self._put(checked, expected=before.version if expected is None else expected)
        self._records.drop_all(SESSION, account.login)
        return changed

    def set_password(self, login: str, password: str) -> Account:
        """Another password; the account's sessions end."""
        account = self.get(login)
        hashed = self._hashed(password, account.break_glass)
        changed = self._put(replace(account, password=hashed), expected=account.version)
        self._records.drop_all(SESSION, login)
        return changed

    def checked(self, login: str, password: str) -> Account | None:
        """The account, when it is enabled and this is its password. Takes as long when it is not there."""
        account = self.find(login)
        hashed = None if account is None else account.password
        fits = len(password) <= LONGEST_PASSWORD and self._hasher.fits(password, hashed)
        return account if fits and account is not None and hashed is not None and not account.disabled else None

    def issue(self, login: str, *, label: str, roles: Iterable[Role], days: int, by: str) -> tuple[Token, str]:
        """A new token and its text, which is nowhere kept. InputInvalid for roles that the account has not."""
        account, wanted = self.get(login), frozenset(roles)
        if not wanted or not wanted <= account.roles:
            has = ", ".join(sorted(account.roles))
            raise InputInvalid("a token has some of its account's roles", next_step=f"{login} has: {has}")
        if not 1 <= days <= LONGEST_TOKEN_DAYS:
            raise InputInvalid(f"a token lasts 1 to {LONGEST_TOKEN_DAYS} days", next_step="name a shorter time")
        number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        expires = self._clock.now().wall + timedelta(days=days)
        token = Token(id=number, login=login, label=_line(label, "label"), roles=wanted, expires=expires, made_by=by)
        kept = {**plain(token), "secret": digest(secret)}
        self._records.put(TOKEN, number, kept, owner=login, expected=0, until=expires)
        return token, f"drorch_{number}_{secret}"

    def tokens(self, login: str | None = None) -> tuple[Token, ...]:
        """Of an account, or all."""
        return tuple(_token(record) for record in self._records.of(TOKEN, login))

    def of_token(self, text: str) -> tuple[Account, Token] | None:
        """Who a token stands for, when it is right, not expired, and its account is enabled."""
        parts = text.split("_", 2)
        record = self._records.get(TOKEN, parts[1]) if len(parts) == 3 and parts[0] == "drorch" else None
        if record is None or not secrets.compare_digest(str(record.data["secret"]), digest(parts[2])):
            return None
        token = _token(record)
        account = self.find(token.login)
        usable = account is not None and not account.disabled and self._clock.now().wall < token.expires
        return (account, token) if usable and account is not None else None

    def revoke(self, token: str) -> None:
        """NotFound without it."""
        if not self._records.drop(TOKEN, token):
            raise NotFound(f"there is no token {token!r}", next_step="see 'drorch user token list'")

    def _hashed(self, password: str, break_glass: bool) -> str:
        shortest = SHORTEST_BREAK_GLASS if break_glass else SHORTEST_PASSWORD
        if not shortest <= len(password) <= LONGEST_PASSWORD:
            raise InputInvalid(
                f"the password has to have {shortest} to {LONGEST_PASSWORD} characters",
                where="password",
                next_step="take several words",
            )
        return self._hasher.hash(password)

    def _put(self, account: Account, *, expected: int) -> Account:
        try:
            record = self._records.put(ACCOUNT, account.login, plain(account), expected=expected)
        except Stale:
            if expected == 0:
                raise Stale(f"the login {account.login} is taken", next_step="choose another login") from None
            raise
        return replace(account, version=record.version)


def digest(secret: str) -> str:
    """What is kept of a random secret. It is long and random: a slow hash would add nothing."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _administers(account: Account) -> bool:
    return Role.ADMIN in account.roles and not account.disabled


def _checked(account: Account) -> Account:
    if LOGIN.fullmatch(account.login) is None:
        raise InputInvalid(
            f"{account.login!r} is no login",
            where="login",
            next_step="use 1 to 64 small letters, digits, and . _ @ - inside",
        )
    if not account.roles:
        raise InputInvalid("an account without a role", where="roles", next_step=f"roles are: {', '.join(Role)}")
    return replace(account, person=_line(account.person, "person"))


def _line(text: str, where: str) -> str:
    try:
        line = " ".join(printable(text).split())
        line.encode()
    except ValueError as error:
        raise InputInvalid(str(error), where=where, next_step="write one line of text") from None
    if not 0 < len(line) <= LONGEST_PERSON:
        raise InputInvalid(f"has to have 1 to {LONGEST_PERSON} characters", where=where, next_step="write it anew")
    return line


def _account(record: Record) -> Account:
    kept = read(Account, record.data, where=f"account {record.key}", next_step=_RESTORE)
    return replace(kept, login=record.key, version=record.version)


def _token(record: Record) -> Token:
    content = {name: value for name, value in record.data.items() if name != "secret"}
    return read(Token, content, where=f"token {record.key}", next_step=_RESTORE)
