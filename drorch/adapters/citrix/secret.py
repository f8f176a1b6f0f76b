"""Secrets come from files and go into requests. Nothing else ever holds them in a form that prints itself."""

from __future__ import annotations

import stat
from pathlib import Path

from drorch.core.errors import InputInvalid, NotFound

LARGEST = 16_384


class Secret:
    """A value that does not show itself: not in repr, str, f-strings, or a log."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not stored")


def read_secret(path: Path) -> Secret:
    """The first line of a file. NotFound when it cannot be read; InputInvalid when it is empty, or others may read."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST)
            mode = path.stat().st_mode
    except OSError as error:
        raise NotFound(
            f"the secret cannot be read: {error.strerror}", where=str(path), next_step="name a file that you may read"
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputInvalid(
            "the secret can be read by others than its owner", where=str(path), next_step=f"chmod 600 {path}"
        )
    try:
        value = content.decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        raise InputInvalid("the secret is not UTF-8", where=str(path), next_step="write it anew") from None
    if not value:
        raise InputInvalid("the secret file is empty", where=str(path), next_step="write the secret on its first line")
    return Secret(value)
