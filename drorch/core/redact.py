"""Keep secrets out of everything that is written down: pure replacement of secret values in JSON data and text."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import cast

from drorch.core.frozen import frozen

REDACTED = "[redacted]"
SHORTEST_SECRET = 4
"""Known secret values shorter than this are not searched for in text: they would blot out ordinary words."""

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pgpassword", "secret", "secrets", "token", "tokens", "key", "keys"}
    | {"credential", "credentials", "apikey", "authorization", "cookie"}
)
_HARMLESS_ENDINGS = frozenset({"file", "path", "folder", "name", "count", "id", "length", "algorithm"})
"""``dns_key_file`` names a file and is needed in a report; what the file holds is the secret."""

_IN_TEXT = (
    re.compile(r"(?P<keep>\b\w*(?:passw(?:or)?d|passphrase|secret|token|api_?key)\w*[\"']?\s*[=:]\s*)[^\s,;&}]+", re.I),
    re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}", re.I),
    re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.I),
    re.compile(r"(?P<keep>-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)", re.S),
)


def is_secret_key(key: str) -> bool:
    """Whether the value under this key is taken for a secret because of the key's words."""
    words = [word.lower() for word in _WORDS.findall(key)]
    return bool(words) and words[-1] not in _HARMLESS_ENDINGS and not _SECRET_WORDS.isdisjoint(words)


def redact_text(text: str, secrets: Collection[str] = ()) -> str:
    """``text`` without the known ``secrets`` and without what looks like a password assignment or a private key."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, REDACTED)
    for pattern in _IN_TEXT:
        text = pattern.sub(lambda found: found["keep"] + REDACTED, text)
    return text


def redact(value: object, secrets: Collection[str] = ()) -> object:
    """Plain JSON data equal to ``value`` with secrets replaced. What JSON cannot carry becomes text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {
            _storable(str(key)): REDACTED if item is not None and is_secret_key(str(key)) else redact(item, secrets)
            for key, item in value.items()
        }
    if isinstance(value, set | frozenset):
        return sorted((redact(item, secrets) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [redact(item, secrets) for item in value]
    return redact_text(_storable(str(value)), secrets)


def redact_facts(facts: Mapping[str, object], secrets: Collection[str] = ()) -> Mapping[str, object]:
    """:func:`redact` for the facts of an event, frozen as they are when they are read back."""
    return cast(Mapping[str, object], frozen(redact(facts, secrets)))


def _storable(text: str) -> str:
    """Lone surrogates (undecodable bytes of a playbook's output) cannot be stored as UTF-8."""
    return text.encode("utf-8", "replace").decode()
