"""The capacity model with what was last read in it: the answer of the day, with the age of every number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from drorch.access.assess import Assessment, Reason, Row, Status, assess, worst
from drorch.access.denial_test.results import proofs_of_tests
from drorch.access.denials import Turned, turned_away
from drorch.access.join import Weeks, joined
from drorch.access.model import CapacityModel, Constraint, Proof
from drorch.access.network import limits
from drorch.access.operations import load_model
from drorch.access.poll import AccessParts, load_sources_file
from drorch.access.ports import (
    Denial,
    Gap,
    GatewayReading,
    LicenceReading,
    LoginReading,
    Observed,
    PollRecord,
    PoolReading,
    ReadingArchive,
    Trouble,
)
from drorch.access.sources import SourceConfig, SourceKind

LOOK_BACK = timedelta(days=7)
LATE = 2
"""Intervals without a good reading until a source is too old."""


@dataclass(frozen=True, kw_only=True)
class SourceStanding:
    """How a source stands. ``age_s`` since it was last read well; None: never."""

    source: str
    kind: SourceKind
    age_s: float | None
    late: bool
    trouble: Trouble | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What `drorch access check` shows."""

    assessment: Assessment
    measured: frozenset[tuple[str | None, Constraint]]
    """Rows whose every number was read from a system."""
    sources: tuple[SourceStanding, ...]
    turned_away: Mapping[str, Turned]
    """By gateway, between its last two readings."""
    gaps: tuple[Gap, ...]
    """Unobserved minutes of the last seven days."""
    readings: tuple[Observed, ...]


def check(
    model: CapacityModel,
    sources: Sequence[SourceConfig],
    archive: ReadingArchive,
    at: datetime,
    proofs: Sequence[Proof] = (),
) -> Checked:
    """The model of today. Nothing is asked: only the archive is read."""
    readings = _wanted(archive.latest(), sources)
    live = joined(model, readings, _weeks(archive, sources), _intervals(sources), proofs)
    standings = _standings(sources, archive.polls(), at)
    gateways = [item for item in readings if isinstance(item, GatewayReading)]
    turned = {
        item.gateway: turned_away(before, item) for item in gateways if (before := archive.before(item)) is not None
    }
    found = assess(live.model, at)
    reasons = (*found.reasons, *_reasons(standings, live.notes, turned))
    order = list(Status)
    return Checked(
        assessment=replace(
            found,
            status=worst(reasons),
            reasons=tuple(sorted(reasons, key=lambda reason: order.index(reason.status))),
        ),
        measured=_measured_rows(live.model, found.rows, live.measured),
        sources=standings,
        turned_away=turned,
        gaps=tuple(gap for site in _watched(sources) for gap in _gaps(archive, site, at)),
        readings=tuple(readings),
    )


def check_files(parts: AccessParts, *, model: Path, sources: Path) -> Checked:
    """The same now and from the files: what every interface, the schedule and the metrics show. Asks nobody.

    NotFound and InputInvalid as of the files; Broken when the store cannot be read.
    """
    read = load_model(model)
    proofs = proofs_of_tests(parts.store)
    return check(read, load_sources_file(sources, read), parts.archive, parts.clock.now().wall, proofs)


def _wanted(readings: Sequence[Observed], sources: Sequence[SourceConfig]) -> list[Observed]:
    """Readings of things that a source still tells about. What nobody reads any more is not shown as if it were."""
    gateways = {item.gateway for item in sources}
    pools = {pool for item in sources for pool in item.pools.values()}
    licences = {item.licence for item in sources} | {name for item in sources for name in item.products.values()}
    sites = {item.site for item in sources if item.kind is SourceKind.LOGIN}
    return [
        item
        for item in readings
        if (isinstance(item, GatewayReading) and item.gateway in gateways)
        or (isinstance(item, PoolReading) and item.pool in pools)
        or (isinstance(item, LicenceReading) and item.licence in licences)
        or (isinstance(item, LoginReading) and item.site in sites)
    ]


def _watched(sources: Sequence[SourceConfig]) -> list[str]:
    return sorted({item.site for item in sources if item.kind is SourceKind.MONITOR and item.site})


def _weeks(archive: ReadingArchive, sources: Sequence[SourceConfig]) -> Mapping[str | None, Weeks]:
    sites = _watched(sources)
    found: dict[str | None, Weeks] = {site: archive.weeks([site]) for site in sites}
    if sites:
        found[None] = archive.weeks(sites)
    return found


def _intervals(sources: Sequence[SourceConfig]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for item in sources:
        names = [item.gateway, item.licence, *item.pools.values(), *item.products.values()]
        for name in names:
            if name is not None:
                found[name] = max(found.get(name, 0.0), item.interval_s)
    return found


def _gaps(archive: ReadingArchive, site: str, at: datetime) -> Sequence[Gap]:
    """Of the last seven days, from the first minute that was ever observed."""
    until = archive.last_minute(site)
    if until is None:
        return (Gap(site=site, since=at - LOOK_BACK, until=at),)
    return archive.gaps(site, at - LOOK_BACK, until + timedelta(minutes=1))


def _standings(
    sources: Sequence[SourceConfig], polls: Mapping[str, tuple[PollRecord, datetime | None]], at: datetime
) -> tuple[SourceStanding, ...]:
    found = []
    for item in sources:
        last, good = polls.get(item.id, (None, None))
        age = None if good is None else (at - good).total_seconds()
        found.append(
            SourceStanding(
                source=item.id,
                kind=item.kind,
                age_s=age,
                late=age is None or age > LATE * item.interval_s,
                trouble=last.trouble if last else None,
                text=last.text if last else "never asked",
            )
        )
    return tuple(found)


def _reasons(standings: Sequence[SourceStanding], notes: Sequence[str], turned: Mapping[str, Turned]) -> list[Reason]:
    found = [Reason(status=Status.AMBER, text=note) for note in notes]
    for item in standings:
        because = f": {item.text}" if item.text else ""
        if item.age_s is None:
            text = f"the source {item.source} was never read{because}"
            found.append(Reason(status=Status.UNKNOWN, text=text))
        elif item.late:
            text = f"the source {item.source} was last read {item.age_s / 60:.0f} min ago{because}"
            found.append(Reason(status=Status.AMBER, text=text))
    for gateway, change in turned.items():
        number = change.denials.get(Denial.NO_LICENSE, 0) + change.denials.get(Denial.ICA_LICENSE, 0)
        if number:
            text = f"{gateway} turned {number} away for want of a licence in the last {change.seconds / 60:.0f} min"
            found.append(Reason(status=Status.RED, text=text))
    return found


def _measured_rows(
    model: CapacityModel, rows: Sequence[Row], measured: frozenset[tuple[Constraint, str]]
) -> frozenset[tuple[str | None, Constraint]]:
    of_row: dict[tuple[str | None, Constraint], list[str]] = {}
    for limit in limits(model):
        of_row.setdefault((limit.site, limit.constraint), []).append(limit.subject)
    return frozenset(
        (row.site, row.constraint)
        for row in rows
        if all((row.constraint, subject) in measured for subject in of_row[row.site, row.constraint])
    )


def standing_to_json(item: SourceStanding) -> dict[str, object]:
    """A source for `--json`."""
    return {
        "id": item.source,
        "kind": item.kind.value,
        "age_s": item.age_s,
        "late": item.late,
        "trouble": item.trouble.value if item.trouble else None,
        "text": item.text,
    }


def extras_to_json(found: Checked) -> dict[str, object]:
    """What the check adds to the assessment's own JSON."""
    return {
        "measured": [
            {"site": site, "constraint": constraint.value}
            for site, constraint in sorted(found.measured, key=lambda item: (item[0] or "", item[1].value))
        ],
        "sources": [standing_to_json(item) for item in found.sources],
        "turned_away": {
            gateway: {
                "denials": {denial.value: number for denial, number in change.denials.items()},
                "counted_anew": change.anew,
                "seconds": change.seconds,
            }
            for gateway, change in found.turned_away.items()
        },
        "gaps": [
            {"site": gap.site, "since": gap.since.isoformat(), "until": gap.until.isoformat()} for gap in found.gaps
        ],
    }
