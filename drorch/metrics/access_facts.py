"""What the metrics say of remote access: the same check as `drorch access check`, out of the archive. Asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from drorch.access.denial_test.results import results_of_tests
from drorch.access.live_check import Checked, check_files
from drorch.access.ports import ReadingArchive
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

    def __init__(
        self, *, home: Path, model: Path, sources: Path, archive: Callable[[], ReadingArchive], clock: Clock
    ) -> None:
        self._home, self._model, self._sources = home, model, sources
        self._archive, self._clock = archive, clock

    def fingerprint(self) -> object:
        """Changes once a minute, so that nothing grows old unseen."""
        return int(self._clock.now().mono // FRESH_S)

    def read(self) -> AccessFacts | None:
        """The facts; None when remote access is not looked after here (no sources file)."""
        if not self._sources.exists():
            return None
        results, _ = results_of_tests(self._home)
        last = results[-1][1] if results else None
        at = None if last is None else datetime.fromisoformat(str(last["ended_at"])).timestamp()
        try:
            found = check_files(
                home=self._home,
                archive=self._archive(),
                model=self._model,
                sources=self._sources,
                at=self._clock.now().wall,
            )
        except DrorchError:
            return AccessFacts(checked=None, good=False, last_test=last, last_test_at=at)
        return AccessFacts(checked=found, good=True, last_test=last, last_test_at=at)
