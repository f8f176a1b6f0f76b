"""Tables of ``drorch access``: what people read. What is enough is decided in ``drorch.access``."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text

from drorch.access.assess import Assessment, Row, Status, outcome_reasons
from drorch.access.forecast import Forecast, ForecastKind
from drorch.access.model import Constraint, StaffClass
from drorch.access.operations import LostSite, Moving
from drorch.access.seats import Seats, show
from drorch.access.what_if import Outcome, cut_in_words
from drorch.interfaces.terminal.output import console, print_findings, print_table

STYLES = {Status.RED: "bold red", Status.UNKNOWN: "bold magenta", Status.AMBER: "yellow", Status.GREEN: "bold green"}
DAY_S, HOUR_S = 86_400, 3_600


def print_assessment(found: Assessment, measured: Collection[tuple[str | None, Constraint]] | None = None) -> None:
    """One screen. With ``measured`` each limit says whether its number was read from a system."""
    out = console()
    out.print(Text(f"{found.title}   {found.at:%Y-%m-%d %H:%M} UTC"), soft_wrap=True)
    out.print(Text(f"{found.status.value.upper()}", style=STYLES[found.status]))
    proven = "never"
    if found.proven is not None:
        proven = f"{found.proven.proof.held} on {found.proven.proof.tested_on} ({found.proven.age_days} days ago)"
    out.print(f"required {found.required}   modelled {_seats(found.outcomes[0].served)}   proven {proven}")
    if found.headroom is not None:
        room, next_one = found.headroom, cut_in_words(found.headroom.bottleneck)
        more = show(room.seats) if room.seats == float("inf") else f"{room.seats:+.0f} seats"
        percent = "" if room.seats == float("inf") else f" ({100 * (room.factor - 1):+.1f} %)"
        out.print(f"headroom {more}{percent}; stopped by {next_one or 'nothing'}", soft_wrap=True)
    columns = ("site", "limit", "seats", "used", "bottleneck", "after largest loss", "forecast", "age")
    if measured is None:
        print_table("Limits", columns, (_row(row) for row in found.rows))
    else:
        rows = ((*_row(row), _source(row, measured)) for row in found.rows)
        print_table("Limits", (*columns, "data"), rows)
    _print_outcomes(found.outcomes)
    for reason in found.reasons:
        line = Text(f"{reason.status.value:<8}", style=STYLES[reason.status])
        line.append(reason.text, style="none")
        out.print(line, soft_wrap=True)
    print_findings(found.findings)
    if found.note:
        out.print(Text(found.note), soft_wrap=True)


def _print_outcomes(outcomes: tuple[Outcome, ...]) -> None:
    columns = ("situation", "served", "of", "critical short", "dependants short", "others short", "bottleneck")
    print_table("One thing lost", columns, (_outcome_row(outcome) for outcome in outcomes))


def _outcome_row(outcome: Outcome) -> tuple[object, ...]:
    critical, required = outcome.critical_short, outcome.required_short
    dependants = Seats(
        least=required.least - critical.least, most=required.most - critical.most, missing=required.missing
    )
    return (
        outcome.scenario.title,
        _seats(outcome.served),
        outcome.required,
        _seats(critical),
        _seats(dependants),
        _seats(outcome.standard_short),
        cut_in_words(outcome.bottleneck),
    )


def print_lost(result: LostSite) -> None:
    """Both sides of the loss of a site."""
    out = console()
    out.print(Text(f"{result.outcome.scenario.title}: {result.status.value.upper()}", style=STYLES[result.status]))
    _print_outcomes((result.outcome,))
    _print_shares(result.outcome)
    for reason in outcome_reasons(result.outcome):
        out.print(Text(f"{reason.status.value:<8}{reason.text}", style=STYLES[reason.status]), soft_wrap=True)
    if result.applications is None:
        out.print("no catalog is named: which applications move is not shown")
        return
    moving = sum(item.to is not None for item in result.applications)
    out.print(
        f"{moving} applications fail over; {_seats(result.outcome.served)} of {result.outcome.required} required "
        "people have a seat to reach them",
        soft_wrap=True,
    )
    for item in result.gateways:
        out.print(f"the gateway application {item.application} moves to {item.to or 'nowhere'} first", soft_wrap=True)
    if result.cut_off:
        text = f"at other sites, and out of reach until then: {', '.join(result.cut_off)}"
        out.print(text, soft_wrap=True)
    rows = (
        (item.application, item.to, item.department, _people(item), item.reached)
        for item in result.applications
        if item.to is not None
    )
    columns = ("application", "moves to", "department", "its people with a seat", "reached")
    print_table("Applications that fail over", columns, rows)
    lost_for_good = ", ".join(item.application for item in result.applications if item.to is None)
    if lost_for_good:
        out.print(f"lost with the site, no other one has them: {lost_for_good}", soft_wrap=True)


def _print_shares(outcome: Outcome) -> None:
    """Who is short, a department a line, in the order of the classes."""
    short: dict[str, dict[StaffClass, int]] = {}
    for share in outcome.short_departments():
        short.setdefault(share.department, {})[share.staff] = share.short
    if short:
        columns = ("department", *(staff.value for staff in StaffClass))
        rows = ((department, *(found.get(staff, 0) for staff in StaffClass)) for department, found in short.items())
        print_table("People without a seat", columns, rows)


def _people(item: Moving) -> str:
    if item.needed is None:
        return "not in the capacity model"
    return f"{'unknown' if item.served is None else item.served} of {item.needed}"


def _row(row: Row) -> tuple[object, ...]:
    return (
        row.site or "all",
        row.constraint.value.replace("_", " "),
        _seats(row.seats),
        "-" if row.used is None else row.used,
        Text("bottleneck", style="bold") if row.bottleneck else "",
        _seats(row.left),
        _forecast(row.forecast),
        _age(row),
    )


def _seats(seats: Seats) -> str:
    if seats.known:
        return str(show(seats.least))
    most = "?" if seats.most == float("inf") else show(seats.most)
    return f"unknown ({show(seats.least)} to {most})"


def _forecast(forecast: Forecast) -> str:
    if forecast.kind is ForecastKind.EXHAUSTED:
        return f"used up in the week of {forecast.week}"
    if forecast.kind is ForecastKind.NOT_WITHIN_HORIZON:
        return f"lasts ({forecast.slope:+.1f} a week)"
    return f"no forecast: {forecast.reason}"


def _age(row: Row) -> str:
    if row.age_s is None:
        return "unknown"
    days = row.age_s / DAY_S
    hours = row.age_s / HOUR_S
    text = f"{60 * hours:.0f} min" if 0 <= hours < 2 else f"{hours:.0f} h" if 0 <= days < 2 else f"{days:.0f} d"
    return f"{text}, too old" if row.stale else text


def _source(row: Row, measured: Collection[tuple[str | None, Constraint]]) -> str:
    return "measured" if (row.site, row.constraint) in measured else "declared"
