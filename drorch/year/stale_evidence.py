"""Which evidence of the year is stale: each run's fingerprint held against the world as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.core.errors import DrorchError
from drorch.core.files import read_file
from drorch.core.state_folder import RunContext, run_folder
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.evidence.fingerprint import Fingerprints, Parts, World, fingerprint
from drorch.evidence.fingerprint_files import world_of
from drorch.plan.files import load_plan_file
from drorch.plan.model import Plan
from drorch.year.freshness import Evidence, Retest, Stale, judge
from drorch.year.model import Activity, Programme
from drorch.year.status import DutyStatus

RETEST_S = 4 * 3600.0
"""So long a window has to be for the proposed test."""
_NOWHERE = Estate(
    schema=1,
    name="",
    zone="",
    inventory="",
    name_servers=(),
    sites={},
    databases=(),
    applications={},
    database_name="",
    database_user="",
    pgpass_file="",
    ssh={},
    ansible_env={},
)


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """All recovery tests that duties rest on."""

    on: date
    stale: tuple[Stale, ...]
    fresh: tuple[Evidence, ...]


def freshness(
    home: Path, programme: Programme, catalog: Catalog, duties: Iterable[DutyStatus], on: date, now: datetime
) -> Freshness:
    """The evidence of every duty of ``duties`` that rests on a run, held against catalog, playbooks and estate as they
    are at this moment. Never raises for a run that cannot be read: that is a reason.
    """
    by_run: dict[str, list[Evidence]] = {}
    for item in _evidence(duties, catalog):
        by_run.setdefault(item.run, []).append(item)
    stale: list[Stale] = []
    fresh: list[Evidence] = []
    for run, tested in by_run.items():
        looked = _look(home, run, catalog)
        for item in tested:
            found = judge(
                item,
                before=looked.before.get(item.application) if looked.before is not None else None,
                now=fingerprint(item.application, looked.plan, looked.world) if looked.plan and looked.world else {},
                on=on,
                valid_days=programme.evidence_days,
                unreadable=looked.unreadable,
                retest=_retest(item.group, catalog, programme, now),
            )
            if found is None:
                fresh.append(item)
            else:
                stale.append(found)
    return Freshness(on=on, stale=tuple(sorted(stale, key=_place)), fresh=tuple(fresh))


@dataclass(frozen=True, kw_only=True)
class _Looked:
    plan: Plan | None = None
    before: Mapping[str, Parts] | None = None
    world: World | None = None
    unreadable: tuple[str, ...] = ()


def _look(home: Path, run: str, catalog: Catalog) -> _Looked:
    try:
        folder = run_folder(home, run)
        plan = load_plan_file(folder.plan)
        found = _Looked(plan=plan)
        if folder.fingerprint.exists():
            found = replace(found, before=read_file(folder.fingerprint, Fingerprints).applications)
        estate_file = Path(read_file(folder.context, RunContext).estate)
    except DrorchError as error:
        return _Looked(unreadable=(f"the run cannot be read: {error.what}",))
    try:
        estate = load_estate(estate_file)
    except DrorchError as error:
        told = f"inventory and probes are not known: {error.where or estate_file}: {error.what}"
        return replace(found, world=world_of(plan, catalog, _NOWHERE), unreadable=(told,))
    return replace(found, world=world_of(plan, catalog, estate))


def _evidence(duties: Iterable[DutyStatus], catalog: Catalog) -> Iterator[Evidence]:
    groups = {app.id: app.group for app in catalog.applications}
    for duty in duties:
        done = duty.evidence
        if done is None or done.activity is not Activity.RECOVERY_TEST or not done.reference.startswith("run "):
            continue
        run = done.reference.removeprefix("run ")
        yield Evidence(application=done.subject, group=groups.get(done.subject, ""), run=run, day=done.day)


def _retest(group: str, catalog: Catalog, programme: Programme, now: datetime) -> Retest:
    known = next((item for item in catalog.groups if item.id == group), None)
    sites = [site for site in (known.primary_site, known.recovery_site) if site] if known else []
    opens = programme.windows.next_open_everywhere(now, sites, for_s=RETEST_S) if sites else None
    return Retest(group=group, opens=opens, command=f"drorch plan build --kind drill --group {group}")


def _place(item: Stale) -> tuple[str, str]:
    return item.evidence.group, item.evidence.application
