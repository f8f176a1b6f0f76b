"""The lab's own record of what really happened. Tests compare drorch's measurements with it; drorch never reads it."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Self


class TruthLog:
    """Appends one JSON object a line. Several processes share the file: each line is one write with O_APPEND."""

    def __init__(self, path: Path, site: str | None = None) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._site = site

    def write(self, what: str, *, mono: float | None = None, **facts: object) -> None:
        """Add an event of this moment, or of ``mono`` (seconds of the monotonic clock) when it was taken before."""
        now = time.monotonic()
        at = now if mono is None else mono
        wall = datetime.fromtimestamp(time.time() - (now - at), tz=UTC).isoformat(timespec="microseconds")
        line: dict[str, object] = {"mono": round(at, 6), "wall": wall, "what": what}
        if self._site is not None:
            line["site"] = self._site
        os.write(self._descriptor, (json.dumps(line | facts) + "\n").encode())

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_truth(path: Path) -> list[dict[str, object]]:
    """All complete lines, in the order they were written."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]
