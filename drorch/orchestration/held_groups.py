"""Which protection groups other runs hold, from the first event of each: an interlock that cannot read refuses.

Plan, catalog and folder of a run may be gone, or lie in the home of another machine; its later events may be damaged.
Its first event says what it holds. A run whose end cannot be read has not ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drorch.core.errors import DrorchError
from drorch.run.events import RunCreated
from drorch.run.interlocks import EVERY_GROUP
from drorch.run.ports import Journal
from drorch.run.rules import RunHead
from drorch.run.state import head_of


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the journal alone says of a run."""

    run: str
    created: RunCreated | None = None
    """Its first event; None when that cannot be read: then it may hold every group."""
    head: RunHead = field(default_factory=RunHead)
    """What all its events say; of no use with a ``problem``."""
    problem: str | None = None
    """Why its events cannot be believed; None when they can."""

    @property
    def holds(self) -> bool:
        """Whether it holds its groups now: it has started and not ended, or nobody can tell."""
        if self.problem is not None:
            return True
        return self.head.started_at is not None and self.head.ended is None

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups it holds from its start to its end."""
        return (EVERY_GROUP,) if self.created is None else self.created.groups


def known_of(journal: Journal, run: str) -> Known:
    """What the journal says of a run. Never raises for a run that cannot be read; Broken when the journal cannot."""
    created: RunCreated | None = None
    try:
        first = journal.first(run)
        if first is not None and first.seq == 1 and isinstance(first.body, RunCreated):
            created = first.body
        if created is None:
            return Known(run=run, problem="its first event is missing")
        events = journal.read(run)
    except DrorchError as error:
        return Known(run=run, created=created, problem=error.what)
    return Known(run=run, created=created, head=head_of(events))


def holding(journal: Journal, *, except_run: str) -> Iterator[Known]:
    """Every other run that holds something now."""
    for run in journal.runs():
        if run != except_run and (known := known_of(journal, run)).holds and known.groups:
            yield known


def groups_held(journal: Journal, *, except_run: str) -> Mapping[str, str]:
    """Protection group (or `EVERY_GROUP`) to the run that holds it."""
    return {group: known.run for known in holding(journal, except_run=except_run) for group in known.groups}
