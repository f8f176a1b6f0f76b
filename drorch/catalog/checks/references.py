"""Do the entries name each other rightly: duplicate ids, unknown references, circles of dependencies."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from drorch.catalog.checks.places import place
from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, Severity

MOST_CYCLES = 20
"""More circles than these are not looked for."""


def duplicate_ids(catalog: Catalog) -> Iterator[Finding]:
    """An id given to two entries of one kind: one of them would be lost."""
    for kind, ids in _ids(catalog).items():
        for entry, times in Counter(ids).items():
            if times > 1:
                yield Finding(
                    code="duplicate-id",
                    severity=Severity.ERROR,
                    message=f"the id {entry!r} is given to {times} {kind}",
                    subject=entry,
                    where=place(catalog, f"{kind}.{entry}#2"),
                    next_step="give each its own id",
                )


def unknown_references(catalog: Catalog) -> Iterator[Finding]:
    """A site, group, department or application that is named but not there."""
    known = _ids(catalog)
    for field, kind, target in _references(catalog):
        if target in known[kind]:
            continue
        near = difflib.get_close_matches(target, known[kind], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        yield Finding(
            code="unknown-reference",
            severity=Severity.ERROR,
            message=f"there is no {target!r} among the {kind}{hint}",
            subject=field.split(".")[1],
            where=place(catalog, field),
            next_step=f"name one of the {kind}, or add it",
        )


def cycles(catalog: Catalog) -> Iterator[Finding]:
    """Applications that need each other in a circle could never be started in an order."""
    known = {app.id for app in catalog.applications}
    needs = {app.id: {needed for needed in app.depends_on if needed in known} for app in catalog.applications}
    for _ in range(MOST_CYCLES):
        path = _cycle(needs)
        if path is None:
            return
        yield Finding(
            code="cycle",
            severity=Severity.ERROR,
            message="the dependencies form a circle: " + " → ".join([*path, path[0]]),
            subject=path[0],
            where=place(catalog, f"applications.{path[0]}.depends_on"),
            next_step="remove the dependency that is not needed for a start",
        )
        needs[path[0]].discard(path[1 % len(path)])


def _cycle(needs: dict[str, set[str]]) -> list[str] | None:
    """One circle, each one depending on the next, starting with the smallest id."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        path: list[str] = list(reversed(error.args[1][:-1]))
        start = path.index(min(path))
        return path[start:] + path[:start]
    return None


def _ids(catalog: Catalog) -> dict[str, Sequence[str]]:
    return {
        "sites": [site.id for site in catalog.sites],
        "departments": [department.id for department in catalog.departments],
        "groups": [group.id for group in catalog.groups],
        "applications": [app.id for app in catalog.applications],
    }


def _references(catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """Field, kind of the target, target."""
    for site in catalog.sites:
        if site.mirror is not None:
            yield f"sites.{site.id}.mirror", "sites", site.mirror
    for group in catalog.groups:
        yield f"groups.{group.id}.primary_site", "sites", group.primary_site
        if group.recovery_site is not None:
            yield f"groups.{group.id}.recovery_site", "sites", group.recovery_site
    for app in catalog.applications:
        yield f"applications.{app.id}.department", "departments", app.department
        yield f"applications.{app.id}.group", "groups", app.group
        if app.migration_target is not None:
            yield f"applications.{app.id}.migration_target", "sites", app.migration_target
        for index, needed in enumerate(app.depends_on):
            yield f"applications.{app.id}.depends_on.{index}", "applications", needed
