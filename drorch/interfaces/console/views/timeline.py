"""Gantt rows and the five clocks of a run so far, from the record as it would be now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drorch.evidence.record.model import ApplicationResult, Clocks, Moment, Report, StepOutcome, StepResult
from drorch.interfaces.console.svg import Bar, Row
from drorch.interfaces.console.views.labels import CLOCK
from drorch.interfaces.console.views.numbers import NOT_MEASURED
from drorch.report.wording import duration

ROWS = 60
"""Rows of one drawing; more are reached by the filter."""


@dataclass(frozen=True, kw_only=True)
class ClockRow:
    """One application's clocks. ``code``: within, met, over or unknown; seconds as of the page."""

    id: str
    name: str
    moments: Mapping[str, str]
    elapsed_s: float | None
    """From the instant that counts to validation, or to now; None when neither is known."""
    rto_s: float
    code: str
    left_s: float
    over_s: float


def clock_rows(report: Report, *, now_s: float) -> tuple[ClockRow, ...]:
    """``now_s`` seconds since the creation of the run. Those nearest to their objective stand first."""
    rows = [_clock_row(app, now_s) for app in report.applications]
    rank = {"over": 0, "within": 1, "unknown": 2, "met": 3}
    return tuple(sorted(rows, key=lambda row: (rank[row.code], row.left_s, row.name)))


def _clock_row(app: ApplicationResult, now_s: float) -> ClockRow:
    clocks, rto = app.clocks, app.recovery_time.rto_s
    began = clocks.declared if app.recovery_time.counts == "declaration" else clocks.outage_start
    ended = clocks.validated
    elapsed = None if began is None else max(0.0, (ended.offset_s if ended else now_s) - began.offset_s)
    if elapsed is None:
        code = "unknown"
    elif elapsed > rto:
        code = "over"
    else:
        code = "met" if ended else "within"
    return ClockRow(
        id=app.id,
        name=app.name,
        moments={name: _clock(getattr(clocks, name)) for name in CLOCK},
        elapsed_s=elapsed,
        rto_s=rto,
        code=code,
        left_s=max(0.0, rto - elapsed) if elapsed is not None else rto,
        over_s=max(0.0, elapsed - rto) if elapsed is not None else 0.0,
    )


def _clock(moment: Moment | None) -> str:
    return NOT_MEASURED if moment is None else moment.wall[11:19]


def _known(clocks: Clocks) -> list[float]:
    found = (clocks.outage_start, clocks.declared, clocks.technically_up, clocks.validated)
    return [moment.offset_s for moment in found if moment is not None]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Rows and the axis, in seconds since the creation of the run; ``left`` rows are not drawn."""

    rows: tuple[Row, ...]
    first: float
    last: float
    left: int


def timeline(
    report: Report, *, now_s: float | None, subjects: frozenset[str] | None, outcomes: Mapping[str, str]
) -> Timeline | None:
    """The drawing's rows; None when nothing has happened. ``now_s`` None: the run has ended.

    ``subjects`` limits the rows (None: all); ``outcomes`` are the words of step outcomes.
    """
    begins = [step.began.offset_s for step in report.steps if step.began]
    if not begins:
        return None
    ends = [step.ended.offset_s for step in report.steps if step.ended]
    seen = [offset for app in report.applications for offset in _known(app.clocks)]
    last = max([*ends, *begins, *seen, now_s if now_s is not None else 0.0])
    first = min(
        [*begins, *[app.clocks.outage_start.offset_s for app in report.applications if app.clocks.outage_start]]
    )
    by_subject: dict[str, list[StepResult]] = {}
    for step in report.steps:
        if step.began and (subjects is None or step.subject in subjects):
            by_subject.setdefault(step.subject, []).append(step)
    apps = {app.id: app for app in report.applications}
    rows = [_row(subject, steps, apps.get(subject), last, outcomes) for subject, steps in by_subject.items()]
    return Timeline(rows=tuple(rows[:ROWS]), first=first, last=last, left=max(0, len(rows) - ROWS))


def _row(
    subject: str, steps: Sequence[StepResult], app: ApplicationResult | None, last: float, outcomes: Mapping[str, str]
) -> Row:
    bars: list[Bar] = []
    if app is not None and app.clocks.outage_start is not None:
        up = app.clocks.technically_up
        ended = up.offset_s if up else last
        bars.append(Bar(began=app.clocks.outage_start.offset_s, ended=ended, kind="outage", title=app.name))
    for step in steps:
        for attempt in step.attempts:
            running = attempt.outcome is StepOutcome.RUNNING
            kind = f"bar-{step.phase}" if attempt.outcome in {StepOutcome.DONE, StepOutcome.RUNNING} else (
                f"bar-{attempt.outcome.value}"
            )  # fmt: skip
            word = outcomes.get(attempt.outcome.value, attempt.outcome.value)
            time = f", {duration(attempt.seconds)}" if attempt.seconds is not None else ""
            bars.append(
                Bar(
                    began=attempt.began.offset_s,
                    ended=attempt.ended.offset_s if attempt.ended else last,
                    kind=f"{kind} bar-running" if running else kind,
                    title=f"{step.title}: {word}{time}",
                )
            )
    due, note = None, ""
    if app is not None:
        began = app.clocks.declared if app.recovery_time.counts == "declaration" else app.clocks.outage_start
        note = f"RTO {duration(app.recovery_time.rto_s)}"
        if began is not None and began.offset_s + app.recovery_time.rto_s <= last:
            due = began.offset_s + app.recovery_time.rto_s
    name = app.name if app is not None else subject
    return Row(label=name, title=f"{name} ({subject})", bars=tuple(bars), note=note, due=due, due_title=note)
