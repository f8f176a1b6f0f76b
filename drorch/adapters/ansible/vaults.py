"""Reads variables as Ansible does, also encrypted ones, to know which values must never be written down."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

HEADER = "$ANSIBLE_VAULT;"
PASSWORD_FILE = "ANSIBLE_VAULT_PASSWORD_FILE"
"""Environment variable of Ansible; an estate gives it in ``ansible_env``."""
VARIABLE_FOLDERS = ("group_vars", "host_vars")


class Sealed(str):
    """A string that somebody encrypted: it is a secret whatever its key is called. In clear, or still encrypted."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's tags; what they mark is kept as text."""


def _sealed(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    return Sealed(loader.construct_scalar(node)) if isinstance(node, yaml.ScalarNode) else None


def _unsafe(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_constructor("!vault", _sealed)
_Loader.add_constructor("!vault-encrypted", _sealed)
_Loader.add_constructor("!unsafe", _unsafe)


def variable_files_of(inventory: Path) -> list[Path]:
    """The inventory (a file or a folder of files) and the variables of groups and hosts that lie beside it."""
    beside = inventory if inventory.is_dir() else inventory.parent
    found = [path for path in inventory.rglob("*")] if inventory.is_dir() else [inventory]
    for name in VARIABLE_FOLDERS:
        found += (beside / name).rglob("*")
    return sorted({path for path in found if path.is_file()})


def variables_in(text: str, password_file: Path | None) -> object:
    """The variables of a YAML file, decrypted where that is possible. ValueError when it is no YAML mapping.

    Every string of an encrypted file, and every encrypted string of another one, comes as `Sealed`.
    """
    whole = text.startswith(HEADER)
    clear = decrypted(text, password_file) if whole else text
    if clear is None:
        return {}
    try:
        data = yaml.load(clear, _Loader)
    except yaml.YAMLError as error:
        raise ValueError("no YAML") from error
    if not isinstance(data, dict):
        raise ValueError("no mapping")
    return _seal(data) if whole else _open(data, password_file)


def decrypted(text: str, password_file: Path | None) -> str | None:
    """What a vault holds; None without the right password. Loads Ansible, so it is asked for vaults only."""
    try:
        password = password_file.read_bytes().strip() if password_file is not None else b""
    except OSError:
        return None
    if not password or (password_file is not None and os.access(password_file, os.X_OK)):
        return None  # a program that gives the password is Ansible's to run, not ours
    from ansible.errors import AnsibleError
    from ansible.parsing.vault import VaultLib, VaultSecret

    try:
        opened = VaultLib([("default", VaultSecret(password))]).decrypt(text.strip().encode())
        return bytes(opened).decode("utf-8")
    except (AnsibleError, UnicodeDecodeError, ValueError):
        return None


def _seal(data: object) -> object:
    if isinstance(data, dict):
        return {key: _seal(item) for key, item in data.items()}
    if isinstance(data, list):
        return [_seal(item) for item in data]
    return Sealed(data) if isinstance(data, str) else data


def _open(data: object, password_file: Path | None) -> object:
    if isinstance(data, Sealed):
        clear = decrypted(data, password_file)
        return data if clear is None else Sealed(clear)
    if isinstance(data, dict):
        return {key: _open(item, password_file) for key, item in data.items()}
    if isinstance(data, list):
        return [_open(item, password_file) for item in data]
    return data


def sealed_in(data: object) -> Iterator[str]:
    """Every sealed string, once decrypted."""
    if isinstance(data, Sealed):
        if not data.startswith(HEADER):
            yield str(data)
    elif isinstance(data, Mapping):
        for item in data.values():
            yield from sealed_in(item)
    elif isinstance(data, list):
        for item in data:
            yield from sealed_in(item)


def password_file_in(environment: Mapping[str, str]) -> Path | None:
    """Where the password of the vaults lies, as an environment for Ansible says."""
    named = environment.get(PASSWORD_FILE)
    return Path(named) if named else None
