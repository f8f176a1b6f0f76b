"""Checks that a schedule may name: questions about the world that change nothing. The wiring says which there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drorch.app.access import assess_file
from drorch.app.year import Year, load_year
from drorch.capacity.assess import Status
from drorch.core.clock import Clock


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The answer of a check. ``good`` None: it is not known, which is never good."""

    good: bool | None
    summary: str


Check = Callable[[], CheckResult]
"""Bounds its own waits (a minute at most: the schedule waits for it); raises DrorchError for what is wrong with it."""
Checks = Mapping[str, Check]


def access_model_check(model: Path, now: datetime) -> CheckResult:
    """Whether remote access could carry the people, by the capacity model. Amber and red are not good."""
    found = assess_file(model, now)
    good = None if found.status is Status.UNKNOWN else found.status is Status.GREEN
    why = "; ".join(str(reason.text) for reason in found.reasons[:3])
    return CheckResult(good=good, summary=f"remote access is {found.status.value}" + (f": {why}" if why else ""))


def year_check(home: Path, clock: Clock, year: Path, catalog: Path) -> CheckResult:
    """Whether nothing that is owed is late."""
    programme, entries = load_year(year, catalog)
    status, findings = Year(home, clock, programme, entries).status()
    if findings:
        return CheckResult(good=None, summary=f"{len(findings)} records cannot be read: {findings[0].message}")
    late = [item.duty.id for item in status.late]
    named = f": {', '.join(late[:5])}" if late else ""
    return CheckResult(good=not late, summary=f"{len(late)} duties are late{named}")
