"""``schedule.yaml`` (bytes) to frozen schedules. Every error names file, line and field, and nothing is guessed."""

from __future__ import annotations

from types import MappingProxyType

from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.model import Catalog
from drorch.catalog.text import parse_document
from drorch.core.findings import Finding, errors
from drorch.schedules.model import Precheck, Recurrence, Schedule, Schedules, Work, WorkKind
from drorch.schedules.schema import ScheduleEntry, SchedulesFile


def load_schedules(text: bytes, source: str, catalog: Catalog) -> Schedules:
    """The schedules in ``text``, with the sites' clocks from ``catalog``. InputInvalid with ``file:line field``.

    A site that is not in the catalog is a finding of `check`; its clock is taken for UTC until it is corrected.
    """
    document = parse_document(text, source)
    file = validated(SchedulesFile, document, what="a schedule", example="schedule.yaml")
    zones = {site.id: site.timezone for site in catalog.sites}
    return Schedules(
        id=file.id,
        items=tuple(_schedule(entry, zones.get(entry.site, "UTC")) for entry in file.schedules),
        lines=MappingProxyType(line_index(document, ("schedules",))),
        source=source,
    )


TOLD_ANYWAY = frozenset({"never-in-a-window"})
"""Errors that keep no schedule from standing: its instants are told as closed, and no other schedule stops for it."""


def sound(schedules: Schedules, findings: tuple[Finding, ...]) -> Schedules:
    """The same schedules when no finding is an error that forbids to keep them; else InputInvalid listing those."""
    found = [finding for finding in errors(findings) if finding.code not in TOLD_ANYWAY]
    if not found:
        return schedules
    raise listed([(finding.where or "schedule.yaml", finding.message) for finding in found], found[0].next_step)


def _schedule(entry: ScheduleEntry, zone: str) -> Schedule:
    start = entry.start or entry.at
    assert start is not None, "the schema asks for one of them"
    kind = entry.do.kind
    # What only looks may look at any time; what moves something keeps to the windows unless it says otherwise.
    windows = entry.windows or ("ignored" if kind in {WorkKind.READINESS, WorkKind.CHECK} else "required")
    return Schedule(
        id=entry.id,
        title=entry.title,
        site=entry.site,
        recurrence=Recurrence(
            zone=zone, start=start, rule=entry.rule, skipped=entry.skipped_time, doubled=entry.doubled_time
        ),
        work=Work(
            kind=kind,
            lose=entry.do.lose,
            groups=tuple(entry.do.groups),
            applications=tuple(entry.do.applications),
            check=entry.do.check,
        ),
        length_s=entry.length,
        if_late=entry.late.policy,
        late_within_s=entry.late.within or 0.0,
        windows=windows == "required",
        announce_days=entry.announce_days,
        precheck=Precheck(days_before=entry.precheck.days_before, holds=entry.precheck.on_failure == "hold")
        if entry.precheck
        else None,
        owner=entry.owner,
        department=entry.department,
    )
