"""A small programme over the small catalog, as text that tests change."""

from __future__ import annotations

from datetime import date
from functools import cache

from drorch.catalog.model import Catalog
from drorch.testing.builders import small_catalog
from drorch.year.load import checked, load_programme
from drorch.year.model import Activity, Exemption, Fulfilment, Period, Programme, TestResult

SMALL_YEAR_YAML = """\
schema: 1
id: small
title: Small programme
timezone: America/New_York
estates: [paper]
bodies:
  - {id: crisis-group, name: Crisis group, members: 5, provenance: {default: synthetic}}
roles:
  - {id: engineers, name: Engineers, provenance: {default: synthetic}}
obligations:
  - id: it-dr-test
    title: Each application is recovered once
    activity: recovery-test
    period: calendar-year
    in_force_from: 2013-01-01
    subjects: {kind: application, arrangements: [standby, mirror]}
    provenance: {default: synthetic}
  - id: remote-test
    title: Each application reached by remote access is reached
    activity: remote-access-test
    period: calendar-year
    in_force_from: 2013-01-01
    subjects: {kind: application, arrangements: [remote-access]}
    provenance: {default: synthetic}
  - id: joint-test
    title: A test with the department
    activity: joint-technology-test
    period: rolling-12-months
    lead_days: 30
    in_force_from: 2013-01-01
    subjects: {kind: department}
    requires: [sign-off]
    provenance: {default: synthetic}
  - id: telecommuting
    title: Working from elsewhere
    activity: telecommuting-test
    period: rolling-12-months
    in_force_from: 2013-01-01
    subjects: {kind: department}
    requires: [numbers]
    provenance: {default: synthetic}
  - id: call-out
    title: Everybody is called
    activity: call-out-exercise
    period: calendar-year
    in_force_from: 2013-01-01
    subjects: {kind: department}
    requires: [numbers]
    provenance: {default: synthetic}
  - id: simulation
    title: The crisis group meets
    activity: crisis-simulation
    period: rolling-12-months
    in_force_from: 2013-01-01
    subjects: {kind: body}
    requires: [full-attendance]
    provenance: {default: synthetic}
  - id: components
    title: Each component of the plan
    activity: plan-component-exercise
    period: calendar-year
    in_force_from: 2013-01-01
    subjects: {kind: department, only: [dm]}
    components: [alternate-place, vital-records]
    provenance: {default: synthetic}
exemptions:
  - id: move
    obligation: telecommuting
    subject: dm
    approved_by: Ana Approver
    reason: the office moves
    valid_from: 2013-01-01
    until: 2013-06-30
windows:
  - {id: nyc-weekends, effect: allow, site: nyc, weekdays: [sat, sun], start: "06:00", end: "20:00", reason: quiet}
  - {id: elsewhere-p, effect: allow, site: piscataway, reason: standby}
  - {id: elsewhere-b, effect: allow, site: brindisi, reason: any time}
  - {id: elsewhere-v, effect: allow, site: valencia, reason: any time}
  - {id: assembly, effect: block, first_day: 2013-09-17, last_day: 2013-10-04, reason: the Assembly}
"""


def year_text(*changes: tuple[str, str]) -> str:
    """The small programme's text with each ``(old, new)`` replaced once; ValueError if old is not there."""
    text = SMALL_YEAR_YAML
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the small programme holds no {old!r}")
        text = text.replace(old, new, 1)
    return text


@cache
def zoned_catalog() -> Catalog:
    """The small catalog, New York in its own time zone."""
    return small_catalog(("id: nyc, name: New York,", "id: nyc, name: New York, timezone: America/New_York,"))


@cache
def small_programme(*changes: tuple[str, str]) -> Programme:
    """Loaded and checked."""
    catalog = zoned_catalog()
    return checked(load_programme(year_text(*changes).encode(), "year.yaml", catalog), catalog)


def done(
    day: date,
    *,
    activity: Activity = Activity.RECOVERY_TEST,
    subject: str = "umoja",
    result: TestResult = TestResult.PASS,
    component: str | None = None,
    signed_off_by: str | None = None,
    numbers: tuple[int, int] | None = None,
) -> Fulfilment:
    """Something done on ``day``; ``numbers`` are how many took part and how many were expected."""
    took_part, expected = numbers or (None, None)
    return Fulfilment(
        activity=activity,
        subject=subject,
        day=day,
        result=result,
        reference="record 1",
        component=component,
        signed_off_by=signed_off_by,
        took_part=took_part,
        expected=expected,
    )


def exemption(valid_from: date, until: date) -> Exemption:
    """An exemption between two days."""
    return Exemption(
        id="e", obligation="o", subject="s", approved_by="Ana", reason="moves", valid_from=valid_from, until=until
    )


CALENDAR, ROLLING = Period.CALENDAR_YEAR, Period.ROLLING_12_MONTHS
