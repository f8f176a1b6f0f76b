"""Drawings of the record: phases over time, and each application's steps against its RTO. Geometry only, no results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from drorch.evidence.record.model import ApplicationResult, Moment, Report, StepOutcome, StepResult
from drorch.plan.model import SubjectKind
from drorch.report import wording
from drorch.report.text import gravest_first

WIDTH = 1080
_LABEL = 236
_RIGHT = 118
_TICKS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS = 10
_ROW = 22


def _tag(name: str, content: Iterable[Markup] | str = (), **attributes: object) -> Markup:
    """One element. Attribute names: ``_`` becomes ``-``, ``cls`` is class. Everything is escaped."""
    named = {("class" if key == "cls" else key.replace("_", "-")): value for key, value in attributes.items()}
    texts = " ".join(f'{key}="{escape(_short(value))}"' for key, value in named.items())
    inner = escape(content) if isinstance(content, str) else Markup("").join(content)
    return Markup("<{} {}>{}</{}>").format(Markup(name), Markup(texts), inner, Markup(name))


def _short(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Seconds since the creation of the run to pixels."""

    first: float
    last: float

    def x(self, seconds: float) -> float:
        """Pixel of a second; held inside the drawing."""
        inside = min(max(seconds, self.first), self.last)
        return _LABEL + (inside - self.first) / (self.last - self.first) * (WIDTH - _LABEL - _RIGHT)

    def ticks(self) -> list[float]:
        """Round seconds counted from the left edge."""
        span = self.last - self.first
        distance = next((tick for tick in _TICKS if span / tick <= _MOST_TICKS), span / _MOST_TICKS)
        return [self.first + place * distance for place in range(int(span / distance) + 1)]

    def drawn(self, height: float) -> list[Markup]:
        """Grid lines with their times on top, counted from the left edge."""
        parts = []
        for tick in self.ticks():
            x = self.x(tick)
            parts.append(_tag("line", cls="grid", x1=x, x2=x, y1=20, y2=height))
            text = "0" if tick == self.first else "+" + wording.duration(tick - self.first)
            parts.append(_tag("text", text, cls="tick", x=x, y=14, text_anchor="middle"))
        return parts


def axis_of(report: Report) -> Axis | None:
    """From the first outage (or the start of the run) to the last thing that happened; None when nothing did."""
    moments: list[Moment | None] = [report.run.started, report.run.ended]
    for step in report.steps:
        moments += [step.began, step.ended]
    for app in report.applications:
        clocks = app.clocks
        moments += [clocks.outage_start, clocks.declared, clocks.technically_up, clocks.validated]
    known = [moment.offset_s for moment in moments if moment]
    return Axis(first=min(known), last=max(known)) if known and max(known) > min(known) else None


def phases_svg(report: Report) -> Markup:
    """One bar per phase, and the instants people ask for."""
    axis = axis_of(report)
    if axis is None or not report.phases:
        return Markup("")
    top = 30
    height = top + _ROW * len(report.phases) + 34
    parts = [_tag("title", "Phases of the run over time"), *axis.drawn(height - 30)]
    for row, span in enumerate(report.phases):
        y = top + row * _ROW
        ended = span.ended.offset_s if span.ended else axis.last
        parts.append(_tag("text", span.phase, cls="label", x=_LABEL - 12, y=y + 15, text_anchor="end"))
        parts.append(_bar(axis, span.began.offset_s, ended, y, f"phase {span.phase}", f"p-{span.phase}"))
        parts.append(_tag("text", wording.duration(span.seconds), cls="note", x=axis.x(ended) + 6, y=y + 15))
    starts = [app.clocks.outage_start for app in report.applications if app.clocks.outage_start]
    first_outage = min(starts, key=lambda moment: moment.mono, default=None)
    declared = report.run.declaration.at if report.run.declaration else None
    marks = (("outage", first_outage), ("declared", declared), ("ended", report.run.ended))
    for text, moment in marks:
        if moment:
            x = axis.x(moment.offset_s)
            parts.append(_tag("line", cls="mark", x1=x, x2=x, y1=20, y2=height - 18))
            anchor = "start" if text != "ended" else "end"
            parts.append(_tag("text", text, cls="marktext", x=x + 3, y=height - 6, text_anchor=anchor))
    return _drawing(parts, height, "Phases of the run over time")


def gantt_svg(report: Report) -> Markup:
    """Steps of groups and applications over time; the outage behind them and the RTO as a line or an arrow."""
    axis = axis_of(report)
    if axis is None:
        return Markup("")
    by_subject: dict[str, list[StepResult]] = {}
    for step in report.steps:
        by_subject.setdefault(step.subject, []).append(step)
    groups = dict.fromkeys(step.subject for step in report.steps if step.subject_kind != SubjectKind.APPLICATION)
    rows: list[tuple[str, str, ApplicationResult | None]] = [(subject, subject, None) for subject in groups]
    rows += [(app.id, app.name, app) for app in gravest_first(report.applications)]
    rows += [(item.id, item.name, None) for item in report.remote_access.applications]
    top = 30
    height = top + _ROW * len(rows) + 8
    parts = [_tag("title", "Steps of each application over time, against its RTO"), *axis.drawn(height)]
    for row, (subject, name, app) in enumerate(rows):
        y = top + row * _ROW
        if row % 2 == 0:
            parts.append(_tag("rect", cls="stripe", x=0, y=y, width=WIDTH, height=_ROW))
        label = "label group" if subject in groups else "label" if app else "label remote"
        shown = [_tag("title", f"{name} ({subject})"), escape(wording.fitted(name, 32).strip())]
        parts.append(_tag("text", shown, cls=label, x=_LABEL - 12, y=y + 15, text_anchor="end"))
        parts += _gantt_row(axis, name, app, by_subject.get(subject, []), y)
        if label.endswith("remote"):
            parts.append(_tag("text", "remote access", cls="rtotext", x=WIDTH - _RIGHT + 8, y=y + 15))
    return _drawing(parts, height, "Steps of each application over time, against its RTO")


def _gantt_row(axis: Axis, name: str, app: ApplicationResult | None, steps: list[StepResult], y: float) -> list[Markup]:
    parts: list[Markup] = []
    if app and app.clocks.outage_start:
        began, up = app.clocks.outage_start, app.clocks.technically_up
        until = up.offset_s if up else axis.last
        text = f"{name}: outage, {'up again' if up else 'not seen up again'}"
        parts.append(_bar(axis, began.offset_s, until, y, text, "outage" if up else "outage open", inset=1))
    for step in steps:
        parts += [
            _bar(
                axis,
                attempt.began.offset_s,
                attempt.ended.offset_s if attempt.ended else axis.last,
                y,
                f"{step.title}: {wording.OUTCOME_WORDS[attempt.outcome]} in {wording.duration(attempt.seconds)}",
                f"p-{step.phase}" if attempt.outcome is StepOutcome.DONE else f"o-{attempt.outcome.value}",
            )
            for attempt in step.attempts
        ]
    blocked = sum(step.outcome is StepOutcome.BLOCKED for step in steps)
    return parts + (_rto(axis, app, y) if app else []) + (_stopped(axis, steps, y) if blocked else [])


def _rto(axis: Axis, app: ApplicationResult, y: float) -> list[Markup]:
    """The RTO as a line where it falls due, or as an arrow to the right when that is beyond the drawing."""
    clocks, objective = app.clocks, app.recovery_time.rto_s
    counted_from = clocks.declared if app.recovery_time.counts == "declaration" else clocks.outage_start
    text = f"RTO {wording.duration(objective)}"
    if counted_from is None:
        return []
    due = counted_from.offset_s + objective
    if due <= axis.last:
        x = axis.x(due)
        title = _tag("title", f"{app.name}: {text} from the {app.recovery_time.counts}")
        return [
            _tag("line", [title], cls="rto", x1=x, x2=x, y1=y, y2=y + _ROW),
            _tag("text", text, cls="rtotext here", x=WIDTH - _RIGHT + 8, y=y + 15),
        ]
    return [_tag("text", f"{text} →", cls="rtotext", x=WIDTH - _RIGHT + 8, y=y + 15)]


def _stopped(axis: Axis, steps: list[StepResult], y: float) -> list[Markup]:
    """Which failure kept the rest of the row from starting: right of the row's last bar, or left of its first."""
    roots = {root for step in steps for root in step.blocked_because}
    text = "not started: needs " + ", ".join(sorted(roots))
    shown = [_tag("title", text), escape(wording.fitted(text, 60).strip())]
    begins = [step.began.offset_s for step in steps if step.began]
    ends = [step.ended.offset_s for step in steps if step.ended]
    x = axis.x(max(ends, default=axis.first)) + 6
    if begins and x > WIDTH / 2:
        return [_tag("text", shown, cls="stopped", x=axis.x(min(begins)) - 6, y=y + 15, text_anchor="end")]
    return [_tag("text", shown, cls="stopped", x=x, y=y + 15)]


def _bar(axis: Axis, began: float, ended: float, y: float, text: str, cls: str, inset: int = 5) -> Markup:
    left, right = axis.x(began), axis.x(ended)
    return _tag(
        "rect",
        [_tag("title", text)],
        cls=cls,
        x=left,
        y=y + inset,
        width=max(right - left, 2.0),
        height=_ROW - 2 * inset,
        rx=2,
    )


def _drawing(parts: list[Markup], height: float, label: str) -> Markup:
    return _tag("svg", parts, viewBox=f"0 0 {WIDTH} {_short(height)}", role="img", aria_label=label)
