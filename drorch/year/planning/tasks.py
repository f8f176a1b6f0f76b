"""What is left to plan: the duties of a year that are neither met, exempt nor booked, as tests to be held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from drorch.catalog.model import Catalog
from drorch.plan.graph import find_cycle
from drorch.year.local_time import local_day
from drorch.year.model import Activity, Booking, Period
from drorch.year.planning.model import Fixed, Planner, Task, TestRule, Unit
from drorch.year.status import DutyStatus, State


@dataclass(frozen=True, kw_only=True)
class Owed:
    """Tasks to place, tests that are booked, and what has to be told beside them."""

    tasks: tuple[Task, ...]
    fixed: tuple[Fixed, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Need:
    subject: str
    earliest: date
    latest: date


def owed_tasks(
    planner: Planner,
    catalog: Catalog,
    duties: Sequence[DutyStatus],
    bookings: Iterable[Booking],
    *,
    year: int,
    first_day: date,
    timezone: str,
    retest: Collection[str] = (),
) -> Owed:
    """The tests that ``year`` still owes from ``first_day`` on. ``duties``: as they stand on that day.

    A duty that is late already is to be met in what is left of the year. Applications of ``retest`` are recovered again
    although they have met it.
    """
    standing = [item for item in bookings if not item.called_off and local_day(item.start, timezone) >= first_day]
    by_activity = {rule.activity: rule for rule in planner.rules}
    tasks: list[Task] = []
    notes: list[str] = []
    for activity in dict.fromkeys(item.duty.obligation.activity for item in duties):
        mine = [item for item in duties if item.duty.obligation.activity is activity]
        again = retest if activity is Activity.RECOVERY_TEST else ()
        needs = _needs(mine, standing, year, first_day, timezone, again)
        if activity in by_activity:
            tasks += _tasks(by_activity[activity], needs, catalog, year)
        elif needs:
            notes.append(
                f"{len(needs)} owe a {activity.value}, for which {planner.source or 'the planner'} has no rule"
            )
    if planner.dependencies_first:
        tasks, circle = _in_order(tasks, standing, catalog)
        if circle:
            notes.append(f"groups that depend on each other are tested in any order: {', '.join(circle)}")
    fixed = tuple(_fixed(item, by_activity.get(item.activity), catalog) for item in standing)
    return Owed(tasks=tuple(_unique(tasks, {item.id for item in bookings})), fixed=fixed, notes=tuple(notes))


def _needs(
    duties: Sequence[DutyStatus],
    standing: Sequence[Booking],
    year: int,
    first_day: date,
    timezone: str,
    again: Collection[str],
) -> list[_Need]:
    found: dict[str, _Need] = {}
    end = date(year, 12, 31)
    for item in duties:
        rolling = item.duty.obligation.period is Period.ROLLING_12_MONTHS
        latest = min(item.due_by, end) if rolling else end
        if latest < first_day:
            latest = end
        exempt = any(exemption.covers(latest) for exemption in item.duty.exemptions)
        enough = (item.due_by > end if rolling else item.state is State.MET) and item.duty.subject not in again
        if exempt or enough or _booked(item, standing, latest, timezone):
            continue
        earliest = max(first_day, min(item.due_from, latest))
        known = found.get(item.duty.subject)
        if known is not None:
            latest = min(latest, known.latest)
            earliest = min(max(earliest, known.earliest), latest)
        found[item.duty.subject] = _Need(subject=item.duty.subject, earliest=earliest, latest=latest)
    return list(found.values())


def _booked(item: DutyStatus, standing: Sequence[Booking], latest: date, timezone: str) -> bool:
    return any(
        booking.activity is item.duty.obligation.activity
        and item.duty.subject in booking.subjects
        and local_day(booking.start, timezone) <= latest
        for booking in standing
    )


def _tasks(rule: TestRule, needs: Sequence[_Need], catalog: Catalog, year: int) -> list[Task]:
    if rule.unit is Unit.GROUP:
        group_of = {item.id: item.group for item in catalog.applications}
        parts = [(group.id, [need for need in needs if group_of[need.subject] == group.id]) for group in catalog.groups]
    elif rule.unit is Unit.ALL:
        parts = [("all", list(needs))]
    else:
        starts = range(0, len(needs), rule.batch)
        parts = [(needs[at].subject, list(needs[at : at + rule.batch])) for at in starts]
    return [_task(rule, name, part, catalog, year) for name, part in parts if part]


def _task(rule: TestRule, name: str, needs: Sequence[_Need], catalog: Catalog, year: int) -> Task:
    sites, group = rule.sites, None
    if rule.unit is Unit.GROUP:
        group = name
        of = catalog.group(name)
        sites = rule.sites or tuple(site for site in (of.primary_site, of.recovery_site) if site)
    latest = min(need.latest for need in needs)
    more = f" and {len(needs) - 1} more" if len(needs) > 1 and rule.unit is Unit.SUBJECT else ""
    return Task(
        id=f"{rule.id}-{name}-{year}",
        rule=rule,
        title=f"{rule.activity.value.replace('-', ' ').capitalize()}: {name}{more}",
        subjects=tuple(need.subject for need in needs),
        sites=sites,
        earliest=min(max(need.earliest for need in needs), latest),
        latest=latest,
        group=group,
    )


def _in_order(
    tasks: Sequence[Task], standing: Sequence[Booking], catalog: Catalog
) -> tuple[list[Task], tuple[str, ...]]:
    """Each test of a group behind the tests of the groups its applications depend on."""
    group_of = {item.id: item.group for item in catalog.applications}
    needs: dict[str, set[str]] = {group.id: set() for group in catalog.groups}
    for item in catalog.applications:
        needs[item.group] |= {group_of[name] for name in item.depends_on if name in group_of} - {item.group}
    circle: set[str] = set()
    while found := find_cycle({name: tuple(sorted(targets)) for name, targets in needs.items()}):
        circle |= set(found)
        for name in found:
            needs[name] -= set(found)
    ordered: list[Task] = []
    for task in tasks:
        before = needs.get(task.group or "", set())
        names = tuple(other.id for other in tasks if other.group in before and other.id != task.id)
        names += tuple(item.id for item in standing if {group_of.get(name) for name in item.subjects} & before)
        ordered.append(replace(task, after=names))
    return ordered, tuple(sorted(circle))


def _unique(tasks: Sequence[Task], taken: set[str]) -> Iterable[Task]:
    """Calendars know a test by its id: a second try needs one of its own."""
    names: dict[str, str] = {}
    for task in tasks:
        name, number = task.id, 1
        while name in taken:
            number += 1
            name = f"{task.id}-{number}"
        names[task.id] = name
    for task in tasks:
        yield replace(task, id=names[task.id], after=tuple(names.get(name, name) for name in task.after))


def _fixed(item: Booking, rule: TestRule | None, catalog: Catalog) -> Fixed:
    groups: Mapping[str, str] = {entry.id: entry.group for entry in catalog.applications}
    return Fixed(
        id=item.id,
        start=item.start,
        length_s=item.duration_s,
        sites=item.sites,
        subjects=item.subjects,
        people=rule.people if rule else {},
        group=next((groups[name] for name in item.subjects if name in groups), None),
    )
