"""What the machine offers to tests: programs of system packages, and an ordinary user's rights for root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pytest

PACKAGES = Path(__file__).parents[1] / "tools" / "system_packages.txt"
NOBODY = 65534
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def package_of(name: str) -> str:
    """The system package that brings a program; LookupError for a program that is not in the list."""
    for line in PACKAGES.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line[:1] != "#" and words[-1:] == [name]:
            return words[1]
    raise LookupError(f"{name} is not in {PACKAGES}")


def program(name: str) -> str:
    """The path of a program of the list of system packages. Skips the test, with the reason, where it is missing."""
    package = package_of(name)
    path = shutil.which(name, path=_PATH)
    if path is None:
        _skip(name, package)
    return path


def library(name: str) -> None:
    """Skips the test where a library of the list is missing."""
    package = package_of(f"library:{name}")
    try:
        CDLL(name)
    except OSError:
        _skip(name, package)


def _skip(name: str, package: str) -> NoReturn:
    pytest.skip(f"NOT TESTED: {name} is not installed; as root: apt-get install {package}")


@contextmanager
def folder_of_an_ordinary_user() -> Iterator[Path]:
    """A new folder, and no more rights than its owner has: root gives up its own until the end.

    Not under pytest's own folder: root's is closed to everybody else.
    """
    is_root = os.geteuid() == 0
    with TemporaryDirectory(prefix="drorch-test-") as name:
        if is_root:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            if is_root:
                os.seteuid(0)
