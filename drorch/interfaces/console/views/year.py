"""The year, remote access and corrective actions as pages show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from drorch.access.assess import Assessment, Row
from drorch.access.forecast import Forecast, ForecastKind
from drorch.access.model import Constraint
from drorch.access.seats import Seats, show
from drorch.access.what_if import Outcome, cut_in_words
from drorch.actions.model import Action
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.paging import Page, matching, page_of
from drorch.interfaces.console.views.sentence import Say, say
from drorch.year.log import Booked, CalledOff, Moved, Recorded, Withdrawn, YearEvent
from drorch.year.model import Booking, Programme
from drorch.year.status import DutyStatus, Pace, State, YearStatus

LAST = 30


@dataclass(frozen=True, kw_only=True)
class ObligationLine:
    """One obligation with its counts by state."""

    id: str
    title: str
    period: str
    owed: int
    counts: Mapping[str, int]
    late: int
    pace: Pace | None


@dataclass(frozen=True, kw_only=True)
class SiteWindow:
    """Whether a site is open for tests now, and when it is next."""

    site: str
    open: bool
    why: str
    next_open: datetime | None


@dataclass(frozen=True, kw_only=True)
class YearPage:
    """The page of the year."""

    on: date
    title: str
    obligations: tuple[ObligationLine, ...]
    duties: Page[DutyStatus]
    query: Mapping[str, str]
    bookings: tuple[Booking, ...]
    events: tuple[tuple[YearEvent, Say], ...]
    windows: tuple[SiteWindow, ...]


def year_page(
    programme: Programme,
    status: YearStatus,
    events: Sequence[YearEvent],
    bookings: Sequence[Booking],
    now: datetime,
    query: Mapping[str, str],
    page: int,
) -> YearPage:
    """``query``: ``state`` (or ``late``), ``obligation``, ``q``."""
    asked = {name: query.get(name, "") for name in ("q", "state", "obligation")}
    late = {item.duty.id for item in status.late}
    fitting = [item for item in status.duties if _fits(item, asked, late)]
    found = matching(fitting, asked["q"], lambda item: item.duty.id)
    coming = [item for item in bookings if not item.called_off and item.start >= now]
    return YearPage(
        on=status.on,
        title=programme.title,
        obligations=_obligations(status),
        duties=page_of(sorted(found, key=lambda item: (item.duty.id not in late, item.due_by)), page, asked),
        query=asked,
        bookings=tuple(sorted(coming, key=lambda item: item.start)),
        events=tuple((event, _said(event)) for event in reversed(events[-LAST:])),
        windows=tuple(_window(programme, site, now) for site in programme.windows.zones),
    )


def _fits(item: DutyStatus, asked: Mapping[str, str], late: set[str]) -> bool:
    state = asked["state"]
    if state == "late" and item.duty.id not in late:
        return False
    if state not in ("", "late", item.state.value):
        return False
    return asked["obligation"] in ("", item.duty.obligation.id)


def _obligations(status: YearStatus) -> tuple[ObligationLine, ...]:
    known = {item.duty.obligation.id: item.duty.obligation for item in status.duties}
    paces = {pace.obligation: pace for pace in status.paces}
    late = [item.duty.obligation.id for item in status.late]
    return tuple(
        ObligationLine(
            id=name,
            title=known[name].title,
            period=PERIOD[known[name].period.value],
            owed=sum(counts.values()),
            counts={state.value: counts[state] for state in State},
            late=late.count(name),
            pace=paces.get(name),
        )
        for name, counts in status.totals().items()
    )


PERIOD = {
    "calendar-year": N_("once per calendar year"),
    "rolling-12-months": N_("at least once in twelve months"),
}


def _window(programme: Programme, site: str, now: datetime) -> SiteWindow:
    windows = programme.windows
    rules = windows.why(now, site)
    is_open = windows.is_open(now, site)
    return SiteWindow(
        site=site,
        open=is_open,
        why=rules[0].reason if rules else "",
        next_open=None if is_open else windows.next_open(now, site),
    )


def _said(event: YearEvent) -> Say:
    body = event.body
    if isinstance(body, Recorded):
        return say(
            N_("%(activity)s of %(subjects)s on %(day)s: %(result)s"),
            activity=body.activity.value,
            subjects=", ".join(body.subjects),
            day=body.day,
            result=body.result.value,
        )
    if isinstance(body, Withdrawn):
        return say(N_("record %(record)s withdrawn"), record=body.record)
    if isinstance(body, Booked):
        return say(N_("%(title)s planned for %(start)s UTC"), title=body.title, start=f"{body.start:%Y-%m-%d %H:%M}")
    if isinstance(body, Moved):
        return say(N_("%(id)s moved to %(start)s UTC"), id=body.id, start=f"{body.start:%Y-%m-%d %H:%M}")
    if isinstance(body, CalledOff):
        return say(N_("%(id)s called off"), id=body.id)
    # What later versions write is shown by its name rather than left out.
    return say(N_("other entry: %(what)s"), what=body.what)


@dataclass(frozen=True, kw_only=True)
class LimitLine:
    """One limit of remote access as text."""

    site: str
    limit: str
    seats: str
    used: str
    left: str
    bottleneck: bool
    forecast: Say
    age_s: float | None
    stale: bool
    mark: str
    """Constraint and site, for the row's id."""
    measured: bool | None
    """Whether its every number was read from a system; None: nothing was read."""


@dataclass(frozen=True, kw_only=True)
class ScenarioLine:
    """What is left when one thing is lost."""

    id: str
    title: str
    served: str
    required: int
    critical_short: str
    required_short: str
    bottleneck: str
    short: bool


@dataclass(frozen=True, kw_only=True)
class AccessPage:
    """The page of remote access."""

    found: Assessment
    required: int
    modelled: str
    proven: str
    proven_day: date | None
    headroom: str
    next_limit: str
    limits: tuple[LimitLine, ...]
    scenarios: tuple[ScenarioLine, ...]


def access_page(found: Assessment, measured: Collection[tuple[str | None, Constraint]] | None = None) -> AccessPage:
    """Everything of the assessment that people ask for. ``measured``: limits of which every number was read."""
    room = found.headroom
    return AccessPage(
        found=found,
        required=found.required,
        modelled=seats(found.outcomes[0].served),
        proven="–" if found.proven is None else str(found.proven.proof.held),
        proven_day=None if found.proven is None else found.proven.proof.tested_on,
        headroom="–" if room is None else ("∞" if room.seats == float("inf") else f"{room.seats:+.0f}"),
        next_limit="" if room is None else cut_in_words(room.bottleneck),
        limits=tuple(_limit(row, measured) for row in found.rows),
        scenarios=tuple(_scenario(outcome) for outcome in found.outcomes),
    )


def seats(value: Seats) -> str:
    """A number, or its bounds when it is not known."""
    if value.known:
        return "∞" if value.unlimited else str(show(value.least))
    most = "?" if value.most == float("inf") else str(show(value.most))
    return f"{show(value.least)} … {most}"


def _limit(row: Row, measured: Collection[tuple[str | None, Constraint]] | None) -> LimitLine:
    return LimitLine(
        site=row.site or "",
        limit=LIMIT[row.constraint.value],
        seats=seats(row.seats),
        used="–" if row.used is None else str(row.used),
        left=seats(row.left),
        bottleneck=row.bottleneck,
        forecast=_forecast(row.forecast),
        age_s=row.age_s,
        stale=row.stale,
        mark=f"{row.constraint.value}-{row.site or 'all'}",
        measured=None if measured is None else (row.site, row.constraint) in measured,
    )


LIMIT = {
    "vda": N_("desktops"),
    "logon_rate": N_("logons at once"),
    "identity": N_("identity service"),
    "gateway_session": N_("gateway sessions"),
    "gateway_throughput": N_("gateway throughput"),
    "bandwidth": N_("line"),
    "license": N_("licences"),
}


def _forecast(forecast: Forecast) -> Say:
    if forecast.kind is ForecastKind.EXHAUSTED:
        return say(N_("used up in the week of %(week)s"), week=forecast.week)
    if forecast.kind is ForecastKind.NOT_WITHIN_HORIZON:
        return say(N_("lasts"))
    return say(N_("no forecast: %(reason)s"), reason=forecast.reason)


def _scenario(outcome: Outcome) -> ScenarioLine:
    return ScenarioLine(
        id=outcome.scenario.id,
        title=outcome.scenario.title,
        served=seats(outcome.served),
        required=outcome.required,
        critical_short=seats(outcome.critical_short),
        required_short=seats(outcome.required_short),
        bottleneck=cut_in_words(outcome.bottleneck),
        short=outcome.required_short.most > 0,
    )


def actions_shown(actions: Sequence[Action], day: date) -> tuple[tuple[Action, bool], ...]:
    """Open ones first, the overdue before the others; each with whether it is overdue."""
    marked = [(action, action.overdue(day)) for action in actions]
    return tuple(sorted(marked, key=lambda pair: (not pair[0].is_open, not pair[1], pair[0].due or date.max)))
