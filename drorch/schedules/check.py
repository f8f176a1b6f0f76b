"""All checks of the schedules. A check returns findings and never raises on user data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from drorch.catalog.checks.places import place, some
from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, Severity
from drorch.schedules.instants import instant_of, slots
from drorch.schedules.model import Part, Schedule, Schedules
from drorch.schedules.rules import comes, local_times
from drorch.year.local_time import local
from drorch.year.windows import Windows

AHEAD = timedelta(days=400)
LOOKED_AT = 60
"""So many of the coming instants are held against the windows."""
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check_schedules(
    schedules: Schedules, catalog: Catalog, windows: Windows, checks: Collection[str], now: datetime
) -> tuple[Finding, ...]:
    """Every finding, errors first. ``checks`` are the names of the checks there are; ``now`` begins the look ahead."""
    found = list(duplicate_ids(schedules))
    for item in schedules.items:
        unknown = list(unknown_names(schedules, item, catalog, checks))
        found += unknown
        if not comes(item.recurrence):
            what = f"{item.id} never comes: no day and time fits its rule"
            found.append(_error("schedule-never-comes", what, item, schedules, "rule", "correct the rule"))
        elif not unknown:
            found += in_windows(schedules, item, catalog, windows, now)
            found += changed_clocks(schedules, item, now)
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


def duplicate_ids(schedules: Schedules) -> Iterator[Finding]:
    """Two schedules with one id: their runs would be taken for each other."""
    for repeated in (item for item, number in Counter(item.id for item in schedules.items).items() if number > 1):
        yield Finding(
            code="duplicate-id",
            severity=Severity.ERROR,
            message=f"the id {repeated} occurs twice",
            subject=repeated,
            where=place(schedules, f"schedules.{repeated}#2"),
            next_step="rename one",
        )


def unknown_names(schedules: Schedules, item: Schedule, catalog: Catalog, checks: Collection[str]) -> Iterator[Finding]:
    """Sites, groups, applications, departments and checks that are not there."""
    sites = [site.id for site in catalog.sites]
    departments = [entry.id for entry in catalog.departments]
    asked = (
        ("site", "site", [item.site], sites),
        ("do.lose", "site", [item.work.lose] if item.work.lose else [], sites),
        ("do.groups", "protection group", item.work.groups, [group.id for group in catalog.groups]),
        ("do.applications", "application", item.work.applications, [app.id for app in catalog.applications]),
        ("do.check", "check", [item.work.check] if item.work.check else [], sorted(checks)),
    )
    for field, kind, names, known in asked:
        missing = [name for name in names if name not in known]
        if missing:
            what = f"there is no {kind} {some(missing)}"
            yield _error("unknown-name", what, item, schedules, field, f"known: {some(list(known), 12)}")
    if item.department not in departments:
        what = f"{item.owner} is in no department of the catalog: there is no {item.department}"
        yield _error("person-in-no-department", what, item, schedules, "department", f"known: {some(departments, 12)}")


def in_windows(
    schedules: Schedules, item: Schedule, catalog: Catalog, windows: Windows, now: datetime
) -> Iterator[Finding]:
    """A test whose coming times lie outside the windows: always (an error) or sometimes (a warning)."""
    if not item.windows:
        return
    sites = sites_of(item, catalog)
    coming = list(islice(slots(item, Part.MAIN, now, now + AHEAD), LOOKED_AT))
    closed = [
        slot for slot in coming if any(not windows.is_open_for(slot.nominal, site, item.length_s) for site in sites)
    ]
    if not closed:
        return
    first = closed[0].nominal
    barred = [site for site in sites if not windows.is_open_for(first, site, item.length_s)]
    rules = [f"{rule.id}: {rule.reason}" for rule in windows.why(first, barred[0])[:1]]
    why = f"on {local(first, item.recurrence.zone)} {', '.join(barred)} is not open for all of it" + (
        f" ({rules[0]})" if rules else ""
    )
    if len(closed) == len(coming):
        what = f"{item.id} can never run: none of its next {len(coming)} times lies in an open window; {why}"
        yield _error("never-in-a-window", what, item, schedules, "", "choose another time, or change the windows")
        return
    yield Finding(
        code="outside-the-windows",
        severity=Severity.WARNING,
        message=f"{len(closed)} of the next {len(coming)} times of {item.id} will be refused: {why}",
        subject=item.id,
        where=place(schedules, f"schedules.{item.id}"),
        next_step="these slots will be told as refused; choose another time where that is not meant",
    )


def changed_clocks(schedules: Schedules, item: Schedule, now: datetime) -> Iterator[Finding]:
    """A time of the coming months that is skipped or doubled, and what the schedule's rule makes of it."""
    clock = now.astimezone(ZoneInfo(item.recurrence.zone)).replace(tzinfo=None)
    odd = next((time for time in local_times(item.recurrence, clock, clock + AHEAD) if changes(time, item)), None)
    if odd is not None:
        instant = instant_of(odd, item.recurrence)
        yield Finding(
            code="clock-change",
            severity=Severity.NOTE,
            message=f"{item.id}: the clocks are changed at its time {odd:%Y-%m-%d %H:%M}: that day it is "
            + (local(instant, item.recurrence.zone) if instant else "omitted"),
            subject=item.id,
            where=place(schedules, f"schedules.{item.id}"),
        )


def sites_of(item: Schedule, catalog: Catalog) -> tuple[str, ...]:
    """The schedule's own site and those its groups and applications move between, each once."""
    groups = {group.id: group for group in catalog.groups}
    named = set(item.work.groups)
    named |= {app.group for app in catalog.applications if app.id in item.work.applications and app.group}
    if item.work.lose:
        named |= {group.id for group in catalog.groups if group.primary_site == item.work.lose}
    found = [item.site]
    for name in sorted(named & groups.keys()):
        found += [site for site in (groups[name].primary_site, groups[name].recovery_site) if site]
    return tuple(dict.fromkeys(found))


def changes(time: datetime, item: Schedule) -> bool:
    """Whether the clock shows this time twice, or never."""
    zone = ZoneInfo(item.recurrence.zone)
    return time.replace(tzinfo=zone, fold=0).utcoffset() != time.replace(tzinfo=zone, fold=1).utcoffset()


def _error(code: str, message: str, item: Schedule, schedules: Schedules, field: str, next_step: str) -> Finding:
    key = f"schedules.{item.id}" + (f".{field}" if field else "")
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=message,
        subject=item.id,
        where=place(schedules, key),
        next_step=next_step,
    )
