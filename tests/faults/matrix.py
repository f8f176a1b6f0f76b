"""The table of faults: what was tried, how often a run came to its right end, and what must stay zero."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Row:
    """All cases of one fault in one kind of run."""

    kind: str
    fault: str
    cases: int = 0
    resumed: int = 0
    """Came to the right end."""
    doubled: int = 0
    """Steps performed again without a decision in the journal."""
    lost: int = 0
    """Events that were durable once and are not in the journal any more."""
    seen: list[str] = field(default_factory=list)
    """What was wrong, case by case."""

    def add(self, case: str, *, right: bool, doubled: Iterable[str] = (), lost: int = 0, why: str = "") -> None:
        """Count one case."""
        twice = sorted(doubled)
        self.cases += 1
        self.resumed += right
        self.doubled += len(twice)
        self.lost += lost
        if not right or twice or lost:
            self.seen.append(f"{case}: right end {right}, twice {twice}, lost events {lost} {why}".strip())

    def check(self, *, at_least: int = 1) -> None:
        """Fail the test when anything was wrong, or when the fault was hardly tried."""
        assert self.seen == []
        assert self.cases >= at_least


class Matrix:
    """Rows in the order they were begun."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def row(self, kind: str, fault: str) -> Row:
        """A new row."""
        self._rows.append(Row(kind=kind, fault=fault))
        return self._rows[-1]

    def lines(self) -> Iterator[str]:
        """The table as text; nothing when no row was begun."""
        tried = [row for row in self._rows if row.cases]
        if not tried:
            return
        wide = max(len(row.fault) for row in tried)
        yield f"{'kind':<12}{'fault':<{wide}}{'cases':>8}{'resumed':>9}{'doubled':>9}{'lost':>6}"
        for row in tried:
            yield f"{row.kind:<12}{row.fault:<{wide}}{row.cases:>8}{row.resumed:>9}{row.doubled:>9}{row.lost:>6}"
        sums = [sum(getattr(row, name) for row in tried) for name in ("cases", "resumed", "doubled", "lost")]
        yield f"{'all':<12}{'':<{wide}}{sums[0]:>8}{sums[1]:>9}{sums[2]:>9}{sums[3]:>6}"
