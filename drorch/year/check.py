"""All checks of a programme. A check returns findings and never raises on user data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drorch.catalog.checks.places import place, some
from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, Severity
from drorch.year.model import Programme
from drorch.year.obligations import KIND_OF_SUBJECT, subject_ids, subjects_of
from drorch.year.windows import Effect, Window, Windows

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check_programme(programme: Programme, catalog: Catalog) -> tuple[Finding, ...]:
    """Every finding, errors first, then in the order of the checks and of the file."""
    zones = list(unknown_time_zones(programme, catalog))
    found = [
        *zones,
        *duplicate_ids(programme),
        *unknown_subjects(programme, catalog),
        *exemptions_fit(programme, catalog),
        *windows_of_unknown_sites(programme),
        # Without the zones nothing can be said about windows.
        *([] if zones else windows_that_never_open(programme)),
        *sites_without_window(programme, catalog),
    ]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


def unknown_time_zones(programme: Programme, catalog: Catalog) -> Iterator[Finding]:
    """A time zone that this machine does not know."""
    zones = [(programme.timezone, place(programme, "timezone"))]
    zones += [(site.timezone, place(catalog, f"sites.{site.id}.timezone")) for site in catalog.sites]
    for name, where in zones:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"{name} is not a known time zone"
            yield _error("unknown-time-zone", message, None, where, "write an IANA name such as America/New_York")


def duplicate_ids(programme: Programme) -> Iterator[Finding]:
    """Two entries of a list with one id."""
    lists = {
        "bodies": [item.id for item in programme.bodies],
        "roles": [item.id for item in programme.roles],
        "obligations": [item.id for item in programme.obligations],
        "exemptions": [item.id for item in programme.exemptions],
        "windows": [item.id for item in programme.windows.rules],
    }
    for name, ids in lists.items():
        for repeated in (item for item, number in Counter(ids).items() if number > 1):
            where = place(programme, f"{name}.{repeated}#2")
            yield _error("duplicate-id", f"the id {repeated} occurs twice in {name}", repeated, where, "rename one")


def unknown_subjects(programme: Programme, catalog: Catalog) -> Iterator[Finding]:
    """An obligation names somebody who is not there, does not fit its activity, or reaches nobody."""
    for item in programme.obligations:
        where = place(programme, f"obligations.{item.id}.subjects")
        kind = item.subjects.kind
        if kind is not KIND_OF_SUBJECT[item.activity]:
            proper = KIND_OF_SUBJECT[item.activity].value
            message = f"a {item.activity.value} is owed by each {proper}, not by each {kind.value}"
            yield _error("wrong-subject", message, item.id, where, f"write kind: {proper}")
            continue
        missing = [name for name in item.subjects.only if name not in subject_ids(kind, programme, catalog)]
        if missing:
            message = f"there is no {kind.value} {some(missing)}"
            yield _error("unknown-subject", message, item.id, where, f"name a {kind.value} that exists")
        elif not subjects_of(item, programme, catalog):
            yield _error("nobody-owes-it", "no subject owes this", item.id, where, "widen subjects, or remove it")


def exemptions_fit(programme: Programme, catalog: Catalog) -> Iterator[Finding]:
    """An exemption from something that is not owed."""
    known = {item.id: item for item in programme.obligations}
    for item in programme.exemptions:
        where = place(programme, f"exemptions.{item.id}")
        if item.obligation not in known:
            message = f"there is no obligation {item.obligation}"
            yield _error("unknown-obligation", message, item.id, where, f"known: {', '.join(known)}")
        elif item.subject not in subjects_of(known[item.obligation], programme, catalog):
            message = f"{item.subject} does not owe {item.obligation}: nothing to be exempt from"
            yield _error("not-owed", message, item.id, where, "correct subject, or remove the exemption")
        elif item.until - item.valid_from > timedelta(days=366):
            yield Finding(
                code="long-exemption",
                severity=Severity.WARNING,
                message=f"{item.subject} is exempt from {item.obligation} for more than a year, until {item.until}",
                subject=item.id,
                where=where,
                next_step="let it end within a year, and decide again then",
            )


def windows_of_unknown_sites(programme: Programme) -> Iterator[Finding]:
    """A window at a site that is not in the catalog."""
    for rule in programme.windows.rules:
        if rule.site is not None and rule.site not in programme.windows.zones:
            where = place(programme, f"windows.{rule.id}.site")
            known = ", ".join(programme.windows.zones)
            yield _error("unknown-site", f"there is no site {rule.site}", rule.id, where, f"known: {known}")


def windows_that_never_open(programme: Programme) -> Iterator[Finding]:
    """A window no instant lies in, or an allowed time that is blocked whenever it comes."""
    for rule in programme.windows.rules:
        where = place(programme, f"windows.{rule.id}")
        if rule.site is not None and rule.site not in programme.windows.zones:
            continue
        trouble = _never(rule, programme.windows, _from_day(rule, programme))
        if trouble:
            next_step = "correct its days, weekdays or times, or remove it"
            yield _error(
                "window-never-opens", f"the window {rule.id} never opens: {trouble}", rule.id, where, next_step
            )


def sites_without_window(programme: Programme, catalog: Catalog) -> Iterator[Finding]:
    """A site at which no test may ever run."""
    for site in catalog.sites:
        rules = programme.windows.rules_of(site.id)
        if not any(rule.effect in (Effect.ALLOW, Effect.EXCEPTION) for rule in rules):
            yield Finding(
                code="site-without-window",
                severity=Severity.WARNING,
                message=f"no window allows a test at {site.id}",
                subject=site.id,
                where=place(programme, "windows"),
                next_step=f"add a window with effect: allow and site: {site.id}",
            )


def _never(rule: Window, windows: Windows, first: date) -> str | None:
    if rule.first_day and rule.last_day and rule.last_day < rule.first_day:
        return f"its last day {rule.last_day} lies before its first {rule.first_day}"
    if rule.start == rule.end != time(0, 0):
        return f"it ends at {rule.end:%H:%M}, when it starts"
    sites = [rule.site] if rule.site else list(windows.zones)
    alone = Windows(rules=(_as_allowed(rule),), zones=windows.zones)
    begin = datetime.combine(first, time(0, 0), UTC) - timedelta(days=1)
    if not any(alone.next_open(begin, site) for site in sites):
        return "no day and time fits all it says"
    if rule.effect is Effect.ALLOW:
        against = tuple(item for item in windows.rules if item.effect is Effect.BLOCK)
        beside = Windows(rules=(rule, *against), zones=windows.zones)
        if not any(beside.next_open(begin, site) for site in sites):
            return "it is blocked whenever it would be open"
    return None


def _as_allowed(rule: Window) -> Window:
    return Window(
        id=rule.id,
        effect=Effect.ALLOW,
        reason=rule.reason,
        site=rule.site,
        first_day=rule.first_day,
        last_day=rule.last_day,
        weekdays=rule.weekdays,
        start=rule.start,
        end=rule.end,
    )


def _from_day(rule: Window, programme: Programme) -> date:
    """Where to begin to look: the windows of a programme matter from its first obligation on."""
    return rule.first_day or min(item.in_force_from for item in programme.obligations)


def _error(code: str, message: str, subject: str | None, where: str | None, next_step: str) -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, message=message, subject=subject, where=where, next_step=next_step
    )
