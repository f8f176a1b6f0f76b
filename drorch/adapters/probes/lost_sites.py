"""Which sites a run has proved lost, kept beside the samples of its watch, so that every observer knows.

A name server that is silent makes a service red: some users would be sent nowhere. Only one silence has an explanation:
the server stands at a site whose loss was declared by a person and witnessed from two other sites. That server is left
out, until it answers again: from then on it has to agree with the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from drorch.core.ids import canonical_json

FILE_NAME = "lost-sites.json"


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
                data = json.loads(self._path.read_text(encoding="utf-8"))
                self._sites = {str(site): float(at) for site, at in data.items()}
                self._seen = stamp
        except (OSError, ValueError, TypeError, AttributeError):
            self._sites, self._seen = {}, None
        return self._sites

    def add(self, site: str, at: float) -> None:
        """Keep that the loss of ``site`` was witnessed at ``at``. OSError when the folder cannot be written."""
        partial = self._path.with_suffix(".partial")
        partial.write_text(canonical_json({**self.witnessed(), site: at}) + "\n", encoding="utf-8")
        partial.replace(self._path)
