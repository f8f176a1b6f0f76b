"""What does not fit together in a capacity model, and what makes its numbers weaker than they look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from drorch.access.constraints import DEFAULT_MOST_SESSIONS
from drorch.access.model import CapacityModel, GroupKind, LicenceModel
from drorch.catalog.model import ProvenanceKind
from drorch.core.findings import Finding, Severity

Check = Callable[[CapacityModel], Iterator[Finding]]
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check_model(model: CapacityModel) -> tuple[Finding, ...]:
    """Every finding, errors first."""
    checks: tuple[Check, ...] = (
        duplicate_ids,
        unknown_references,
        pools_say_one_thing,
        nobody_to_carry,
        static_desktops,
        load_index_says_nothing,
        dependants_from_totals,
        overdraft_is_no_capacity,
        repeated_histories,
        attested_without_source,
    )
    found = [finding for check in checks for finding in check(model)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


def place(model: CapacityModel, key: str) -> str:
    """``file:line key`` of an entry or field such as ``pools.finance-nyc.seats``."""
    near = key
    while near and near not in model.lines:
        near = near.rpartition(".")[0]
    line = f":{model.lines[near]}" if near else ""
    return f"{model.source or 'capacity model'}{line} {key}"


def duplicate_ids(model: CapacityModel) -> Iterator[Finding]:
    """Two entries of one list have the same id."""
    for name, ids in _ids(model).items():
        for repeated in sorted(item for item, times in Counter(ids).items() if times > 1):
            what = f"{repeated!r} is there twice among {name}"
            yield _error(model, "duplicate-id", f"{name}.{repeated}#2", what, "give each its own id")


def unknown_references(model: CapacityModel) -> Iterator[Finding]:
    """A name that nothing has."""
    ids = _ids(model)
    for department in model.departments:
        yield from _unknown(model, f"departments.{department.id}.groups", department.groups, ids["groups"])
        yield from _unknown(model, f"departments.{department.id}.needs", department.needs, ids["departments"])
    for pool in model.pools:
        yield from _unknown(model, f"pools.{pool.id}.group", (pool.group,), ids["groups"])
    desktops = {pool.site for pool in model.pools}
    for gateway in model.gateways:
        yield from _unknown(model, f"gateways.{gateway.id}.serves", gateway.serves, desktops)
    for service in model.identity:
        if service.serves is not None:
            yield from _unknown(model, f"identity.{service.id}.serves", (service.serves,), desktops)
    for history in model.histories:
        if history.site is not None:
            yield from _unknown(model, f"history.{history.id}.site", (history.site,), model.sites)


def pools_say_one_thing(model: CapacityModel) -> Iterator[Finding]:
    """A pool has declared seats or observed machines, not both and not none."""
    for pool in model.pools:
        if (pool.seats is None) == (not pool.machines):
            what = f"{pool.id} has {'neither seats nor machines' if pool.seats is None else 'seats and machines'}"
            yield _error(model, "pool-seats", f"pools.{pool.id}.seats", what, "give one of the two")


def nobody_to_carry(model: CapacityModel) -> Iterator[Finding]:
    """Nobody needs a seat, or a department that does is entitled to nothing: a model of nothing is always green."""
    if not any(department.critical for department in model.departments):
        what = "no department has critical staff"
        yield _error(model, "no-demand", "departments", what, "enter the critical staff of each department")
    for department in model.departments:
        if department.needs.get(department.id):
            what = f"{department.id} needs itself"
            yield _error(model, "needs-itself", f"departments.{department.id}.needs", what, "count them as critical")
        if not department.groups:
            what = f"the people of {department.id} are entitled to no delivery group"
            yield _warning(model, "no-group", f"departments.{department.id}.groups", what, "name their delivery groups")


def static_desktops(model: CapacityModel) -> Iterator[Finding]:
    """A static desktop belongs to one person; seats of others cannot be filled with it."""
    for group in model.groups:
        if group.kind is GroupKind.STATIC:
            what = (
                f"desktops of {group.id} belong to one person each and carry nobody else: the flow may count too many "
                "seats for those who have none"
            )
            step = "entitle only departments whose required people have one"
            yield _note(model, "static-desktops", f"groups.{group.id}.kind", what, step)


def load_index_says_nothing(model: CapacityModel) -> Iterator[Finding]:
    """The load index only counts sessions."""
    for group in model.groups:
        if group.session_count_only:
            what = (
                f"the load evaluator of {group.id} counts sessions only (default limit {DEFAULT_MOST_SESSIONS}): "
                "a low load index does not mean that there is room"
            )
            step = "let it weigh CPU and memory, or give sessions_per_machine from a load test"
            yield _warning(model, "session-count-only", f"groups.{group.id}.session_count_only", what, step)


def dependants_from_totals(model: CapacityModel) -> Iterator[Finding]:
    """Several departments need people of one: only a count by person knows whether they are the same."""
    for department in model.departments:
        needing = [other.id for other in model.departments if other.needs.get(department.id)]
        if department.dependants is None and len(needing) > 1:
            what = (
                f"{', '.join(needing)} all need people of {department.id}; the largest number counts, as if they "
                "needed the same people"
            )
            step = "count them by person and give the total as dependants"
            yield _note(model, "dependants-from-totals", f"departments.{department.id}", what, step)


def overdraft_is_no_capacity(model: CapacityModel) -> Iterator[Finding]:
    """What the vendor tolerates is not what was bought."""
    for licence in model.licences:
        if licence.overdraft:
            what = f"{licence.overdraft} of {licence.id} are overdraft and do not count as seats"
            step = "nothing to do; buy them if they are needed"
            yield _note(model, "overdraft", f"licences.{licence.id}.overdraft", what, step)
        if licence.model is LicenceModel.USER_OR_DEVICE:
            what = f"licences of {licence.id} stay bound to a user or device for 90 days: a test binds them too"
            yield _note(
                model, "bound-licences", f"licences.{licence.id}.model", what, "plan tests with the same people"
            )


def repeated_histories(model: CapacityModel) -> Iterator[Finding]:
    """Two histories of one site: which one would count?"""
    seen: set[str | None] = set()
    for history in model.histories:
        if history.site in seen:
            what = f"a second history of {history.site or 'all sites together'}"
            yield _error(model, "repeated-history", f"history.{history.id}.site", what, "keep one")
        seen.add(history.site)


def attested_without_source(model: CapacityModel) -> Iterator[Finding]:
    """Who says so has to be named."""
    for name, items in model.entries.items():
        for item in items:
            for field, origin in item.provenance.items():
                if origin.kind is ProvenanceKind.ATTESTED and origin.source is None:
                    what = f"{field} of {item.id} is attested, but by whom?"
                    step = "write {attested: <source>}, or assumed"
                    yield _warning(model, "attested-without-source", f"{name}.{item.id}.provenance", what, step)
                    break


def _ids(model: CapacityModel) -> dict[str, tuple[str, ...]]:
    return {name: tuple(item.id for item in items) for name, items in model.entries.items()}


def _unknown(model: CapacityModel, key: str, names: Collection[str], known: Collection[str]) -> Iterator[Finding]:
    for name in names:
        if name not in known:
            what = f"{name!r} is not there"
            yield _error(model, "unknown-reference", key, what, f"name one of {', '.join(sorted(known)) or 'none yet'}")


def _error(model: CapacityModel, code: str, key: str, what: str, step: str) -> Finding:
    return _finding(model, code, key, what, step, Severity.ERROR)


def _warning(model: CapacityModel, code: str, key: str, what: str, step: str) -> Finding:
    return _finding(model, code, key, what, step, Severity.WARNING)


def _note(model: CapacityModel, code: str, key: str, what: str, step: str) -> Finding:
    return _finding(model, code, key, what, step, Severity.NOTE)


def _finding(model: CapacityModel, code: str, key: str, what: str, step: str, severity: Severity) -> Finding:
    subject = key.split(".")[1] if "." in key else None
    return Finding(code=code, severity=severity, message=what, subject=subject, where=place(model, key), next_step=step)
