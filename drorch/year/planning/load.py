"""``planner.yaml`` (bytes) to the frozen planner, and its checks. Every error names file, line and field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import MappingProxyType

from drorch.catalog.checks.places import place, some
from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.model import Catalog
from drorch.catalog.text import parse_document
from drorch.core.findings import Finding, Severity, errors
from drorch.year.model import SubjectKind
from drorch.year.obligations import KIND_OF_SUBJECT
from drorch.year.planning.model import Absence, Planner, PlannerLimits, Pool, TestRule, Unit
from drorch.year.planning.schema import PlannerFile


def load_planner(text: bytes, source: str, catalog: Catalog) -> Planner:
    """The planner in ``text``, free of errors. InputInvalid with ``file:line field``."""
    document = parse_document(text, source)
    file = validated(PlannerFile, document, what="a planner file", example="planner.yaml")
    limits = file.limits
    planner = Planner(
        id=file.id,
        rules=tuple(
            TestRule(
                id=entry.id, activity=entry.activity, unit=entry.unit, length_s=entry.length,
                sites=tuple(dict.fromkeys(entry.sites)), people=MappingProxyType(dict(entry.people)),
                batch=entry.batch,
            )
            for entry in file.tests
        ),
        pools=tuple(Pool(id=entry.id, name=entry.name, at_once=entry.at_once) for entry in file.people),
        absences=tuple(
            Absence(
                id=entry.id, pool=entry.pool, first_day=entry.first_day, last_day=entry.last_day,
                at_once=entry.at_once, reason=entry.reason,
            )
            for entry in file.absences
        ),
        limits=PlannerLimits(
            at_once=limits.at_once, per_site=limits.per_site, per_day=limits.per_day, per_week=limits.per_week
        ),
        dependencies_first=file.dependencies_first,
        lines=MappingProxyType(line_index(document, ("people", "absences", "tests"))),
        source=source,
    )  # fmt: skip
    found = errors(tuple(check_planner(planner, catalog)))
    if found:
        raise listed([(item.where or source, item.message) for item in found], found[0].next_step)
    return planner


def check_planner(planner: Planner, catalog: Catalog) -> Iterator[Finding]:
    """Ids that occur twice or are not there, and rules that nobody could ever keep."""
    lists = {
        "tests": [item.id for item in planner.rules],
        "people": [item.id for item in planner.pools],
        "absences": [item.id for item in planner.absences],
    }
    for name, ids in lists.items():
        for repeated in (item for item, number in Counter(ids).items() if number > 1):
            yield _error("duplicate-id", f"the id {repeated} occurs twice in {name}",
                         place(planner, f"{name}.{repeated}#2"), "rename one")  # fmt: skip
    for repeated in (item for item, number in Counter(rule.activity for rule in planner.rules).items() if number > 1):
        second = [rule for rule in planner.rules if rule.activity is repeated][1]
        yield _error("activity-twice", f"two rules for {repeated.value}",
                     place(planner, f"tests.{second.id}.activity"), "keep one")  # fmt: skip
    yield from _rules(planner, catalog)
    pools = {item.id: item for item in planner.pools}
    for absence in planner.absences:
        if absence.pool not in pools:
            yield _error("unknown-people", f"there are no people called {absence.pool}",
                         place(planner, f"absences.{absence.id}.pool"), f"known: {some(sorted(pools))}")  # fmt: skip


def _rules(planner: Planner, catalog: Catalog) -> Iterator[Finding]:
    pools, sites = {item.id: item for item in planner.pools}, [site.id for site in catalog.sites]
    for rule in planner.rules:
        at = f"tests.{rule.id}"
        if missing := [site for site in rule.sites if site not in sites]:
            yield _error("unknown-site", f"there is no site {some(missing)}", place(planner, f"{at}.sites"),
                         f"known: {', '.join(sites)}")  # fmt: skip
        if rule.unit is Unit.GROUP and KIND_OF_SUBJECT[rule.activity] is not SubjectKind.APPLICATION:
            kind = KIND_OF_SUBJECT[rule.activity].value
            yield _error("wrong-unit", f"a {rule.activity.value} is held by each {kind}: it has no protection group",
                         place(planner, f"{at}.unit"), "write unit: subject, or all")  # fmt: skip
        for name, number in rule.people.items():
            where = place(planner, f"{at}.people.{name}")
            if name not in pools:
                yield _error("unknown-people", f"there are no people called {name}", where,
                             f"known: {some(sorted(pools))}")  # fmt: skip
            elif number > pools[name].at_once:
                message = f"{number} of {name} are needed at once, and there are {pools[name].at_once}"
                yield _error("too-few-people", message, where, "plan with fewer, or find more")


def _error(code: str, message: str, where: str | None, next_step: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, where=where, next_step=next_step)
