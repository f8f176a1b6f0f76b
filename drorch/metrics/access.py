"""Remote access on the fixed page: the numbers of `drorch access check`. What is unknown is absent, never 0."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from drorch.access.assess import Status
from drorch.access.forecast import ForecastKind
from drorch.access.live_check import Checked
from drorch.access.model import StaffClass
from drorch.access.ports import LoginReading
from drorch.metrics.access_facts import AccessFacts
from drorch.metrics.families import Declared, Family

ACCESS_GOOD = Declared(
    name="drorch_remote_access_load_successful",
    help="1 if capacity model, sources file and archive of remote access could be read.",
)
STATUS = Declared(
    name="drorch_remote_access_status",
    labels=("status",),
    help="1 for the present status of remote access (red, unknown, amber, green), 0 for the others.",
)
CAPACITY = Declared(
    name="drorch_remote_access_capacity_seats",
    labels=("constraint", "site"),
    help="Concurrent seats each constraint allows; absent when unknown, +Inf without limit.",
)
USED = Declared(
    name="drorch_remote_access_used_seats", labels=("constraint", "site"), help="Seats in use against each constraint."
)
DATA_TIME = Declared(
    name="drorch_remote_access_data_timestamp_seconds",
    labels=("constraint", "site"),
    help="Unix time of the oldest value a constraint rests on; absent when a value has no date.",
)
BOTTLENECK = Declared(
    name="drorch_remote_access_bottleneck",
    labels=("constraint", "site"),
    help="1 for constraints that stop people now, or first when demand grows.",
)
EXHAUSTION = Declared(
    name="drorch_remote_access_exhaustion_timestamp_seconds",
    labels=("constraint", "site"),
    help="Unix time of the week in which the trend meets the capacity; absent when beyond the horizon or not known.",
)
REQUIRED = Declared(
    name="drorch_remote_access_required_seats",
    labels=("class", "department"),
    cap=600,
    help="Seats required by department and class.",
)
SCENARIO = Declared(
    name="drorch_remote_access_scenario_capacity_seats",
    labels=("scenario",),
    help="Required people with a seat in a situation, from the flow model; absent when unknown.",
)
SHORT = Declared(
    name="drorch_remote_access_scenario_short_seats",
    labels=("class", "scenario"),
    cap=600,
    help="People without a seat in a situation, at least, by class.",
)
HEADROOM = Declared(
    name="drorch_remote_access_headroom_ratio", help="How far the required demand can grow; absent when unknown."
)
DENIED = Declared(
    name="drorch_remote_access_denied_since_reading",
    labels=("gateway", "reason"),
    help="Denied or failed logons between the last two readings of a gateway.",
)
LOGIN = Declared(
    name="drorch_remote_access_probe_success", labels=("site",), help="1 if the last synthetic login succeeded."
)
LOGIN_SECONDS = Declared(
    name="drorch_remote_access_probe_phase_seconds",
    labels=("phase", "site"),
    help="Time a phase of the last synthetic login took.",
)
SOURCE_GOOD = Declared(
    name="drorch_collector_success", labels=("collector",), help="1 if the last round over a source succeeded."
)
SOURCE_TIME = Declared(
    name="drorch_collector_last_success_timestamp_seconds",
    labels=("collector",),
    help="Unix time a source was last read successfully; absent when never.",
)
SOURCE_TROUBLE = Declared(
    name="drorch_collector_trouble", labels=("collector", "reason"), help="1 for the reason the last round failed for."
)
TEST_PEAK = Declared(
    name="drorch_remote_access_test_last_peak_sessions",
    help="Concurrent sessions in the last sealed denial-of-access test.",
)
TEST_PROVEN = Declared(
    name="drorch_remote_access_test_last_proven_sessions",
    help="Sessions held for half an hour in the last sealed denial-of-access test if it passed, else 0.",
)
TEST_BOUND = Declared(
    name="drorch_remote_access_test_last_success_bound_ratio",
    help="Lower bound of the share of logins that succeed, from the last sealed denial-of-access test.",
)
TEST_TIME = Declared(
    name="drorch_remote_access_test_last_completed_timestamp_seconds",
    help="Unix time the last sealed denial-of-access test ended.",
)
ALL_SITES = "all"


def access_families(facts: AccessFacts | None) -> Iterator[Family]:
    """All families of remote access; none where it is not looked after."""
    if facts is None:
        return
    yield ACCESS_GOOD.of([((), facts.good)])
    yield from _last_test(facts)
    if facts.checked is not None:
        yield from _limits(facts.checked)
        yield from _situations(facts.checked)
        yield from _sources(facts.checked)


def _limits(found: Checked) -> Iterator[Family]:
    status = found.assessment.status
    yield STATUS.of(((item.value,), item is status) for item in Status)
    rows = [((row.constraint.value, row.site or ALL_SITES), row) for row in found.assessment.rows]
    now = found.assessment.at.timestamp()
    yield CAPACITY.of((key, row.seats.least) for key, row in rows if row.seats.known)
    yield USED.of((key, row.used) for key, row in rows if row.used is not None)
    yield DATA_TIME.of((key, now - row.age_s) for key, row in rows if row.age_s is not None)
    yield BOTTLENECK.of((key, 1) for key, row in rows if row.bottleneck)
    yield EXHAUSTION.of(
        (key, _midnight(row.forecast.week))
        for key, row in rows
        if row.forecast.kind is ForecastKind.EXHAUSTED and row.forecast.week is not None
    )


def _situations(found: Checked) -> Iterator[Family]:
    assessment = found.assessment
    yield REQUIRED.of(
        ((staff.value, item.department), item.of(staff)) for item in assessment.demand for staff in StaffClass
    )
    outcomes = assessment.outcomes
    yield SCENARIO.of(((item.scenario.id,), item.served.least) for item in outcomes if item.served.known)
    yield SHORT.of(
        ((name, item.scenario.id), seats.least)
        for item in outcomes
        for name, seats in (("critical", item.critical_short), ("standard", item.standard_short))
    )
    if assessment.headroom is not None:
        yield HEADROOM.of([((), assessment.headroom.factor - 1)])


def _sources(found: Checked) -> Iterator[Family]:
    now = found.assessment.at.timestamp()
    yield DENIED.of(
        ((gateway, denial.value), number)
        for gateway, change in found.turned_away.items()
        for denial, number in change.denials.items()
    )
    logins = [item for item in found.readings if isinstance(item, LoginReading)]
    yield LOGIN.of(((item.site,), item.succeeded) for item in logins)
    yield LOGIN_SECONDS.of(((phase.phase, item.site), phase.seconds) for item in logins for phase in item.phases)
    asked = [item for item in found.sources if item.age_s is not None or item.trouble is not None]
    yield SOURCE_GOOD.of(((item.source,), item.trouble is None) for item in asked)
    yield SOURCE_TIME.of(((item.source,), now - item.age_s) for item in asked if item.age_s is not None)
    yield SOURCE_TROUBLE.of(((item.source, item.trouble.value), 1) for item in asked if item.trouble is not None)


def _last_test(facts: AccessFacts) -> Iterator[Family]:
    if facts.last_test is None or facts.last_test_at is None:
        return
    yield TEST_TIME.of([((), facts.last_test_at)])
    yield TEST_PEAK.of([((), facts.last_test["peak"])])
    yield TEST_PROVEN.of([((), facts.last_test["proven"])])
    if facts.last_test["success_at_least"] is not None:
        yield TEST_BOUND.of([((), facts.last_test["success_at_least"])])


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
