"""What must never be written: the secrets in the files that the estate and the inventory name, and telling keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drorch.core.redact import is_secret_key, redact, redact_text

_NAMED_IN_INVENTORY = re.compile(r"\bdrorch_(?:\w+_)?(?:key|pgpass|secret)\w*_file[\"']?\s*[:=]\s*[\"']?([^\s\"',}]+)")


@dataclass(frozen=True, kw_only=True)
class Secrecy:
    """Removes secrets from text and from JSON data."""

    values: frozenset[str]

    @classmethod
    def of_files(cls, files: Iterable[Path]) -> Secrecy:
        """Knows the secrets kept in ``files``: pgpass lines, or JSON with telling keys. Unreadable files are skipped:
        what cannot be read here cannot leak from here."""
        found: set[str] = set()
        for file in files:
            try:
                found |= _secrets_in(file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError):
                continue
        return cls(values=frozenset(found - {""}))

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        return redact_text(text, self.values)

    def data(self, value: object) -> object:
        """JSON data without secrets."""
        return redact(value, self.values)


def secret_files_of(inventory: Path) -> list[Path]:
    """Files with secrets that an inventory file names (``drorch_dns_key_file``, ``drorch_pgpass_file``)."""
    try:
        text = inventory.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [inventory.parent / name for name in dict.fromkeys(_NAMED_IN_INVENTORY.findall(text))]


def _secrets_in(text: str) -> set[str]:
    try:
        return set(_telling_values(json.loads(text)))
    except ValueError:
        lines = (line for line in text.splitlines() if line and not line.startswith("#"))
        return {re.split(r"(?<!\\):", line)[-1].replace("\\:", ":") for line in lines}


def _telling_values(data: object) -> Iterable[str]:
    if isinstance(data, dict):
        for key, inner in data.items():
            if isinstance(inner, str) and is_secret_key(str(key)):
                yield inner
            else:
                yield from _telling_values(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _telling_values(inner)
