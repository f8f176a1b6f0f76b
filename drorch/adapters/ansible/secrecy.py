"""What must never be written: secrets in the files that the estate and the inventory name, in variables and vaults.

Each is known in the forms in which a message may carry it: as it is, escaped for JSON or a URL, and inside base64.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from drorch.adapters.ansible.vaults import Sealed, sealed_in, variable_files_of, variables_in
from drorch.core.redact import SHORTEST_SECRET, is_secret_key, redact, redact_text

_NAMED_IN_INVENTORY = re.compile(r"\bdrorch_(?:\w+_)?(?:key|pgpass|secret)\w*_file[\"']?\s*[:=]\s*[\"']?([^\s\"',}]+)")

_PGPASS_LINE = re.compile(r"[^\s:-](?:[^:\\]|\\.)*(?::(?:[^:\\]|\\.)*){4}$")
_INI_SECTION = re.compile(r"^\[[\w.:-]+\]\s*$", re.M)
_INI_VALUE = re.compile(r"\b([A-Za-z_]\w*)\s*=\s*(\"[^\"]*\"|'[^']*'|\S+)")

JSON_IN_JSON = 3
"""How often a text may stand as a string inside another one: JSON of a playbook in Ansible's result in its output."""


@dataclass(frozen=True, kw_only=True)
class Secrecy:
    """Removes secrets from text and from JSON data. ``values`` hold each secret in all its forms."""

    values: frozenset[str]

    @classmethod
    def of_files(cls, files: Iterable[Path], *, vault_password_file: Path | None = None) -> Secrecy:
        """Knows the secrets kept in ``files``: pgpass lines, telling keys of JSON and variables, all that is encrypted.

        Unreadable files are skipped: what cannot be read here cannot leak from here."""
        found: set[str] = set()
        for file in files:
            try:
                found |= _secrets_in(file.read_text(encoding="utf-8"), vault_password_file)
            except (OSError, UnicodeDecodeError):
                continue
        return cls(values=frozenset(form for secret in found for form in forms_of(secret)))

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        return redact_text(text, self.values)

    def data(self, value: object) -> object:
        """JSON data without secrets."""
        return redact(value, self.values)


def forms_of(secret: str) -> set[str]:
    """The secret as it may be met; empty for one too short to be searched for (`SHORTEST_SECRET`)."""
    if len(secret) < SHORTEST_SECRET:
        return set()
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    found = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), *escaped}
    for _ in range(JSON_IN_JSON):
        escaped = {json.dumps(form, ensure_ascii=False)[1:-1] for form in escaped}
        found |= escaped
    return found | set(_in_base64(secret.encode()))


def _in_base64(secret: bytes) -> Iterator[str]:
    """What of the secret is the same whatever stands around it: it may begin at any of three places of a group."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        ends_early = (before + len(secret)) % 3 != 0
        core = whole[(0, 2, 3)[before] : -1 if ends_early else None]
        if len(core) >= 2 * SHORTEST_SECRET:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def secret_files_of(inventory: Path) -> list[Path]:
    """Files made for secrets that an inventory, or the variables beside it, name (``drorch_dns_key_file``)."""
    named: list[Path] = []
    for file in variable_files_of(inventory):
        try:
            found = _NAMED_IN_INVENTORY.findall(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        base = inventory if inventory.is_dir() else inventory.parent
        named += [base / name for name in dict.fromkeys(found)]
    return list(dict.fromkeys(named))


def _secrets_in(text: str, vault_password_file: Path | None) -> set[str]:
    try:
        return set(_telling_values(json.loads(text)))
    except ValueError:
        pass
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    if lines and all(_PGPASS_LINE.match(line) for line in lines):
        return {_last_field(line) for line in lines}
    try:
        variables = variables_in(text, vault_password_file)
        return {*_telling_values(variables), *sealed_in(variables)}
    except ValueError:
        pass
    if _INI_SECTION.search(text):
        return {value.strip("'\"") for key, value in _INI_VALUE.findall(text) if is_secret_key(key)}
    return {_last_field(line) for line in lines}


def _last_field(line: str) -> str:
    return re.split(r"(?<!\\):", line)[-1].replace("\\:", ":").replace("\\\\", "\\")


def _telling_values(data: object) -> Iterable[str]:
    if isinstance(data, dict):
        for key, inner in data.items():
            if isinstance(inner, str) and is_secret_key(str(key)):
                if "{{" not in inner and not isinstance(inner, Sealed):  # a reference is no secret
                    yield inner
            else:
                yield from _telling_values(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _telling_values(inner)
