"""Locks, fsync and the chain have their places, and nowhere else is a second one: rule 3 of the design."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import drorch

ROOT = Path(drorch.__file__).parent
PLACES = ("core/stream.py", "core/spool.py", "core/process_lock.py", "adapters/store/")
OFFENDERS: dict[str, frozenset[str]] = {
    "flock": frozenset(),
    "fsync": frozenset({"core/files.py", "orchestration/boot_log.py"}),
    "chain": frozenset(),
}
"""What is still elsewhere: a file written whole for a person, and the starts of the machine. Nothing is ever put in."""
CALLS = {"flock": ("flock", "lockf"), "fsync": ("fsync", "fdatasync")}
HASHING = {"sha256", "sha1", "sha512", "blake2b", "content_hash", "md5"}
BEFORE = ("prev", "before", "genesis", "chain")


def used(kind: str, tree: ast.AST) -> bool:
    """Whether the code locks, syncs, or hashes something together with what was before it."""
    for node in ast.walk(tree):
        if kind == "chain" and isinstance(node, ast.Call) and _name(node.func) in HASHING:
            names = [_name(inner).lower() for argument in node.args for inner in ast.walk(argument)]
            if any(name.startswith(BEFORE) for name in names):
                return True
        if kind == "chain" and isinstance(node, ast.Assign) and any(_name(to) == "GENESIS" for to in node.targets):
            return True
        if isinstance(node, ast.Attribute | ast.Name) and _name(node) in CALLS.get(kind, ()):
            return True
    return False


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant):
        return str(node.value)
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("kind", sorted(OFFENDERS))
def test_only_the_places_of_the_design_lock_sync_and_chain(kind: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in sorted(ROOT.rglob("*.py"))
        if used(kind, ast.parse(path.read_text(encoding="utf-8")))
    }
    elsewhere = {name for name in found if not name.startswith(PLACES)}
    assert elsewhere - OFFENDERS[kind] == set(), "a new one: use core/stream, core/spool or core/process_lock"
    assert OFFENDERS[kind] - elsewhere == set(), "it is gone: take it out of the list"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("flock", "fcntl.flock(f, fcntl.LOCK_EX)"),
        ("flock", "from fcntl import lockf\nlockf(f, 2)"),
        ("fsync", "os.fsync(f)"),
        ("chain", 'GENESIS = "0"'),
        ("chain", 'hashlib.sha256(f"{previous}{line}".encode())'),
        ("chain", 'content_hash({"before": last, "event": data})'),
    ],
)
def test_what_it_looks_for_is_found(kind: str, code: str) -> None:
    assert used(kind, ast.parse(code))
    assert not used(kind, ast.parse("hashlib.sha256(content)\nlock.acquire()\nos.sync()"))
