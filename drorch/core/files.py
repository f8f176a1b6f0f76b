"""Files read with a limit, and written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from drorch.core.codec import from_text
from drorch.core.errors import Broken, InputInvalid, NotFound

T = TypeVar("T")


def read_input(path: Path, limit: int) -> bytes:
    """Bytes of an input file, at most ``limit`` + 1 of them (the loader refuses what is larger). InputInvalid if not
    readable."""
    try:
        with path.open("rb") as stream:
            return stream.read(limit + 1)
    except OSError as error:
        raise NotFound(
            f"cannot be read: {error.strerror}", where=str(path), next_step="name a file that exists and can be read"
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or none, also after a power cut."""
    write_whole_bytes(path, text.encode("utf-8"))


def write_whole_bytes(path: Path, data: bytes) -> None:
    """As :func:`write_whole`, for bytes. Broken when it cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(temporary, data, 0o666)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Broken(
            f"cannot be written: {error.strerror}", where=str(path), next_step="free space or permissions, then repeat"
        ) from error


def write_new(path: Path, data: bytes) -> None:
    """Write a file whole, for its owner only. OSError as it comes; FileExistsError: another file is never replaced."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(draft, data, 0o600)
        os.link(draft, path)  # unlike a rename, this never replaces what is there
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, data: bytes, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def read_file(path: Path, kind: type[T]) -> T:
    """A JSON file of ours; Broken when it is missing or damaged."""
    step = "restore the file from a copy"
    try:
        return from_text(kind, path.read_bytes(), where=str(path), next_step=step)
    except OSError as error:
        raise Broken(f"cannot be read: {error.strerror}", where=str(path), next_step=step) from error
    except InputInvalid as error:
        raise Broken(f"is damaged: {error.what}", where=str(path), next_step=step) from error
