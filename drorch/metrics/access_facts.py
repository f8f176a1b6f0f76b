"""What the metrics say of remote access: the same check as `drorch access check`, out of the archive. Asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drorch.access.denial_test.results import ended_at, results_of_tests
from drorch.access.live_check import Checked, check_files
from drorch.access.poll import AccessParts
from drorch.core.clock import Clock
from drorch.core.errors import DrorchError

FRESH_S = 60.0
"""Ages and the status change by themselves: the figures are computed anew at least this often."""


@dataclass(frozen=True, kw_only=True)
class AccessFacts:
    """The check, and the last sealed test. ``checked`` None: there is no model or no sources file, or one is wrong."""

    checked: Checked | None
    good: bool
    """Whether both files and the archive could be read."""
    last_test: Mapping[str, Any] | None
    last_test_at: float | None


class AccessReader:
    """Reads the facts of remote access for the metrics."""

    def __init__(self, *, model: Path, sources: Path, parts: Callable[[], AccessParts], clock: Clock) -> None:
        self._model, self._sources, self._parts, self._clock = model, sources, parts, clock

    def fingerprint(self) -> object:
        """Changes once a minute, so that nothing grows old unseen."""
        return int(self._clock.now().mono // FRESH_S)

    def read(self) -> AccessFacts | None:
        """The facts; None when remote access is not looked after here (no sources file)."""
        if not self._sources.exists():
            return None
        last: Mapping[str, Any] | None = None
        at: float | None = None
        try:
            parts = self._parts()
            results, _ = results_of_tests(parts.store)
            if results:
                last = results[-1][1]
                at = ended_at(last).timestamp()
            found = check_files(parts, model=self._model, sources=self._sources)
        except DrorchError:
            return AccessFacts(checked=None, good=False, last_test=last, last_test_at=at)
        return AccessFacts(checked=found, good=True, last_test=last, last_test_at=at)
