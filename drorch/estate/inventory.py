"""The variables of each host of an Ansible inventory, as one hash per host. Reads files, runs nothing of Ansible.

YAML inventories as drorch's own are read with their groups; another form (INI, a script) counts as a whole for every
host, so that a change is never overlooked. Files under ``host_vars`` and ``group_vars`` beside it belong to it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from drorch.core.ids import content_hash

MAX_BYTES = 8_000_000


class _AnyTag(yaml.SafeLoader):
    """Takes what is behind a tag (``!vault``) for its text: it is only hashed."""


def _of_any_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_AnyTag.add_multi_constructor("!", _of_any_tag)


def host_hashes(inventory: Path, hosts: frozenset[str]) -> Mapping[str, str]:
    """Hash of everything the inventory says of each of ``hosts``; a host it does not know has none. Never raises."""
    try:
        with inventory.open("rb") as stream:
            text = stream.read(MAX_BYTES)
    except OSError:
        return MappingProxyType({})
    beside = _beside(inventory)
    try:
        data = yaml.load(text, Loader=_AnyTag)
    except (yaml.YAMLError, RecursionError):
        data = None
    if not isinstance(data, dict):
        whole = hashlib.sha256(text).hexdigest()
        return MappingProxyType({host: content_hash([whole, beside(host, ())]) for host in sorted(hosts)})
    said: dict[str, list[object]] = defaultdict(list)
    for name, group in data.items():
        _group(str(name), group, (), said, beside)
    return MappingProxyType({host: content_hash(_plain(said[host])) for host in sorted(hosts) if host in said})


def _group(
    name: str,
    group: Any,
    above: tuple[tuple[str, object], ...],
    said: dict[str, list[object]],
    beside: Callable[[str, tuple[str, ...]], object],
) -> None:
    if not isinstance(group, dict):
        return
    chain = (*above, (name, group.get("vars") or {}))
    names = tuple(part for part, _ in chain)
    hosts = group.get("hosts")
    for host, variables in hosts.items() if isinstance(hosts, dict) else ():
        said[str(host)] += [list(chain), variables or {}, beside(str(host), names)]
    children = group.get("children")
    for child, inner in children.items() if isinstance(children, dict) else ():
        _group(str(child), inner, chain, said, beside)


def _beside(inventory: Path) -> Callable[[str, tuple[str, ...]], object]:
    def files(host: str, groups: tuple[str, ...]) -> object:
        return [
            [str(path.relative_to(inventory.parent)), hashlib.sha256(path.read_bytes()).hexdigest()]
            for folder, names in (("host_vars", (host,)), ("group_vars", ("all", *groups)))
            for name in names
            for path in _vars_files(inventory.parent / folder, name)
        ]

    return files


def _vars_files(folder: Path, name: str) -> Iterator[Path]:
    for path in (folder / name, folder / f"{name}.yml", folder / f"{name}.yaml"):
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from sorted(item for item in path.rglob("*") if item.is_file())


def _plain(value: object) -> object:
    """JSON data: dates and keys that are no text as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
