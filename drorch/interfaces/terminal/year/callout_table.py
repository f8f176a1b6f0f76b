"""The call-out exercise for people: one line per event, and the result as tables. No address is in either."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from drorch.callout.log import Acknowledged, Begun, Callout, CalloutEvent, Over, SendingEnded, StopAsked
from drorch.callout.model import CallKind, CallTree, Sending
from drorch.callout.result import CalloutResult, DepartmentResult, Reached, elapsed_s, shown_as
from drorch.catalog.durations import show_duration
from drorch.interfaces.terminal.output import console, print_table
from drorch.year.model import TestResult

_STYLE = {TestResult.PASS: "green", TestResult.PASS_WITH_ISSUES: "yellow", TestResult.FAIL: "bold red"}


def event_line(tree: CallTree, state: Callout, event: CalloutEvent) -> str:
    """One event in words; empty for what is not worth a line."""
    body = event.body
    if isinstance(body, Begun):
        return f"EXERCISE: call-out of {', '.join(body.departments)}, begun by {event.person}"
    if isinstance(body, Acknowledged):
        return f"{_who(tree, state, body.message)}: acknowledged"
    if isinstance(body, SendingEnded):
        trouble = f": {body.sending.value}, {body.why}" if body.sending is not Sending.SENT else ""
        return (
            f"{_who(tree, state, body.message)}: {_kind(state, body.message)} by {_way(state, body.message)}{trouble}"
        )
    if isinstance(body, StopAsked):
        return f"stopped by {event.person}: {event.reason}"
    return f"over: {body.outcome}" if isinstance(body, Over) else ""


def print_result(found: CalloutResult, now: datetime) -> None:
    """Totals per department, then the people as far as the tree lets them be shown."""
    how = found.outcome or "goes on"
    title = f"EXERCISE {found.exercise}: {found.title} - {how}, {show_duration(round(elapsed_s(found, now)))}"
    columns = ("department", "expected", "reached", "by deputy", "median", "slowest", "result")
    print_table(title, columns, [_row(item) for item in found.departments])
    people = [_person(item.department, one) for item in found.departments for one in item.people]
    if people:
        print_table("People", ("department", "who", "how", "attempts", "after"), people)
    sums = found.messages
    console().print(
        f"{sums.intended} messages: {sums.sent} taken, {sums.not_sent} not sent, {sums.unknown} unknown"
        " (these may have gone out)"
    )
    for why, number in sums.not_sent_because.items():
        console().print(f"  not sent, {number} times: {why}", soft_wrap=True)


def _row(item: DepartmentResult) -> tuple[object, ...]:
    result = Text(item.result.value, style=_STYLE[item.result]) if item.result else Text("-", style="dim")
    times = (_time(item.median_s), _time(item.slowest_s))
    return item.department, item.expected, item.reached, item.covered_by_deputy, *times, result


def _person(department: str, one: Reached) -> tuple[object, ...]:
    if one.reached:
        how = Text("reached", style="green")
    elif one.covered_by_deputy:
        how = Text("a deputy", style="yellow")
    else:
        how = Text("no answer" if one.called else "not called", style="bold red")
    return department, one.who, how, one.attempts, _time(one.seconds)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _who(tree: CallTree, state: Callout, message: int) -> str:
    call = state.calls[state.call_of[message]]
    return f"{call.department}, {shown_as(tree, tree.person[call.person])}"


def _kind(state: Callout, message: int) -> str:
    call = state.calls[state.call_of[message]]
    attempt = next(item.body.attempt for item in call.messages if item.number == message)
    words = {CallKind.OWN: "called", CallKind.DEPUTY: "called as a deputy", CallKind.ESCALATION: "told"}
    return words[call.kind] + (f" again (attempt {attempt})" if attempt > 1 else "")


def _way(state: Callout, message: int) -> str:
    call = state.calls[state.call_of[message]]
    return next(item.body.channel.value for item in call.messages if item.number == message)
