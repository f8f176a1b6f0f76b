"""Which files a playbook is made of, and what of the playbooks a plan relies on. Pure: the caller has read the files.

A file uses another when one of its YAML scalars names it: as a path (``import_tasks: tasks_promote.yml``), as a role,
or, for a plugin or module of the playbooks folder, by its name (``site_control:``). Comments do not count. Where a name
is only known while the playbook runs (``{{ … }}`` beside ``include``), every file of the folder counts: too much is
stale, never too little.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from drorch.core.ids import content_hash
from drorch.plan.codec import plan_to_json
from drorch.plan.model import Plan
from drorch.plan.refs import playbooks_used

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SETTINGS = "ansible.cfg"
"""Holds for every playbook."""
_TOKEN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_BESIDE = ("", "tasks", "vars", "templates", "files", "handlers")
_NAMES_FILES = re.compile(r"(?:^|\.)(?:include|import)(?:_\w+)?$|^vars_files$")


def files_used(playbook: str, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Names of the files that ``playbook`` is made of, itself included, sorted. Empty when it is not there."""
    found: set[str] = set()
    todo = [playbook, SETTINGS]
    while todo:
        name = todo.pop()
        if name in files and name not in found:
            found.add(name)
            todo += _named_in(name, files)
    return tuple(sorted(found)) if playbook in found else ()


def contents_used(plan: Plan, files: Mapping[str, bytes]) -> Mapping[str, str]:
    """SHA-256 by file name of everything that the plan's playbooks are made of."""
    names = {name for playbook in playbooks_used(plan) for name in files_used(playbook, files)}
    return MappingProxyType({name: hashlib.sha256(files[name]).hexdigest() for name in sorted(names)})


def family_id(plan: Plan, files: Mapping[str, bytes]) -> str:
    """What plans have in common that do exactly the same: steps, scope and limits, with the same playbooks behind them.

    Two plans of one family may differ in what neither of them uses: other entries of the catalog, other playbooks. A
    standing approval is for a family: whatever would be done differently needs a new one.
    """
    same = {
        name: value for name, value in plan_to_json(plan).items() if name not in {"catalog_id", "playbooks_id", "id"}
    }
    return content_hash({"plan": same, "files": dict(contents_used(plan, files))})


def _named_in(name: str, files: Mapping[str, bytes]) -> Iterator[str]:
    if not name.endswith((".yml", ".yaml")):
        yield from _plugins({word.decode() for word in re.findall(rb"[A-Za-z_]\w+", files[name])}, name, files)
        return
    words: set[str] = set()
    try:
        node = yaml.compose(files[name], Loader=_LOADER)
    except yaml.YAMLError:
        # Nobody can tell what it uses: everything.
        yield from files
        return
    dynamic = _collect(node, words)
    folder = posixpath.dirname(name)
    if dynamic:
        yield from (other for other in files if posixpath.dirname(other) == folder)
    for word in words:
        for place in (*(posixpath.join(folder, part, word) for part in _BESIDE), word):
            yield posixpath.normpath(place)
    roles = tuple(f"{base}{word}/" for word in words for base in ("roles/", posixpath.join(folder, "roles/")))
    yield from (other for other in files if other.startswith(roles)) if roles else ()
    yield from _plugins(words, name, files)


def _plugins(words: set[str], name: str, files: Mapping[str, bytes]) -> Iterator[str]:
    last = {word.rpartition(".")[2] for word in words}
    for other in files:
        stem = posixpath.basename(other).removesuffix(".py")
        if other.endswith(".py") and other != name and stem in last:
            yield other


def _collect(node: yaml.Node | None, words: set[str], key: str = "") -> bool:
    """Put every word of the scalars below ``node`` into ``words``; whether a file is named by an expression."""
    if isinstance(node, yaml.ScalarNode):
        words.update(_TOKEN.findall(node.value))
        return bool(_NAMES_FILES.search(key)) and "{{" in node.value
    if isinstance(node, yaml.SequenceNode):
        return any([_collect(item, words, key) for item in node.value])
    if isinstance(node, yaml.MappingNode):
        found = False
        for name, value in node.value:
            found = _collect(name, words) or found
            below = str(name.value) if isinstance(name, yaml.ScalarNode) else ""
            # ``include_tasks: {file: "{{ x }}"}`` names it one level further down.
            found = _collect(value, words, key if below in {"file", "name", "src"} and key else below) or found
        return found
    return False
