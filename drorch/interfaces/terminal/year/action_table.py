"""Corrective actions as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from rich.text import Text

from drorch.actions.codec import register_row
from drorch.actions.model import Action, ActionSeverity, ActionState
from drorch.interfaces.terminal.output import console, print_table

_STATE_STYLE = {
    ActionState.OPEN: "yellow",
    ActionState.IN_PROGRESS: "yellow",
    ActionState.DONE: "yellow",
    ActionState.VERIFIED: "green",
    ActionState.CLOSED: "green",
    ActionState.RE_OPENED: "bold red",
}
_SEVERITY_STYLE = {ActionSeverity.CRITICAL: "bold red", ActionSeverity.MAJOR: "yellow", ActionSeverity.MINOR: "dim"}
_ORDER = list(ActionSeverity)
_APART = ("id", "title", "state", "severity", "overdue")


def print_actions(actions: Sequence[Action], totals: Mapping[str, Mapping[str, int]], on: date) -> None:
    """One line each, gravest first, then by last day; and the totals."""
    shown = sorted(actions, key=lambda item: (_ORDER.index(item.severity), item.due or date.max, item.opened_at))
    rows = (
        (
            item.id,
            Text(item.severity.value, style=_SEVERITY_STYLE[item.severity]),
            Text(item.state.value, style=_STATE_STYLE[item.state]),
            item.owner or Text("nobody", style="yellow"),
            _due(item, on),
            item.reopened or "",
            item.source.run or "by hand",
            item.title,
        )
        for item in shown
    )
    columns = ("id", "severity", "state", "owner", "due", "re-opened", "found by", "finding")
    print_table(f"{len(shown)} corrective actions on {on}", columns, rows)
    for name, by_severity in totals.items():
        console().print(f"{name}: " + ", ".join(f"{number} {severity}" for severity, number in by_severity.items()))


def print_action(action: Action, on: date) -> None:
    """Every field that says something, what is not known, and the history."""
    out = console()
    out.print(Text(f"{action.id}  {action.title}", style="bold"), soft_wrap=True)
    out.print(
        Text.assemble(
            (action.state.value, _STATE_STYLE[action.state]),
            "  ",
            (action.severity.value, _SEVERITY_STYLE[action.severity]),
            ("  overdue", "bold red") if action.overdue(on) else "",
        )
    )
    unknown = []
    for name, value in register_row(action, on).items():
        if name not in _APART:
            if value:
                out.print(Text(f"  {name.replace('_', ' '):<20} {value}"), soft_wrap=True)
            else:
                unknown.append(name.replace("_", " "))
    if unknown:
        out.print(Text(f"  not known yet: {', '.join(unknown)}", style="dim"), soft_wrap=True)
    rows = (
        (item.seq, f"{item.at:%Y-%m-%d %H:%M}Z", item.person, item.what, item.reason, item.state.value)
        for item in action.history
    )
    print_table("History", ("number", "written", "by", "what", "reason", "then"), rows)


def _due(item: Action, on: date) -> Text:
    if item.due is None:
        return Text("no date", style="dim")
    return Text(f"{item.due} overdue", style="bold red") if item.overdue(on) else Text(str(item.due))
