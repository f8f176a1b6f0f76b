"""A file of lines that is only ever appended to, under a lock, each line on disk before it counts."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from drorch.core.errors import Broken, InputInvalid


class LineFile:
    """One log. A last line without its end was never acknowledged (its writer died): it is none.

    ``what`` names it in errors: "the log of the year".
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self._what = path, what

    def read(self) -> str:
        """All whole lines; empty without the file. InputInvalid when it is no UTF-8, Broken when unreadable."""
        try:
            return self._whole(self.path.read_bytes())
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._broken(error) from error

    def append(self, make: Callable[[str], str]) -> None:
        """Write the line (with its end) that ``make`` makes of all lines before; nobody else writes in between.

        What ``make`` raises is passed on; nothing is written then.
        """
        with self._locked() as stream:
            text = self._whole(stream.read())
            line = make(text)
            try:
                stream.truncate(len(text.encode()))
                stream.seek(0, os.SEEK_END)
                stream.write(line.encode())
                stream.flush()
                os.fsync(stream.fileno())
            except OSError as error:
                raise self._broken(error) from error

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._broken(error) from error
        with os.fdopen(descriptor, "r+b") as stream:
            # Released by closing, also when this process is killed.
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
            yield stream

    def _whole(self, content: bytes) -> str:
        whole = content[: content.rfind(b"\n") + 1]
        try:
            return whole.decode("utf-8")
        except UnicodeDecodeError as error:
            line = whole.count(b"\n", 0, error.start) + 1
            where = f"{self.path}:{line}"
            raise InputInvalid("not UTF-8", where=where, next_step="restore the log from a copy") from None

    def _broken(self, error: OSError) -> Broken:
        return Broken(
            f"{self._what} cannot be used: {error.strerror}",
            where=str(self.path),
            next_step="free space or permissions, then repeat",
        )
