"""The status of the year as tables for people. What is met or late is decided in ``drorch.year``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from drorch.interfaces.terminal.output import console, print_table
from drorch.year.stale_evidence import Freshness
from drorch.year.status import DutyStatus, Pace, State, YearStatus

SHOWN_LATE = 20
"""More than these are counted, not listed."""
STATE_STYLE = {
    State.MET: "green",
    State.DUE: "yellow",
    State.OVERDUE: "bold red",
    State.NEVER: "yellow",
    State.EXEMPT: "dim",
}


def print_status(found: YearStatus, obligation: str | None, every: bool) -> None:
    """Totals by obligation, then what is late (or every duty asked for), then the pace of the calendar year."""
    rows = []
    titles = {item.duty.obligation.id: item.duty.obligation for item in found.duties}
    late = [item.duty.obligation.id for item in found.late]
    for name, counts in found.totals().items():
        cells = [Text(str(number), style=STATE_STYLE[state] if number else "dim") for state, number in counts.items()]
        lateness = Text(str(late.count(name)), style="bold red" if name in late else "dim")
        rows.append((name, titles[name].period.value, sum(counts.values()), *cells, lateness))
    columns = ("obligation", "period", "owed", *(state.value for state in State), "late")
    print_table(f"The year on {found.on}", columns, rows)
    shown: Sequence[DutyStatus] = found.late[:SHOWN_LATE]
    if every or obligation:
        shown = [item for item in found.duties if obligation in (None, item.duty.obligation.id)]
    if shown:
        title = "Late" if not (every or obligation) else obligation or "Every duty"
        print_table(title, ("duty", "state", "due", "because"), (_row(item) for item in shown))
    if len(found.late) > SHOWN_LATE and not (every or obligation):
        console().print(f"and {len(found.late) - SHOWN_LATE} more that are late: see --all or --obligation")
    for pace in found.paces:
        console().print(_pace(pace, found.on.year), soft_wrap=True)


def print_stale(found: Freshness) -> None:
    """Each stale test with what changed, then the proposed retests, one for each group."""
    if found.stale:
        rows = (
            (item.evidence.application, item.evidence.day, item.evidence.run, "; ".join(item.reasons))
            for item in found.stale
        )
        print_table(f"Stale on {found.on}", ("application", "tested on", "run", "because"), rows)
    retests = {item.retest.group: item for item in found.stale}
    for group, item in retests.items():
        number = sum(other.retest.group == group for other in found.stale)
        opens = f"{item.retest.opens:%Y-%m-%d %H:%M} UTC" if item.retest.opens else "no window within two years"
        console().print(f"retest {group} ({number}): {item.retest.command}; next window: {opens}", soft_wrap=True)
    console().print(f"{len(found.fresh)} recovery tests are fresh, {len(found.stale)} are stale")


def _row(item: DutyStatus) -> tuple[object, ...]:
    due = f"late since {item.late_since}" if item.late_since else f"{item.due_from} to {item.due_by}"
    return item.duty.id, Text(item.state.value, style=STATE_STYLE[item.state]), due, "; ".join(_because(item))


def _because(item: DutyStatus) -> list[str]:
    said = []
    if item.evidence:
        said.append(f"last on {item.evidence.day} ({item.evidence.reference})")
    if item.not_counted:
        said.append(f"{item.not_counted.day} does not count ({item.not_counted.reference}): {item.not_counted_because}")
    if item.exemption and item.state is State.EXEMPT:
        said.append(f"exempt until {item.exemption.until} by {item.exemption.approved_by}: {item.exemption.reason}")
    if item.planned:
        said.append(f"planned: {item.planned.id} on {item.planned.start:%Y-%m-%d}")
    return said


def _pace(pace: Pace, year: int) -> str:
    unit = pace.unit if pace.owed == 1 else {"body": "bodies"}.get(pace.unit, f"{pace.unit}s")
    days = "1 day" if pace.days_gone == 1 else f"{pace.days_gone} days"
    line = (
        f"{pace.obligation}: {pace.met} of {pace.owed} {unit} met in {days}; "
        f"on current pace {pace.missing} miss{'es' if pace.missing == 1 else ''} {year}"
    )
    return line + (f" ({pace.planned} of those not met have a test planned)" if pace.planned else "")
