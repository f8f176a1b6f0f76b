"""Which sites a run has proved lost, kept beside the samples of its watch, so that every observer knows.

A name server that is silent makes a service red: some users would be sent nowhere. Only one silence has an explanation:
the server stands at a site whose loss was declared by a person and witnessed from two other sites. That server is left
out, until it answers again: from then on it has to agree with the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from drorch.core.codec import from_text, to_text
from drorch.core.errors import InputInvalid

FILE_NAME = "lost-sites.json"
_KNOWN: Final[Any] = Mapping[str, float]


class LostSites:
    """Site to the moment (seconds of the monotonic clock) when its loss was witnessed. Read anew when it changes."""

    def __init__(self, watch_folder: Path) -> None:
        self._path = watch_folder / FILE_NAME
        self._seen: tuple[int, int] | None = None
        self._sites: Mapping[str, float] = {}

    def witnessed(self) -> Mapping[str, float]:
        """What is known now; nothing when there is no file, or none that can be read: then every server counts."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._seen:
                self._sites = from_text(_KNOWN, self._path.read_bytes(), where=str(self._path), next_step=None)
                self._seen = stamp
        except (OSError, InputInvalid):
            self._sites, self._seen = {}, None
        return self._sites

    def add(self, site: str, at: float) -> None:
        """Keep that the loss of ``site`` was witnessed at ``at``. OSError when the folder cannot be written."""
        partial = self._path.with_suffix(".partial")
        partial.write_text(to_text({**self.witnessed(), site: at}), encoding="utf-8")
        partial.replace(self._path)
