"""Drawings of the console as SVG with classes only: no inline style, so that the style sheet also colours the dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from drorch.report.wording import duration, fitted

_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS = 9
WIDTH, LABEL, RIGHT, ROW, TOP = 1080, 220, 96, 22, 26


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One stretch of a row, in seconds from the left edge. ``kind`` is a class of the style sheet."""

    began: float
    ended: float
    kind: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a Gantt. ``due``: where the objective falls; None without one."""

    label: str
    title: str
    bars: tuple[Bar, ...]
    note: str = ""
    due: float | None = None
    due_title: str = ""
    link: str = ""


def tag(name: str, content: Iterable[Markup] | str = (), **attributes: object) -> Markup:
    """One element; names: ``_`` becomes ``-``, ``cls`` is class. Everything is escaped."""
    named = {("class" if key == "cls" else key.replace("_", "-")): value for key, value in attributes.items()}
    texts = "".join(f' {key}="{escape(_short(value))}"' for key, value in named.items())
    inner = escape(content) if isinstance(content, str) else Markup("").join(content)
    return Markup("<{}{}>{}</{}>").format(Markup(name), Markup(texts), inner, Markup(name))


def _short(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def gantt(rows: Sequence[Row], *, first: float, last: float, now: float | None, words: Mapping[str, str]) -> Markup:
    """Rows over time from ``first`` to ``last`` seconds. ``words``: translated ``label``, ``now`` and ``objective``."""
    span = max(last - first, 1.0)

    def x(seconds: float) -> float:
        inside = min(max(seconds, first), first + span)
        return LABEL + (inside - first) / span * (WIDTH - LABEL - RIGHT)

    height = TOP + ROW * len(rows) + 6
    parts = [tag("title", words["label"])]
    distance = next((tick for tick in _TICKS if span / tick <= _MOST_TICKS), span / _MOST_TICKS)
    for place in range(int(span / distance) + 1):
        at = first + place * distance
        parts.append(tag("line", cls="grid", x1=x(at), x2=x(at), y1=18, y2=height))
        parts.append(tag("text", "0" if place == 0 else "+" + duration(place * distance), cls="tick", x=x(at), y=12))
    for number, row in enumerate(rows):
        parts += _row(row, TOP + number * ROW, number, x)
    if now is not None and first <= now <= last:
        parts.append(tag("line", [tag("title", words["now"])], cls="now", x1=x(now), x2=x(now), y1=18, y2=height))
    return tag("svg", parts, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=words["label"], cls="gantt")


def _row(row: Row, y: float, number: int, x: object) -> list[Markup]:
    place = x if callable(x) else float
    parts = [tag("rect", cls="stripe", x=0, y=y, width=WIDTH, height=ROW)] if number % 2 == 0 else []
    label = [tag("title", row.title), escape(fitted(row.label, 30).strip())]
    parts.append(tag("text", label, cls="label", x=LABEL - 10, y=y + 15))
    for bar in row.bars:
        left, right = place(bar.began), place(bar.ended)
        inset = 2 if bar.kind.startswith("outage") else 5
        parts.append(
            tag(
                "rect", [tag("title", bar.title)], cls=f"bar {bar.kind}", x=left, y=y + inset,
                width=max(right - left, 2.0), height=ROW - 2 * inset, rx=2,
            )
        )  # fmt: skip
    if row.due is not None:
        due = place(row.due)
        parts.append(tag("line", [tag("title", row.due_title)], cls="due", x1=due, x2=due, y1=y, y2=y + ROW))
    if row.note:
        parts.append(tag("text", row.note, cls="note", x=WIDTH - RIGHT + 8, y=y + 15))
    return parts


def share_bar(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """A thin bar of shares; ``parts`` are tone and count. The numbers stand beside it as text."""
    total = sum(count for _, count in parts)
    drawn, left = [tag("title", label)], 0.0
    for tone, count in parts:
        if total and count:
            width = count / total * 200
            drawn.append(tag("rect", cls=f"fill-{tone}", x=left, y=0, width=max(width - 1, 1.0), height=8))
            left += width
    if not total:
        drawn.append(tag("rect", cls="fill-none", x=0, y=0, width=200, height=8))
    return tag("svg", drawn, viewBox="0 0 200 8", preserveAspectRatio="none", role="img", aria_label=label, cls="share")
