"""A fake of the port `drorch.orchestration.ports.Silences`, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from drorch.core.errors import Broken


@dataclass(kw_only=True)
class RecordedSilences:
    """What is silent, by mark. ``gone``: nothing can be arranged."""

    open: dict[str, tuple[tuple[str, ...], datetime]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    gone: bool = False

    def ensure(self, mark: str, applications: Sequence[str], *, starts: datetime, until: datetime, why: str) -> None:
        """See the port."""
        if until <= starts or not why:
            raise Broken("a silence has an end behind its beginning, and a comment", where="fake")
        self._ask(f"ensure {mark}")
        self.open[mark] = (tuple(applications), until)

    def lift(self, mark: str) -> int:
        """See the port."""
        self._ask(f"lift {mark}")
        return int(self.open.pop(mark, None) is not None)

    def silent(self) -> dict[str, tuple[tuple[str, ...], datetime]]:
        """What is silent now, for the contract."""
        return dict(self.open)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.gone:
            raise Broken("Alertmanager does not answer", where="fake")
