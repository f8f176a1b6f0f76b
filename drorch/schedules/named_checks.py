"""Checks that a schedule may name: questions about the world that change nothing. `app.composition` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drorch.access.assess import Status
from drorch.access.live_check import check_files
from drorch.access.operations import assess_file, load_model
from drorch.access.poll import AccessParts, load_sources_file, poll
from drorch.core.clock import Clock
from drorch.year.log import YearLog
from drorch.year.operations import Year, load_year

POLL_BUDGET_S = 30.0
"""A round begins no further source after this; the others are asked in the next one."""


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


def access_poll_check(parts: AccessParts, sources: Path, model: Path) -> CheckResult:
    """One round over the sources of remote access that are due. Good when all that were asked answered."""
    configs = load_sources_file(sources, load_model(model))
    done = poll(parts, configs, budget_s=POLL_BUDGET_S)
    failed = [f"{item.source}: {item.skipped or item.text}" for item in done if item.trouble is not None]
    asked = sum(item.skipped is None for item in done)
    named = f": {'; '.join(failed[:3])}" if failed else ""
    return CheckResult(good=not failed, summary=f"{asked} sources asked, {len(failed)} in trouble{named}")


def access_check(parts: AccessParts, sources: Path, model: Path) -> CheckResult:
    """Whether remote access could carry the people, with what was last read in the model."""
    checked = check_files(parts, model=model, sources=sources)
    found = checked.assessment
    good = None if found.status is Status.UNKNOWN else found.status is Status.GREEN
    why = "; ".join(str(reason.text) for reason in found.reasons[:3])
    return CheckResult(good=good, summary=f"remote access is {found.status.value}" + (f": {why}" if why else ""))


def year_check(home: Path, log: YearLog, clock: Clock, year: Path, catalog: Path) -> CheckResult:
    """Whether nothing that is owed is late."""
    programme, entries = load_year(year, catalog)
    status, findings = Year(home, log, clock, programme, entries).status()
    if findings:
        return CheckResult(good=None, summary=f"{len(findings)} records cannot be read: {findings[0].message}")
    late = [item.duty.id for item in status.late]
    named = f": {', '.join(late[:5])}" if late else ""
    return CheckResult(good=not late, summary=f"{len(late)} duties are late{named}")
