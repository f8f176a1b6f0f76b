"""Whether the evidence of a recovery test still holds: by its age, and by what has changed since. Pure.

A duty stays met by the period's rule; that its evidence is *stale* says that the same test today might end otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from drorch.evidence.fingerprint import Change, Parts, Source, changes

ESTATE_SOURCES = frozenset({Source.INVENTORY, Source.PROBES})


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The test that a duty rests on."""

    application: str
    group: str
    run: str
    day: date


@dataclass(frozen=True, kw_only=True)
class Retest:
    """What would make the evidence fresh again."""

    group: str
    opens: datetime | None
    """When all sites of the group are next open for a test (UTC); None: not within two years."""
    command: str


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Evidence that does not hold any more, or that nobody can tell to hold."""

    evidence: Evidence
    changes: tuple[Change, ...] = ()
    expired_on: date | None = None
    """The last day it held by its age."""
    unknown: tuple[str, ...] = ()
    """What could not be looked at, and why: not known to be fresh is not fresh."""
    retest: Retest

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences for people: its age first, then what changed, then what is not known."""
        aged = (f"it held until {self.expired_on}",) if self.expired_on else ()
        return (*aged, *(str(change) for change in self.changes), *self.unknown)


def judge(
    evidence: Evidence,
    *,
    before: Parts | None,
    now: Parts,
    on: date,
    valid_days: int | None,
    unreadable: tuple[str, ...],
    retest: Retest,
) -> Stale | None:
    """None when the evidence is fresh on ``on``.

    ``before``: the fingerprint kept with the run, None when none was kept. ``now``: the present one. ``unreadable``:
    sentences on what of the estate could not be looked at; its sources are not compared then. ``valid_days``: so many
    days a test holds at most; None: its age does not count.
    """
    last = evidence.day + timedelta(days=valid_days) if valid_days is not None else None
    expired = last if last is not None and on > last else None
    if before is None:
        missing = unreadable or ("what the run rested on was not kept with it",)
        return Stale(evidence=evidence, expired_on=expired, unknown=missing, retest=retest)
    found = tuple(change for change in changes(before, now) if not unreadable or change.source not in ESTATE_SOURCES)
    if not found and expired is None and not unreadable:
        return None
    return Stale(evidence=evidence, changes=found, expired_on=expired, unknown=unreadable, retest=retest)


def stale_to_json(item: Stale) -> dict[str, object]:
    """Plain data."""
    return {
        "application": item.evidence.application,
        "group": item.evidence.group,
        "run": item.evidence.run,
        "tested_on": item.evidence.day.isoformat(),
        "changes": [
            {"source": change.source.value, "piece": change.piece, "how": change.how} for change in item.changes
        ],
        "expired_on": item.expired_on.isoformat() if item.expired_on else None,
        "unknown": list(item.unknown),
        "reasons": list(item.reasons),
        "retest": {
            "group": item.retest.group,
            "opens": item.retest.opens.isoformat() if item.retest.opens else None,
            "command": item.retest.command,
        },
    }
