"""How the year stands on any day. Pure: the day is given, the same facts give the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from drorch.year.calendar import Standing, standing
from drorch.year.model import Booking, Exemption, Fulfilment, Obligation, Period
from drorch.year.obligations import Duty, shortfall


class State(StrEnum):
    """How one duty stands."""

    MET = "met"
    DUE = "due"
    """Time to do it, and not late."""
    OVERDUE = "overdue"
    """It was done once, and a period went by without it."""
    NEVER = "never"
    """Nothing that counts was ever done; late or not, see ``late_since``."""
    EXEMPT = "exempt"


@dataclass(frozen=True, kw_only=True)
class DutyStatus:
    """One duty on one day."""

    duty: Duty
    state: State
    evidence: Fulfilment | None
    """The last one that counts, also when it no longer holds."""
    due_from: date
    due_by: date
    late_since: date | None
    exemption: Exemption | None = None
    not_counted: Fulfilment | None = None
    """Something later that does not count."""
    not_counted_because: str = ""
    planned: Booking | None = None
    """The next planned test of it."""

    @property
    def late(self) -> bool:
        """Whether somebody owes an answer: overdue, or never done in the time given."""
        return self.late_since is not None and self.state in (State.OVERDUE, State.NEVER)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Will a calendar-year obligation be met by 31 December if it goes on as it went since 1 January?

    The model is a straight line and nothing else: ``met / days gone * days of the year``, rounded down, at most all.
    Exempt ones (on 31 December) are left out. ``planned`` counts those not met yet for which a test is planned
    within the year; it does not enter the line.
    """

    obligation: str
    title: str
    unit: str
    """What is counted: application, department ..., or plan component."""
    owed: int
    met: int
    days_gone: int
    days_of_year: int
    planned: int

    @property
    def expected(self) -> int:
        """How many will be met at this pace."""
        return min(self.owed, self.met * self.days_of_year // self.days_gone)

    @property
    def missing(self) -> int:
        """How many miss the year at this pace."""
        return self.owed - self.expected


@dataclass(frozen=True, kw_only=True)
class YearStatus:
    """Everything owed, on one day."""

    on: date
    duties: tuple[DutyStatus, ...]
    paces: tuple[Pace, ...]

    @property
    def late(self) -> tuple[DutyStatus, ...]:
        """Those that are late, longest first."""
        found = [item for item in self.duties if item.late]
        return tuple(sorted(found, key=lambda item: (item.late_since or date.max, item.duty.id)))

    def totals(self) -> Mapping[str, Mapping[State, int]]:
        """Counts by obligation id and state, in the order of the programme; every state is there."""
        counts: dict[str, Counter[State]] = {}
        for item in self.duties:
            counts.setdefault(item.duty.obligation.id, Counter())[item.state] += 1
        return {name: {state: count[state] for state in State} for name, count in counts.items()}


def year_status(
    duties: Iterable[Duty], fulfilments: Iterable[Fulfilment], bookings: Sequence[Booking], on: date
) -> YearStatus:
    """Every duty in force on ``on``, as it stands at the end of that day. Later fulfilments are not looked at."""
    done: dict[tuple[object, str, str | None], list[Fulfilment]] = {}
    for item in fulfilments:
        if item.day <= on:
            done.setdefault((item.activity, item.subject, item.component), []).append(item)
    found = []
    for duty in duties:
        if duty.obligation.in_force_from <= on:
            key = (duty.obligation.activity, duty.subject, duty.component)
            found.append(duty_status(duty, done.get(key, ()), bookings, on))
    return YearStatus(on=on, duties=tuple(found), paces=_paces(found, on))


def duty_status(duty: Duty, done: Sequence[Fulfilment], bookings: Sequence[Booking], on: date) -> DutyStatus:
    """One duty on one day; ``done`` are all of its fulfilments, in any order."""
    relevant = sorted((item for item in done if duty.concerns(item) and item.day <= on), key=lambda item: item.day)
    counted = [item for item in relevant if shortfall(duty.obligation, item) is None]
    last = counted[-1] if counted else None
    refused = [item for item in relevant if item not in counted and (last is None or item.day >= last.day)]
    stands = standing(
        duty.obligation.period,
        on=on,
        done=[item.day for item in counted],
        in_force_from=duty.obligation.in_force_from,
        exemptions=duty.exemptions,
        lead_days=duty.obligation.lead_days,
    )
    exemption = next((item for item in duty.exemptions if item.covers(on)), None)
    return DutyStatus(
        duty=duty,
        state=_state(stands, last, exemption),
        evidence=last,
        due_from=stands.due_from,
        due_by=stands.due_by,
        late_since=stands.late_since,
        exemption=exemption,
        not_counted=refused[-1] if refused else None,
        not_counted_because=(shortfall(duty.obligation, refused[-1]) or "") if refused else "",
        planned=_planned(duty, bookings, on),
    )


def _state(stands: Standing, last: Fulfilment | None, exemption: Exemption | None) -> State:
    if stands.holds:
        return State.MET
    if exemption is not None:
        return State.EXEMPT
    if last is None:
        return State.NEVER
    return State.OVERDUE if stands.late_since else State.DUE


def _planned(duty: Duty, bookings: Sequence[Booking], on: date) -> Booking | None:
    mine = [
        item
        for item in bookings
        if not item.called_off
        and item.activity is duty.obligation.activity
        and duty.subject in item.subjects
        and item.start.date() >= on
    ]
    return min(mine, key=lambda item: item.start, default=None)


def _paces(duties: Sequence[DutyStatus], on: date) -> tuple[Pace, ...]:
    by_obligation: dict[str, list[DutyStatus]] = {}
    for item in duties:
        if item.duty.obligation.period is Period.CALENDAR_YEAR:
            by_obligation.setdefault(item.duty.obligation.id, []).append(item)
    return tuple(_pace(items[0].duty.obligation, items, on) for items in by_obligation.values())


def _pace(obligation: Obligation, duties: Sequence[DutyStatus], on: date) -> Pace:
    end = date(on.year, 12, 31)
    owed = [
        item
        for item in duties
        if item.state is State.MET or not any(exemption.covers(end) for exemption in item.duty.exemptions)
    ]
    open_ones = [item for item in owed if item.state is not State.MET]
    return Pace(
        obligation=obligation.id,
        title=obligation.title,
        unit="plan component" if obligation.components else obligation.subjects.kind.value,
        owed=len(owed),
        met=len(owed) - len(open_ones),
        days_gone=on.timetuple().tm_yday,
        days_of_year=end.timetuple().tm_yday,
        planned=sum(item.planned is not None and item.planned.start.year == on.year for item in open_ones),
    )
