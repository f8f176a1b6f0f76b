"""Looks at what may forbid a run to start: windows of the programme, verified capacity, tier-1 groups under way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.catalog.text import MAX_BYTES
from drorch.core.clock import Instant
from drorch.core.errors import DrorchError, InputInvalid
from drorch.core.files import read_input
from drorch.estate.model import Estate
from drorch.orchestration.held_groups import Known
from drorch.plan.critical import earliest_finish
from drorch.plan.model import Kind, Plan
from drorch.run.conditions import MOVES, PLANNED, ClosedSite, Conditions, Room
from drorch.year.load import checked, load_programme
from drorch.year.model import Programme

LAB = "lab"
"""The name of every embedded lab's estate: nobody's production, so no windows hold there unless they are asked for."""
YEAR = Path("year.yaml")
VERIFIED_FOR = timedelta(days=366)
"""A capacity is verified again once a year, as everything else here."""
TIER_1 = 1


def programme_file(
    plan: Plan, catalog: Catalog, estate: Estate, named: Path | None, *, default: Path = YEAR
) -> Path | None:
    """The programme whose windows hold for a run: the named one, ``$DRORCH_YEAR``, else ``default``.

    None where none is owed: for what is not planned, and on a lab when none is named. InputInvalid when a planned run
    would start without anybody having said when it may, and when the file is not sound (with line and field).
    """
    if plan.kind not in PLANNED:
        return None
    told = named or (Path(os.environ["DRORCH_YEAR"]) if os.environ.get("DRORCH_YEAR") else None)
    if told is None and estate.name == LAB:
        return None
    file = (told or default).absolute()
    if not file.is_file():
        raise InputInvalid(
            f"nothing says when a {plan.kind} may run: there is no programme of the year",
            where=str(file),
            next_step="name one with --year or DRORCH_YEAR; 'drorch year check' tells whether it is sound",
        )
    found = _programme(file, catalog)
    if isinstance(found, DrorchError):
        raise found
    return file


def look(
    plan: Plan, catalog: Catalog, estate: Estate, year: Path | None, others: Iterable[Known], at: Instant
) -> Conditions:
    """Everything the interlocks look at before a start. ``others``: what holds protection groups at this moment.

    Never raises for the programme: what cannot be read closes every site.
    """
    if plan.kind not in PLANNED:
        return Conditions()
    programme = _programme(year, catalog) if year is not None else None
    closed = () if year is None else tuple(_closed(plan, programme, year, at))
    critical = {app.group for app in catalog.applications if app.tier == TIER_1}
    moving = {
        group: other.run
        for other in others
        if other.created is not None and other.created.kind in {*MOVES, Kind.FAILOVER}
        for group in other.groups
        if group in critical
    }
    return Conditions(
        closed=closed,
        rooms=tuple(_rooms(plan, catalog, estate, at.wall.date())),
        tier_1_here=tuple(sorted(_moved(plan, catalog) & critical)),
        tier_1_elsewhere=moving,
        tier_1_limit=programme.tier_1_groups_at_once if isinstance(programme, Programme) else None,
    )


def _programme(year: Path, catalog: Catalog) -> Programme | DrorchError:
    try:
        return checked(load_programme(read_input(year, MAX_BYTES), str(year), catalog), catalog)
    except DrorchError as error:
        return error


def _closed(plan: Plan, programme: Programme | DrorchError | None, year: Path, at: Instant) -> Iterator[ClosedSite]:
    """Sites that are not open from now on for as long as the plan is expected to take."""
    sites = sorted({step.site for step in plan.steps if step.changes_state})
    takes = max(earliest_finish(plan).values(), default=0.0)
    for site in sites:
        if not isinstance(programme, Programme):
            why = f"{year} cannot be read: {programme.what if programme else 'it is not there'}"
            yield ClosedSite(site=site, why=why, opens=None)
        elif site not in programme.windows.zones:
            yield ClosedSite(site=site, why="the catalog does not know this site", opens=None)
        elif not programme.windows.is_open_for(at.wall, site, takes):
            rules = programme.windows.why(at.wall, site)
            opens = programme.windows.next_open(at.wall, site, for_s=takes)
            why = "; ".join(f"{rule.id}: {rule.reason}" for rule in rules) or "nothing allows it at this time"
            yield ClosedSite(site=site, why=why, opens=opens.isoformat() if opens else None)


def _rooms(plan: Plan, catalog: Catalog, estate: Estate, today: date) -> Iterator[Room]:
    """What each target would have to carry: what it serves in normal operation, and what comes."""
    coming: dict[str, set[str]] = {}
    for scope in plan.scope:
        if scope.to_site is not None and not scope.remote_access:
            coming.setdefault(scope.to_site, set()).add(scope.application)
    primary = {group.id: group.primary_site for group in catalog.groups}
    for site, applications in sorted(coming.items()):
        normal = {app.id for app in catalog.applications if primary.get(app.group or "") == site}
        needed, stated = len(normal | applications), estate.capacity.get(site)
        if stated is None:
            yield Room(site=site, needed=needed, stated=None, basis="nobody verified it")
        elif today - stated.verified > VERIFIED_FOR:
            basis = f"verified on {stated.verified} by {stated.by}: more than a year ago"
            yield Room(site=site, needed=needed, stated=None, basis=basis)
        else:
            basis = f"verified on {stated.verified} by {stated.by}"
            yield Room(site=site, needed=needed, stated=stated.applications, basis=basis)


def _moved(plan: Plan, catalog: Catalog) -> set[str]:
    """Protection groups that change their site."""
    moved = {scope.application for scope in plan.scope if scope.to_site is not None and not scope.remote_access}
    return {app.group for app in catalog.applications if app.id in moved and app.group}
