"""Passwords with argon2id, in the parameters of RFC 9106 for memory-constrained machines (argon2-cffi's defaults)."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
"""Each takes 64 MiB and some tens of milliseconds: strangers must not be able to fill the memory by logging in."""


class ArgonHasher:
    """See the port `drorch.app.accounts.Hasher`."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._at_once = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """See the port."""
        with self._at_once:
            return self._hasher.hash(password)

    def fits(self, password: str, hashed: str | None) -> bool:
        """See the port."""
        try:
            with self._at_once:
                self._hasher.verify(self._nobody if hashed is None else hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None
